import { parse, patch } from '@decimalturn/toml-patch';
import type { Language } from './language.ts';
import { ended, isBlank, lineEndOf } from './lines.ts';

/** TOML 1.1. What is put in is a table at the end of the text: a header there begins anew, whatever stands before it. */
export const toml: Language = {
  largest: 256 * 1024,
  parse: parsed,
  insert(text, container, name, value) {
    if (container === undefined || typeof value !== 'object' || value === null) throw new Error('not a table');
    const lineEnd = lineEndOf(text);
    const lines = [`[${container}.${name}]`, ...Object.entries(value).map(([key, each]) => `${key} = ${spelt(each)}`)];
    const begun = ended(text, lineEnd);
    return `${begun}${begun === '' ? '' : lineEnd}${lines.join(lineEnd)}${lineEnd}`;
  },
  remove(text, container, name) {
    if (container === undefined) throw new Error('not a table');
    const document = parsed(text) as Record<string, Record<string, unknown>>;
    delete document[container]![name];
    const cut = withoutTable(text, container, name, document);
    if (cut !== undefined) return cut;
    if (Object.keys(document[container]!).length === 0) delete document[container];
    return patch(text, document);
  },
};

/** The parser's time and memory grow with the square of a dotted key's parts: 100 KB of `a.a.a` would end the whole process. A key cannot span lines. */
const mostDots = 1_000_000;

function parsed(text: string): Record<string, unknown> {
  let dots = 0;
  for (const line of text.split('\n')) dots += (line.split('.').length - 1) ** 2;
  if (dots > mostDots) throw new Error('too many dots');
  return parse(text) as Record<string, unknown>;
}

/** A JSON string is a TOML basic string, too, but for U+007F. */
function spelt(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
  if (Array.isArray(value)) return `[${value.map(spelt).join(', ')}]`;
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${key} = ${spelt(each)}`)
    .join(', ')} }`;
}

/** The table cut out by its lines, as we write it; undefined where it is written otherwise. */
function withoutTable(text: string, container: string, name: string, wanted: Record<string, object>): string | undefined {
  const lines = text.split('\n');
  const header = new RegExp(`^[ \\t]*\\[[ \\t]*${container}[ \\t]*\\.[ \\t]*"?${name}"?[ \\t]*\\][ \\t]*(#.*)?\\r?$`);
  const begin = lines.findIndex((line) => header.test(line));
  if (begin < 0) return undefined;
  let end = begin + 1;
  while (end < lines.length && !/^[ \t]*(\[|#|\r?$)/.test(lines[end]!)) end++;
  const first = begin > 0 && isBlank(lines[begin - 1]!) ? begin - 1 : begin;
  const cut = [...lines.slice(0, first), ...lines.slice(end)].join('\n');
  try {
    const left = { [container]: {}, ...(parsed(cut) as Record<string, object>) };
    const same = Object.keys(wanted).every((key) => JSON.stringify(left[key]) === JSON.stringify(wanted[key]));
    return same && Object.keys(left).length === Object.keys(wanted).length ? cut : undefined;
  } catch {
    return undefined;
  }
}
