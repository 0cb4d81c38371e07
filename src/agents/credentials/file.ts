import { readFileSync, renameSync } from 'node:fs';
import { z } from 'zod';
import { type ErrorValue, Failure } from '../../base/errors.ts';
import { replaceFileSync } from '../../base/file.ts';
import type { Log } from '../../base/log.ts';

/** SHA-256 of a token, base64url: 256 random bits need no salt and no slow hash. */
const hash = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
/** Milliseconds since the epoch. */
const at = z.number();

/** What the person gave a client of OAuth for one address. All tokens that came of it are one family: reuse of one ends them all. */
const grant = z.strictObject({
  id: z.string().min(1).max(64),
  /** `client_id`. */
  client: z.string().min(1).max(2048),
  /** Path of the address that its tokens are good for. */
  resource: z.string().min(1).max(200),
  createdAt: z.iso.datetime(),
  refresh: z.array(z.strictObject({ hash, at, spentAt: at.optional(), uses: z.int().optional() })),
  access: z.array(z.strictObject({ hash, expiresAt: at })),
});

const agent = z.strictObject({
  name: z.string().min(1).max(64),
  /** Of its static token; an agent that signed in by itself has `grants` instead. */
  hash: hash.optional(),
  /** Kept where the last one has ended, too: the agent can sign in again under its name. */
  grants: z.array(grant).optional(),
  /** Which client signed in as it; kept when its grants are gone. */
  client_id: z.string().max(2048).optional(),
  /** The only servers that its person lets it reach; absent: all that the company's rules allow. */
  servers: z.array(z.string().min(1).max(64)).optional(),
  /** From then on it is out. */
  expiresAt: z.iso.datetime().optional(),
  createdAt: z.iso.datetime(),
  revokedAt: z.iso.datetime().optional(),
  lastSeenAt: z.iso.datetime().optional(),
  client: z.strictObject({ name: z.string(), version: z.string() }).optional(),
  era: z.enum(['legacy', 'modern']).optional(),
});
const content = z.strictObject({ version: z.literal(1), agents: z.array(agent) });

export type Agent = z.infer<typeof agent>;
export type Grant = z.infer<typeof grant>;

/**
 * Reads the agents. A file that is not wholly as we write it is put aside and counts as empty: better that every agent must be added
 * anew than that a half-read list forgets a revocation. A file that cannot be read at all is a Failure, for its content may be intact.
 */
export function readAgents(file: string, at: number, log: Log): { agents: Agent[]; error: ErrorValue | undefined } {
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { agents: [], error: undefined };
    throw new Failure('unavailable', 'The list of agents cannot be read.', `Check the permissions of ${file}.`, { cause });
  }
  try {
    return { agents: content.parse(JSON.parse(source)).agents, error: undefined };
  } catch {
    const kept = `${file}.damaged-${new Date(at).toISOString().replaceAll(/[:.]/g, '-')}`;
    renameSync(file, kept);
    log.error({ kept }, 'agents: the file was damaged and is kept aside');
    return {
      agents: [],
      error: {
        code: 'integrity',
        message: `The list of agents was damaged, so no agent is let in. The file is kept as ${kept}.`,
        fix: 'Add your agents anew with `gatehouse agents add NAME` and give each its new token.',
      },
    };
  }
}

/** Replaces the file in one step, readable by this user only. */
export function writeAgents(file: string, agents: readonly Agent[]): void {
  replaceFileSync(file, `${JSON.stringify({ version: 1, agents }, undefined, 2)}\n`);
}
