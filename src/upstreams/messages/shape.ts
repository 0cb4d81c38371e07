/** What one pass over a JSON text shows. It is right only for a text that `JSON.parse` accepts. */
export interface TextShape {
  /** A number may stand in it that JavaScript cannot hold. */
  loses: boolean;
  /** It is written on several lines, as an event of a stream cannot be. */
  lines: boolean;
  /** About: an empty list or object counts twice. */
  values: number;
  /** Of all its objects. */
  members: number;
  /** Its top-level member `id`, as written, if the text is a JSON-RPC answer. */
  id?: string;
  /** Where the value of the top-level member `result` stands, and how many members objects inside of it have; absent where several could be meant. */
  result?: { from: number; to: number; members: number };
}

/** Characters; ours are numbers. */
const longestId = 32;

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const point = 0x2e;
const colon = 0x3a;
const backslash = 0x5c;

/** Looks outside of strings only. It skips each string, so a long one costs no more than finding its end. */
export function shapeOf(text: string, maxDepth: number): TextShape | 'too-deep' {
  let depth = 0;
  let loses = false;
  let lines = false;
  let members = 0;
  let values = 1;
  /** Digits of the present number, before its point. */
  let digits = 0;
  let key = '';
  let resultCount = 0;
  let odd = false;
  let from = -1;
  let to = -1;
  let before = 0;
  let idFrom = -1;
  let id: string | undefined;
  let versionFrom = -1;
  let isAnswer = true;
  let isRpc = false;
  let inside = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) {
      // 2^53 begins with a 9 and has sixteen digits.
      if (++digits > 16 || (digits === 16 && text.charCodeAt(at - 15) === 0x39)) loses = true;
      continue;
    }
    if (code === point) {
      digits = Number.NEGATIVE_INFINITY;
      continue;
    }
    if ((code | 0x20) === 0x65 && digits !== 0 && large.test(text, at)) loses = true;
    digits = 0;
    if (code === quote) {
      const end = closing(text, at);
      if (end < 0) return { loses, lines, values, members };
      if (depth === 1) key = text.slice(at + 1, end);
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) return 'too-deep';
      values++;
    } else if (code === colon) {
      members++;
      if (depth !== 1) continue;
      if (key.includes('\\')) odd = true;
      if (key === 'id') idFrom = at + 1;
      if (key === 'jsonrpc') versionFrom = at + 1;
      if (key === 'method') isAnswer = false;
      if (key !== 'result') continue;
      resultCount++;
      from = at + 1;
      before = members;
    } else if (code === 0x7d || code === 0x5d || code === comma) {
      if (depth === 1 && idFrom >= 0) {
        if (at - idFrom < longestId) id = text.slice(idFrom, at);
        idFrom = -1;
      }
      if (depth === 1 && versionFrom >= 0) {
        if (at - versionFrom < longestId) isRpc = text.slice(versionFrom, at).trim() === '"2.0"';
        versionFrom = -1;
      }
      if (depth === 1 && from >= 0 && to < 0) {
        to = at;
        inside = members - before;
      }
      if (code !== comma) depth--;
      else values++;
    } else if (code === minus) {
      if (zero.test(text, at)) loses = true;
    } else if (code === 0x0a || code === 0x0d) lines = true;
  }
  return {
    loses,
    lines,
    values,
    members,
    ...(id === undefined || !isRpc || !isAnswer ? {} : { id }),
    ...(resultCount === 1 && !odd && to > from ? { result: { from, to, members: inside } } : {}),
  };
}

/** A sticky expression, tested at one place of a text. */
const sticky = (expression: RegExp) => ({
  test(text: string, index: number): boolean {
    expression.lastIndex = index;
    return expression.test(text);
  },
});
const large = sticky(/[eE]\+?\d{3}/y);
const zero = sticky(/-0(?:\.0+)?(?:[,\]}\s]|$)/y);

/** The quote that ends the string which begins at `at`; -1: none, so it is no JSON either. */
function closing(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before--;
    if ((end - before) % 2 === 1) return end;
  }
  return -1;
}
