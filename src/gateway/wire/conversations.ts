import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { replaceFileSync } from '../../base/file.ts';
import type { Log } from '../../base/log.ts';
import type { Address } from '../catalogue/address.ts';

/** Replaces sessions, which modern agents do not have: calls of one program that follow each other closely count as one conversation. */
export interface Conversations {
  /** The same id for the same agent, program and address until it was silent for half an hour, over a restart of ours too. */
  of(agent: string, address: Address, client: { name: string; version: string }, now: number): string;
  close(): void;
}

const silentMs = 30 * 60_000;
const most = 1000;
/** A new one is saved soon. That one goes on is saved later: a crash costs so much of its half hour. */
const saveNewAfterMs = 250;
const saveSeenAfterMs = 60_000;

const content = z.object({
  format: z.literal(1),
  conversations: z.array(z.object({ key: z.string(), id: z.uuid(), lastSeen: z.number() })),
});

/** `file`: where they are kept; absent: they end with us. */
export function openConversations(file: string | undefined, log: Log): Conversations {
  const open = new Map<string, { id: string; lastSeen: number }>();
  let timer: NodeJS.Timeout | undefined;
  let dueIn = Number.POSITIVE_INFINITY;

  if (file !== undefined)
    try {
      const { conversations } = content.parse(JSON.parse(readFileSync(file, 'utf8')));
      for (const { key, id, lastSeen } of conversations.slice(-most)) open.set(key, { id, lastSeen });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        log.warn({ error: String(error) }, 'the conversations of before cannot be read; the ledger begins new ones');
    }

  function save(): void {
    clearTimeout(timer);
    timer = undefined;
    dueIn = Number.POSITIVE_INFINITY;
    try {
      const conversations = [...open].map(([key, { id, lastSeen }]) => ({ key, id, lastSeen }));
      if (file !== undefined) replaceFileSync(file, JSON.stringify({ format: 1, conversations }));
    } catch (error) {
      log.warn({ error: String(error) }, 'the conversations cannot be kept; after a restart the ledger begins new ones');
    }
  }

  function saveIn(ms: number): void {
    if (file === undefined || ms >= dueIn) return;
    clearTimeout(timer);
    dueIn = ms;
    timer = setTimeout(save, ms).unref();
  }

  return {
    of(agent, address, client, now) {
      const key = JSON.stringify([agent, address.path, client.name, client.version]);
      const conversation = open.get(key);
      if (conversation && now - conversation.lastSeen < silentMs) {
        conversation.lastSeen = now;
        saveIn(saveSeenAfterMs);
        return conversation.id;
      }
      // Names come from agents: what they can make us remember is bounded, the oldest goes first.
      if (open.size >= most) open.delete(open.keys().next().value as string);
      const id = randomUUID();
      open.delete(key);
      open.set(key, { id, lastSeen: now });
      saveIn(saveNewAfterMs);
      return id;
    },
    close() {
      if (timer) save();
    },
  };
}
