// Of TC39's "JSON.parse source text access", which Node 24 has and TypeScript's library does not name yet.
const { rawJSON } = JSON as unknown as { rawJSON(source: string): object };

/**
 * Parses an upstream's message so that `JSON.stringify` gives its numbers back as they came: one that JavaScript cannot hold (a 64-bit id,
 * minus zero, 1e400) stays as it was written. Nothing here computes with such a number; the agent may be able to.
 */
export function parseJson(text: string): unknown {
  return mayLose(text) ? JSON.parse(text, keep as (key: string, value: unknown) => unknown) : JSON.parse(text);
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
