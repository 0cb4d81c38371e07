import type { Log } from '../../base/log.ts';
import type { HeaderList } from '../credentials/credentials.ts';
import type { Kept, Store } from './kept.ts';
import { headersOf, isOver, refreshed, told } from './tokens.ts';

/** Milliseconds. Refreshes that fail, and those for a server that refuses what it gets, are at least this far apart, however many calls there are. */
const gap = 5_000;

/** Keeps the tokens of sign-ins good: ahead of need, one request for all calls that wait. */
export interface Refreshing {
  /** Undefined: the sign-in is over. */
  headers(at: Place, kept: Kept): HeaderList | Promise<HeaderList | undefined> | undefined;
  /** The server refused `refused`. Undefined: there is nothing else to try. */
  renew(at: Place, kept: Kept, refused: HeaderList): Promise<HeaderList | undefined>;
  isOver(kept: Kept): boolean;
  /** Resolves when no refresh is under way: what it brings is stored by then. */
  settled(): Promise<void>;
}

/** Where a sign-in is kept. */
export interface Place {
  server: string;
  account: string;
  store: Store;
}

interface Under {
  running?: Promise<HeaderList | undefined>;
  failed?: { at: number; error: Error };
  /** When it was made by a refresh. */
  renewedAt?: number;
}

export function openRefreshing(options: {
  now(): number;
  log: Log;
  changed(): void;
  /** A token came for a sign-in that has ended meanwhile. */
  dropped(kept: Kept): void;
}): Refreshing {
  const { now, log, changed, dropped } = options;
  // By the sign-in itself, whoever is present: people take turns, and a refresh goes on.
  const all = new WeakMap<Kept, Under>();
  const under = new Set<Promise<unknown>>();
  /** Sign-ins that the authorization server takes no more. */
  const over = new WeakSet<Kept>();
  const of = (kept: Kept): Under => {
    const found = all.get(kept) ?? {};
    all.set(kept, found);
    return found;
  };
  const within = (at: number | undefined): boolean => at !== undefined && Math.abs(now() - at) < gap;
  const hasEnded = (kept: Kept): boolean => kept.expiresAt !== undefined && now() >= kept.expiresAt;

  // INVARIANT: one refresh is under way for a sign-in. With rotation a second one would replay its token, and the server would take that for a theft
  // and end the whole sign-in (RFC 9700 section 4.14.2). The new token is safe before anybody gets it.
  function refresh({ server, account, store }: Place, kept: Kept): Promise<HeaderList | undefined> {
    const mine = of(kept);
    if (mine.running) return mine.running;
    const running = refreshed(kept, now)
      .then(async (next) => {
        if (store.servers.get(server) !== kept) {
          dropped(next);
          return undefined;
        }
        of(next).renewedAt = now();
        await store.set(server, next);
        changed();
        return headersOf(next, account);
      })
      .catch((error: unknown) => {
        log.warn({ server, reason: told(error) }, 'the sign-in at a server could not be renewed');
        if (isOver(error)) {
          over.add(kept);
          changed();
          return undefined;
        }
        mine.failed = { at: now(), error: new Error(`its sign-in could not be renewed: ${told(error)}`) };
        throw mine.failed.error;
      })
      .finally(() => {
        delete mine.running;
        under.delete(running);
      });
    mine.running = running;
    under.add(running);
    return running;
  }

  return {
    headers(at, kept) {
      if (over.has(kept)) return undefined;
      const { failed } = of(kept);
      if (!hasEnded(kept)) {
        if (kept.refreshToken !== undefined && kept.refreshAt !== undefined && now() >= kept.refreshAt && !within(failed?.at))
          refresh(at, kept).catch(() => {});
        return headersOf(kept, at.account);
      }
      if (kept.refreshToken === undefined) return undefined;
      return within(failed?.at) ? Promise.reject(failed!.error) : refresh(at, kept);
    },
    async renew(at, kept, refused) {
      if (over.has(kept)) return undefined;
      // Refused was an older one: the present one may be good.
      if (headersOf(kept, at.account) !== refused) return headersOf(kept, at.account);
      const { running, failed, renewedAt } = of(kept);
      if (kept.refreshToken === undefined || (!running && within(renewedAt))) return undefined;
      // Nobody knows whether the sign-in is good while its authorization server is away.
      if (!running && within(failed?.at)) throw failed!.error;
      return await refresh(at, kept);
    },
    isOver: (kept) => over.has(kept) || (kept.refreshToken === undefined && hasEnded(kept)),
    settled: async () => void (await Promise.allSettled(under)),
  };
}
