import { randomUUID } from 'node:crypto';

/** A modern agent's session: it has none on the wire, so calls of one program that follow each other closely are taken for one. */
export interface Conversations {
  /** The same id for the same agent, program and address until it was silent for half an hour. */
  of(agent: string, scope: string, client: { name: string; version: string }, now: number): string;
}

const silentMs = 30 * 60_000;
const most = 1000;

export function openConversations(): Conversations {
  const open = new Map<string, { id: string; lastSeen: number }>();
  return {
    of(agent, scope, client, now) {
      const key = JSON.stringify([agent, scope, client.name, client.version]);
      const known = open.get(key);
      if (known && now - known.lastSeen < silentMs) {
        known.lastSeen = now;
        return known.id;
      }
      // Names come from agents: what they can make us remember is bounded, the oldest goes first.
      if (open.size >= most) open.delete(open.keys().next().value as string);
      const id = randomUUID();
      open.delete(key);
      open.set(key, { id, lastSeen: now });
      return id;
    },
  };
}
