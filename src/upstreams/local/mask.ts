const masked = '[secret]';
/** Shorter ones are words like `info` or `true`, and would be masked all over the text. */
const leastSecret = 8;

/** Masks secrets in a text that comes in pieces. */
export interface Mask {
  /** Returns what is certain by now, masked. What may be the beginning of a secret waits for the next piece. */
  write(text: string): string;
  /** Nothing follows. What may be the beginning of a secret is masked too, unless it is shorter than any secret. */
  end(): string;
}

/** The secrets in values of an environment. Each line of a longer value is one too, since a program may print it alone. */
export function secretsOf(values: readonly string[]): string[] {
  const parts = values.flatMap((value) => [value, ...value.split(/\r?\n/)].map((part) => part.trim()));
  return [...new Set(parts)].filter((value) => value.length >= leastSecret);
}

/** Looks at each character once per secret (Knuth, Morris, Pratt), and holds back no more than the longest secret, whatever they have in common. */
export function openMask(secrets: readonly string[]): Mask {
  const searches = prepared(secrets).map((pattern) => ({ ...pattern, matched: 0 }));
  let held = '';
  /** Where secrets stand in `held`, in order. `from` is -1 for one that began before `held`: it is masked already. */
  let spans: { from: number; to: number }[] = [];
  return {
    write(text) {
      if (searches.length === 0) return text;
      const all = held + text;
      let open = 0;
      for (const { from, to } of occurrences(searches, all, held.length)) {
        while (spans.length > 0 && spans.at(-1)!.from >= from) spans.pop();
        const last = spans.at(-1);
        if (last && last.to > from) last.to = to;
        else spans.push({ from, to });
      }
      for (const { matched } of searches) open = Math.max(open, matched);
      const sure = all.length - open;
      let safe = '';
      let done = 0;
      for (const { from, to } of spans) {
        if (from >= sure) break;
        if (from >= 0) safe += all.slice(done, from) + masked;
        done = to;
      }
      held = all.slice(sure);
      spans = spans.flatMap(({ from, to }) => (to > sure ? [{ from: from < sure ? -1 : from - sure, to: to - sure }] : []));
      return safe + all.slice(done, Math.max(done, sure));
    },
    end() {
      const rest = held.slice(spans[0]?.from === -1 ? spans[0].to : 0);
      held = '';
      spans = [];
      return rest.length >= leastSecret ? masked : rest;
    },
  };
}

export function maskedWhole(text: string, secrets: readonly string[]): string {
  const mask = openMask(secrets);
  return mask.write(text) + mask.end();
}

const preparedLists = new WeakMap<readonly string[], { secret: string; borders: Uint32Array }[]>();

/** Once per list of secrets: a server may write many thousands of short lines, and a secret may be long. */
function prepared(secrets: readonly string[]): { secret: string; borders: Uint32Array }[] {
  const before = preparedLists.get(secrets);
  if (before) return before;
  const patterns = secrets.map((secret) => ({ secret, borders: bordersOf(secret) }));
  preparedLists.set(secrets, patterns);
  return patterns;
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

/** For each prefix of the text, the length of the longest shorter prefix that it ends with. */
function bordersOf(text: string): Uint32Array {
  const borders = new Uint32Array(text.length);
  for (let at = 1, length = 0; at < text.length; at++) {
    while (length > 0 && text.charCodeAt(length) !== text.charCodeAt(at)) length = borders[length - 1]!;
    if (text.charCodeAt(length) === text.charCodeAt(at)) length++;
    borders[at] = length;
  }
  return borders;
}
