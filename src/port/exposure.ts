import { readFileSync, rmSync } from 'node:fs';
import { z } from 'zod';
import { replaceFileSync } from '../base/file.ts';
import type { Log } from '../base/log.ts';
import type { Exposure } from '../contract/agents.ts';

const content = z.strictObject({
  version: z.literal(1),
  since: z.iso.datetime(),
  /** Absent while it lasts. */
  until: z.iso.datetime().optional(),
  address: z.string(),
  holder: z.string(),
  credentials: z.array(z.strictObject({ name: z.string(), createdAt: z.iso.datetime() })),
});
type Content = z.infer<typeof content>;
export type Credential = Content['credentials'][number];

export interface Exposures {
  current(): Exposure | undefined;
  /** Adds the credentials that are good now. Returns whether that says anything new. */
  begin(address: string, holder: string): boolean;
  /** The address is ours again. */
  end(): void;
  /** To be called when a credential was revoked: an exposure that is over is forgotten once none of its credentials is good. */
  prune(): void;
  dismiss(): void;
}

/**
 * Kept in a private file, so that a restart forgets nothing. A file that exists and cannot be read counts as one that names every credential: it
 * was written because some of them were at stake.
 */
export function openExposures(options: { file: string; live: () => Credential[]; now: () => number; log: Log }): Exposures {
  const { file, live, log } = options;
  const now = () => new Date(options.now()).toISOString();
  let held = read();

  function read(): Content | undefined {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : unread(error);
    }
    try {
      return content.parse(JSON.parse(text));
    } catch (error) {
      return unread(error);
    }
  }

  function unread(error: unknown): Content {
    log.error({ error: String(error), file }, 'the list of exposed credentials cannot be read, so it counts as a list of all');
    return {
      version: 1,
      since: now(),
      address: 'the port',
      holder: 'a program that was noted in a file that cannot be read',
      credentials: live(),
    };
  }

  function keep(next: Content | undefined): void {
    held = next;
    try {
      if (next === undefined) return rmSync(file, { force: true });
      replaceFileSync(file, `${JSON.stringify(next)}\n`);
    } catch (error) {
      log.error({ error: String(error) }, 'the list of exposed credentials cannot be kept; a restart will forget it');
    }
  }

  /** A new credential under the same name is another one. */
  const good = ({ name, createdAt }: Credential) =>
    live().some((credential) => credential.name === name && credential.createdAt === createdAt);

  return {
    current() {
      if (held === undefined) return undefined;
      const { since, until, address, holder, credentials } = held;
      const agents = credentials.filter(good).map(({ name }) => name);
      const others = credentials.map(({ name }) => name).filter((name) => !agents.includes(name));
      return {
        since,
        ...(until === undefined ? {} : { until }),
        address,
        holder,
        agents,
        revoked: [...new Set(others)],
      };
    },
    begin(address, holder) {
      const before = held?.credentials ?? [];
      const added = live().filter(
        ({ name, createdAt }) => !before.some((credential) => credential.name === name && credential.createdAt === createdAt),
      );
      const same = held !== undefined && held.until === undefined && held.address === address && held.holder === holder;
      if (same && added.length === 0) return false;
      keep({ version: 1, since: held?.since ?? now(), address, holder, credentials: [...before, ...added] });
      return true;
    },
    end() {
      if (held === undefined || held.until !== undefined) return;
      keep(held.credentials.some(good) ? { ...held, until: now() } : undefined);
    },
    prune() {
      if (held?.until !== undefined && !held.credentials.some(good)) keep(undefined);
    },
    dismiss: () => keep(undefined),
  };
}
