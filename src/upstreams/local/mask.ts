const masked = '[secret]';
/** Shorter ones are words like `info` or `true`, and would be masked all over the text. */
const leastSecret = 8;

/** Masks secrets in a text that comes in pieces. */
export interface Mask {
  /** What is sure by now, masked; what may be the beginning of a secret waits for the next piece. */
  write(text: string): string;
  /** Nothing follows: what may be the beginning of a secret is taken for one, as it is most of it. */
  end(): string;
}

/** The secrets in values of an environment: each of several lines is also one where a line of it is printed by itself. */
export function secretsOf(given: readonly string[]): string[] {
  const parts = given.flatMap((value) => [value, ...value.split(/\r?\n/)].map((part) => part.trim()));
  return [...new Set(parts)].filter((value) => value.length >= leastSecret);
}

/** Looks at each character once per secret (Knuth, Morris, Pratt), and holds back no more than the longest secret, whatever they have in common. */
export function openMask(secrets: readonly string[]): Mask {
  const searches = prepared(secrets).map((one) => ({ ...one, matched: 0 }));
  let held = '';
  /** Where secrets stand in `held`, one after the other; one that began before it is masked already. */
  let found: { from: number; to: number }[] = [];
  return {
    write(text) {
      if (searches.length === 0) return text;
      const all = held + text;
      let open = 0;
      for (const { from, to } of occurrences(searches, all, held.length)) {
        while (found.length > 0 && found.at(-1)!.from >= from) found.pop();
        const last = found.at(-1);
        if (last && last.to > from) last.to = to;
        else found.push({ from, to });
      }
      for (const { matched } of searches) open = Math.max(open, matched);
      const sure = all.length - open;
      let safe = '';
      let done = 0;
      for (const { from, to } of found) {
        if (from >= sure) break;
        if (from >= 0) safe += all.slice(done, from) + masked;
        done = to;
      }
      held = all.slice(sure);
      found = found.flatMap(({ from, to }) => (to > sure ? [{ from: from < sure ? -1 : from - sure, to: to - sure }] : []));
      return safe + all.slice(done, Math.max(done, sure));
    },
    end() {
      const rest = held.slice(found[0]?.from === -1 ? found[0].to : 0);
      held = '';
      found = [];
      return rest.length >= leastSecret ? masked : rest;
    },
  };
}

export function maskedWhole(text: string, secrets: readonly string[]): string {
  const mask = openMask(secrets);
  return mask.write(text) + mask.end();
}

const known = new WeakMap<readonly string[], { secret: string; borders: Uint32Array }[]>();

/** Once per list of secrets: a server may write many thousands of short lines, and a secret may be long. */
function prepared(secrets: readonly string[]): { secret: string; borders: Uint32Array }[] {
  const before = known.get(secrets);
  if (before) return before;
  const made = secrets.map((secret) => ({ secret, borders: bordersOf(secret) }));
  known.set(secrets, made);
  return made;
}

/** Where secrets stand, in the order of their ends; of several with one end the longest. */
function* occurrences(searches: { secret: string; borders: Uint32Array; matched: number }[], text: string, start: number) {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    let longest = 0;
    for (const search of searches) {
      const { secret, borders } = search;
      let { matched } = search;
      while (matched > 0 && secret.charCodeAt(matched) !== code) matched = borders[matched - 1]!;
      if (secret.charCodeAt(matched) === code) matched++;
      if (matched === secret.length) {
        longest = Math.max(longest, matched);
        matched = borders[matched - 1]!;
      }
      search.matched = matched;
    }
    if (longest > 0) yield { from: at + 1 - longest, to: at + 1 };
  }
}

/** For each beginning of the text, how long the longest other beginning is that it ends with. */
function bordersOf(text: string): Uint32Array {
  const borders = new Uint32Array(text.length);
  for (let at = 1, length = 0; at < text.length; at++) {
    while (length > 0 && text.charCodeAt(length) !== text.charCodeAt(at)) length = borders[length - 1]!;
    if (text.charCodeAt(length) === text.charCodeAt(at)) length++;
    borders[at] = length;
  }
  return borders;
}
