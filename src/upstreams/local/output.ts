import { StringDecoder } from 'node:string_decoder';
import { withoutSequences } from '../../base/plain-text.ts';
import { maskedWhole, openMask, secretsOf } from './mask.ts';

/** The end of what a local server wrote to standard error, over all its processes, without the secrets that its registry entry gave it. */
export interface Output {
  /** Each process has its own writer, so that what one left unfinished does not run into the next. */
  begin(): Words;
  /** Oldest first, without control sequences for a terminal. */
  lines(): string[];
  /** More secrets, to be masked from the next process on. */
  conceal(values: readonly string[]): void;
  /** Any other text of the server's, without the secrets. */
  hide(text: string): string;
}

export interface Words {
  write(chunk: Buffer): void;
  end(): void;
  /** The end of what this process wrote, in one line. */
  last(): string;
}

const most = 64 * 1024;
const lastLength = 300;

/** `environmentValues`: the values in its environment that its entry states. */
export function openOutput(environmentValues: readonly string[]): Output {
  let secrets: readonly string[] = secretsOf(environmentValues);
  let kept = '';
  let written = 0;
  // INVARIANT: a text is masked before it is cut: no search finds half a secret.
  const keep = (text: string) => {
    written += text.length;
    kept += text;
    if (kept.length > 2 * most) kept = kept.slice(-most);
  };
  return {
    begin() {
      const decoder = new StringDecoder('utf8');
      const from = written;
      const mask = openMask(secrets);
      return {
        write: (chunk) => keep(mask.write(decoder.write(chunk))),
        end() {
          keep(mask.write(decoder.end()) + mask.end());
          if (kept !== '' && !kept.endsWith('\n')) keep('\n');
        },
        last() {
          const own = kept.slice(Math.max(0, kept.length - (written - from)));
          return clean(own, secrets).slice(-3).join(' ').slice(-lastLength).trim();
        },
      };
    },
    lines() {
      const end = kept.slice(-most);
      // The first line may be cut in the middle, so it is left out.
      return clean(written > most ? end.slice(end.indexOf('\n') + 1) : end, secrets);
    },
    conceal(values) {
      secrets = [...new Set([...secrets, ...values])];
    },
    hide: (text) => maskedWhole(text, secrets),
  };
}

/** Without colours, controls and marks that change the direction of text. A secret that colours had split is whole then, and is masked. */
function clean(text: string, secrets: readonly string[]): string[] {
  return maskedWhole(withoutSequences(text), secrets)
    .split(/\r\n|\n|\r/)
    .map((line) =>
      line
        .replaceAll('\t', '  ')
        .replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ')
        .trimEnd(),
    )
    .filter((line) => line !== '');
}
