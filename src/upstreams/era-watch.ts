import type { Era } from '../protocol/versions.ts';
import { askEra } from './connect-http.ts';
import { type KnownEras, remembered, verdictKey, verdictMs } from './connection/era.ts';
import type { Link, LinkContext } from './connection/link.ts';

/** What is known of an upstream's era, and when it has to be asked for again while a link lives. */
export interface EraWatch {
  /** The era to connect in; undefined: it has to be found out. */
  known(): Era | undefined;
  settled(link: Link): void;
  /** Connecting failed, perhaps since the remembered era is wrong: forgets it. */
  failed(): void;
  /** The registry entry was replaced. */
  adopted(): void;
  /** Nothing is in flight, and what is known is too old to be relied on. */
  due(link: Link): boolean;
  /** Asks over another connection, once for all who wait. True: it became modern and the link is not busy, so a new link is better. */
  ask(link: Link, closing: AbortSignal): Promise<boolean>;
}

/** An upgraded server goes on answering `initialize`, so a link that is legacy never finds out by itself that it could be modern by now. */
export function openEraWatch(context: LinkContext, verdicts: KnownEras, now: () => number): EraWatch {
  const { era, url } = context.entry;
  let key = verdictKey(context.entry);
  let staleAt = Number.POSITIVE_INFINITY;
  let asking: Promise<boolean> | undefined;

  async function ask(link: Link, closing: AbortSignal): Promise<boolean> {
    const presentEra = await askEra(context, AbortSignal.any([closing, AbortSignal.timeout(context.limits.probeMs)])).catch(
      () => undefined,
    );
    // Also after a failure: the call itself meets the trouble, and the era is asked for again a day later.
    staleAt = now() + verdictMs;
    if (presentEra) verdicts.set(key, { era: presentEra, at: now() });
    return presentEra === 'modern' && !link.busy();
  }

  return {
    known: () => (era === 'auto' ? remembered(verdicts, key, now()) : era),
    settled(link) {
      if (era !== 'auto') return;
      if (remembered(verdicts, key, now()) !== link.era) verdicts.set(key, { era: link.era, at: now() });
      // The era of a running process does not change.
      staleAt = link.era === 'legacy' && url !== undefined ? (verdicts.get(key)?.at ?? now()) + verdictMs : Number.POSITIVE_INFINITY;
    },
    failed: () => verdicts.drop(key),
    adopted() {
      const before = key;
      key = verdictKey(context.entry);
      // Another version may speak another era.
      if (key !== before && staleAt < Number.POSITIVE_INFINITY) staleAt = 0;
    },
    due: (link) => now() >= staleAt && !link.busy(),
    ask(link, closing) {
      asking ??= ask(link, closing).finally(() => {
        asking = undefined;
      });
      return asking;
    },
  };
}
