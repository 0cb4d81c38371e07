import type { Log } from '../../base/log.ts';
import type { HeaderList } from '../credentials/credentials.ts';
import type { Kept, Store } from './kept.ts';
import { headersOf, isOver, refreshed, told } from './tokens.ts';

/** Milliseconds. Refreshes that fail, and those for a server that refuses what it gets, are at least this far apart, however many calls there are. */
const gap = 5_000;

/** Keeps the tokens of sign-ins good: ahead of need, one request for all calls that wait. */
export interface Refreshing {
  /** Undefined: the sign-in is over. */
  headers(server: string, kept: Kept, store: Store): HeaderList | Promise<HeaderList | undefined> | undefined;
  /** The server refused `refused`. Undefined: there is nothing else to try. */
  renew(server: string, kept: Kept, store: Store, refused: HeaderList): Promise<HeaderList | undefined>;
  isOver(kept: Kept): boolean;
  forget(server: string): void;
  clear(): void;
}

interface Under {
  running?: Promise<HeaderList | undefined>;
  failed?: { at: number; error: Error };
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
  const all = new Map<string, Under>();
  /** Sign-ins that the server or its authorization server takes no more. */
  const over = new WeakSet<Kept>();
  const of = (server: string): Under => {
    const under = all.get(server) ?? {};
    all.set(server, under);
    return under;
  };
  const within = (at: number | undefined): boolean => at !== undefined && Math.abs(now() - at) < gap;

  function end(kept: Kept) {
    over.add(kept);
    changed();
  }

  // INVARIANT: one refresh is under way for a sign-in. With rotation a second one would replay its token, and the server would take that for a theft
  // and end the whole sign-in (RFC 9700 section 4.14.2). The new token is safe before anybody gets it.
  function refresh(server: string, kept: Kept, store: Store): Promise<HeaderList | undefined> {
    const under = of(server);
    under.running ??= refreshed(kept, now)
      .then(async (next) => {
        if (store.servers.get(server) !== kept) {
          dropped(next);
          return undefined;
        }
        await store.set(server, next);
        delete under.failed;
        changed();
        return headersOf(next);
      })
      .catch((error: unknown) => {
        log.warn({ server, reason: told(error) }, 'the sign-in at a server could not be renewed');
        if (isOver(error)) {
          end(kept);
          return undefined;
        }
        under.failed = { at: now(), error: new Error(`its sign-in could not be renewed: ${told(error)}`) };
        throw under.failed.error;
      })
      .finally(() => {
        delete under.running;
      });
    return under.running;
  }

  return {
    headers(server, kept, store) {
      if (over.has(kept)) return undefined;
      const at = now();
      const { failed } = of(server);
      if (kept.expiresAt === undefined || at < kept.expiresAt) {
        if (kept.refreshToken !== undefined && kept.refreshAt !== undefined && at >= kept.refreshAt && !within(failed?.at))
          refresh(server, kept, store).catch(() => {});
        return headersOf(kept);
      }
      if (kept.refreshToken === undefined) return undefined;
      if (within(failed?.at)) return Promise.reject(failed!.error);
      return refresh(server, kept, store);
    },
    async renew(server, kept, store, refused) {
      const under = of(server);
      // Refused was an older one: the present one may be good.
      if (headersOf(kept) !== refused && !over.has(kept)) return headersOf(kept);
      if (kept.refreshToken === undefined || (!under.running && within(under.renewedAt))) {
        end(kept);
        return undefined;
      }
      under.renewedAt = now();
      return await refresh(server, kept, store);
    },
    isOver: (kept) => over.has(kept),
    forget: (server) => void all.delete(server),
    clear: () => all.clear(),
  };
}
