// Of TC39's "JSON.parse source text access", which Node 24 has and TypeScript's library does not name yet.
const { rawJSON } = JSON as unknown as { rawJSON(source: string): object };

/**
 * Parses an upstream's message so that `JSON.stringify` gives its numbers back as they came: one that JavaScript cannot hold (a 64-bit id,
 * minus zero, 1e400) stays as it was written. Nothing here computes with such a number; the agent may be able to.
 */
export function parseJson(text: string): unknown {
  if (deeper(text, maxDepth)) throw new SyntaxError(`It nests deeper than ${maxDepth} levels.`);
  return mayLose(text) ? JSON.parse(text, keep as (key: string, value: unknown) => unknown) : JSON.parse(text);
}

/**
 * `JSON.parse` takes any depth, `JSON.stringify` runs out of stack on it: one such message would end the host, or leave a call unrecorded.
 * No answer of a server that is worth its name comes near.
 */
const maxDepth = 512;

function deeper(text: string, max: number): boolean {
  if (text.length <= 2 * max) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = closing(text, at);
      if (at < 0) return false;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > max) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}

/** The quote that ends the string which begins at `at`; -1: none, so it is no JSON either. */
function closing(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === 0x5c) before--;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}

/** A quick look: reviving costs several times the parsing, and almost no message needs it. */
const mayLose = (text: string): boolean =>
  /\d{17}/.test(text) || /[eE]\+?\d{3}/.test(text) || (text.includes('-0') && /(?:^|[:[,\s])-0(?:\.0+)?(?:[,\]}\s]|$)/.test(text));

function keep(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && source !== undefined && lost(value, source) ? rawJSON(source) : value;
}

function lost(value: number, source: string): boolean {
  if (!Number.isFinite(value) || Object.is(value, -0)) return true;
  return !Number.isSafeInteger(value) && /^-?\d+$/.test(source) && String(value) !== source;
}
