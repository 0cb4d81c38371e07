import { isDeepStrictEqual } from 'node:util';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { Output } from '../local/output.ts';
import { UpstreamError, type UpstreamStatus } from '../upstream.ts';
import { type Concealer, openConcealer } from './conceal.ts';
import { type Filled, nothing } from './fill.ts';
import { filledOf, lackError, lackWords, type SecretSource } from './source.ts';

/** The secrets of one connection: those that it began with, whose they are, and what keeps them out of all that the server says. */
export interface InUse {
  /** For what is begun now. What has begun keeps those that it had. */
  readonly filled: Filled;
  readonly concealer: Concealer;
  /** Whether the entry takes any. */
  any(): boolean;
  /** Rejects with an UpstreamError where one is lacking. */
  allThere(): Promise<void>;
  /** Takes the present ones. Throws an UpstreamError where one is lacking. */
  begin(): void;
  /** Whether whoever is here now began with them. */
  areMine(): boolean;
  /** Whether the next ones would be the same, and nobody else's. */
  areCurrent(): boolean;
  /** Remembers who is here. What it returns throws an UpstreamError once that is somebody else. */
  asker(): () => void;
  /** In the place of the connection's own, where one is lacking. */
  status(): UpstreamStatus | undefined;
}

export function openInUse(source: SecretSource, entry: () => ServerEntry, output: Output | undefined): InUse {
  let begun: { filled: Filled; whose: unknown } = { filled: nothing, whose: undefined };
  const concealer = openConcealer();
  const any = () => entry().secrets.length > 0;
  const areMine = () => !any() || source.whose() === begun.whose;
  return {
    get filled() {
      return begun.filled;
    },
    concealer,
    any,
    async allThere() {
      const lack = await source.lacking(entry());
      if (lack) throw lackError(lack);
    },
    begin() {
      begun = { filled: filledOf(source, entry()), whose: source.whose() };
      concealer.add(begun.filled.values);
      output?.conceal(begun.filled.values);
    },
    areMine,
    areCurrent: () => areMine() && isDeepStrictEqual(source.filled(entry()), begun.filled),
    asker() {
      const whose = any() ? source.whose() : undefined;
      return () => {
        if (any() && source.whose() !== whose) throw new UpstreamError('closed', 'another person is signed in now');
      };
    },
    status() {
      const lack = source.lacking(entry());
      if (!lack || 'then' in lack) return undefined;
      return { state: lack.kind === 'missing' ? 'needs-secret' : 'failed', error: lackWords(lack) };
    },
  };
}
