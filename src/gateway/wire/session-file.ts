import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { replaceFileSync } from '../../base/file.ts';
import type { Log } from '../../base/log.ts';

/** What is kept of a legacy session: enough to go on under its id after a restart of ours. */
const kept = z.object({
  id: z.uuid(),
  agent: z.string(),
  /** Of the address that it was opened at. */
  path: z.string(),
  version: z.string(),
  capabilities: z.record(z.string(), z.unknown()),
  clientInfo: z.object({ name: z.string(), version: z.string() }),
  logLevel: z.string().optional(),
  /** Resources it is subscribed to, as the agent knows them. */
  uris: z.array(z.string()),
  /** Milliseconds since the epoch. */
  lastUsed: z.number(),
});
const content = z.object({ format: z.literal(1), sessions: z.array(z.unknown()) });
export type KeptSession = z.infer<typeof kept>;

/** Some agents do not begin anew when a session is unknown (their connection stays dead), so a lost file costs more than it seems. It holds no secret. */
export function readSessions(file: string, log: Log): KeptSession[] {
  try {
    const { sessions } = content.parse(JSON.parse(readFileSync(file, 'utf8')));
    // One by one: what one agent said must not cost another one its session.
    const read = sessions.map((session) => kept.safeParse(session));
    const good = read.flatMap(({ data }) => data ?? []);
    if (good.length < read.length) log.warn({ lost: read.length - good.length }, 'some of the sessions of before cannot be read');
    return good;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ error: String(error) }, 'the sessions of before cannot be read; agents begin new ones');
    return [];
  }
}

export const writeSessions = (file: string, sessions: KeptSession[]): void =>
  replaceFileSync(file, JSON.stringify({ format: 1, sessions }));
