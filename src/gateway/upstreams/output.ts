import { StringDecoder } from 'node:string_decoder';
import { withoutSequences } from '../../plain-text.ts';

/** What a local server wrote to standard error, over all its processes: its end, without what its registry entry gave it to keep. */
export interface Output {
  /** Each process has its own, so that what one left unfinished does not run into the next. */
  begin(): Words;
  /** Oldest first, as text that commands no terminal. */
  lines(): string[];
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
/** Shorter ones are words like `info` or `true`, and would be masked all over the text. */
const leastSecret = 8;
const masked = '[secret]';

/** `given`: the values in its environment that its entry states. A key of several lines is also one where each line is printed by itself. */
export function openOutput(given: readonly string[]): Output {
  const secrets = [...new Set(given.flatMap((value) => [value, ...value.split(/\r?\n/)].map((part) => part.trim())))].filter(
    (value) => value.length >= leastSecret,
  );
  let kept = '';
  let written = 0;
  // INVARIANT: nothing is cut that is not masked yet: half a secret is found by no search.
  const keep = (text: string) => {
    written += text.length;
    kept += text;
    if (kept.length > 2 * most) kept = kept.slice(-most);
  };
  return {
    begin() {
      const decoder = new StringDecoder('utf8');
      const from = written;
      let held = '';
      return {
        write(chunk) {
          const { safe, rest } = mask(held + decoder.write(chunk), secrets);
          held = rest;
          keep(safe);
        },
        end() {
          const rest = held + decoder.end();
          held = '';
          keep(whole(rest, secrets));
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
      // What was cut in the middle is no line.
      return clean(written > most ? end.slice(end.indexOf('\n') + 1) : end, secrets);
    },
    hide: (text) => whole(text, secrets),
  };
}

/** The text without secrets, as far as it is sure: `rest` may be the beginning of one. */
function mask(text: string, secrets: readonly string[]): { safe: string; rest: string } {
  const found: [from: number, to: number][] = [];
  let sure = text.length;
  for (const secret of secrets) {
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) found.push([at, at + secret.length]);
    const tail = Math.max(0, text.length - secret.length + 1);
    for (let at = text.indexOf(secret[0]!, tail); at >= 0; at = text.indexOf(secret[0]!, at + 1)) {
      if (!secret.startsWith(text.slice(at))) continue;
      sure = Math.min(sure, at);
      break;
    }
  }
  found.sort(([a], [b]) => a - b);
  // One that a shorter one is the beginning of: both wait until it is clear which it is.
  for (const [from, to] of found.toReversed()) if (from < sure && to > sure) sure = from;
  let safe = '';
  let done = 0;
  for (const [from, to] of found) {
    if (from >= sure) break;
    if (from >= done) safe += text.slice(done, from) + masked;
    done = Math.max(done, to);
  }
  return { safe: safe + text.slice(done, Math.max(done, sure)), rest: text.slice(Math.max(done, sure)) };
}

/** Nothing follows: what may be the beginning of a secret is taken for one, as it is most of it. */
function whole(text: string, secrets: readonly string[]): string {
  const { safe, rest } = mask(text, secrets);
  return safe + (rest.length >= leastSecret ? masked : rest);
}

/** Without colours, controls and what turns the direction of text; a secret that was coloured in pieces is one again, and masked. */
function clean(text: string, secrets: readonly string[]): string[] {
  return whole(withoutSequences(text), secrets)
    .split(/\r\n|\n|\r/)
    .map((line) =>
      line
        .replaceAll('\t', '  ')
        .replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ')
        .trimEnd(),
    )
    .filter((line) => line !== '');
}
