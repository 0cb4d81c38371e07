import { isCollection, isMap, isPair, isScalar, type Node, type Pair, parseDocument, stringify, type YAMLMap } from 'yaml';
import type { Language } from './language.ts';
import { ended, lineEndOf, lineStart, lineStop, nextLine, splice } from './lines.ts';

/** YAML 1.2. What is put in stands first in its mapping; a mapping that is not there comes at the end of the text. */
export const yaml: Language = {
  // The parser compares each key of a mapping with all the others.
  largest: 64 * 1024,
  parse(text) {
    const document = documentOf(text);
    return (document.toJS() ?? {}) as Record<string, unknown>;
  },
  insert(text, container, name, value) {
    if (container === undefined) throw new Error('not a mapping');
    const root = documentOf(text).contents;
    const lineEnd = lineEndOf(text);
    const block = (indent: string, content: unknown) =>
      stringify(content, { lineWidth: 0, indent: 2, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' })
        .trimEnd()
        .split('\n')
        .map((line) => indent + line)
        .join(lineEnd) + lineEnd;
    if (root === null) return ended(text, lineEnd) + block('', { [container]: { [name]: value } });
    if (!isMap(root)) throw new Error('not a mapping');
    if (root.flow) return inFlow(text, root, container, { [name]: value }, pairOf(root, container), name, value);
    const pair = pairOf(root, container);
    const own = columnOf(text, root.items[0]!);
    if (pair === undefined) return ended(text, lineEnd) + block(own, { [container]: { [name]: value } });
    const host = pair.value;
    if (isMap(host) && host.flow) return splice(text, host.range![0] + 1, host.range![0] + 1, flow(name, value, host.items.length > 0));
    const indent = isMap(host) && host.items.length > 0 ? columnOf(text, host.items[0]!) : `${own}  `;
    const stop = lineStop(text, rangeOf(pair.key)[1]);
    return splice(text, stop, stop, lineEnd + block(indent, { [name]: value }).slice(0, -lineEnd.length));
  },
  remove(text, container, name) {
    if (container === undefined) throw new Error('not a mapping');
    const root = documentOf(text).contents as YAMLMap;
    const host = pairOf(root, container)!.value as YAMLMap;
    const pair = pairOf(host, name)!;
    const from = rangeOf(pair.key)[0];
    const to = lastOf(pair);
    if (!host.flow) return splice(text, lineStart(text, from), nextLine(text, to));
    const at = host.items.indexOf(pair);
    const next = host.items[at + 1];
    const before = host.items[at - 1];
    if (next !== undefined) return splice(text, from, rangeOf(next.key)[0]);
    return before === undefined ? splice(text, from, to) : splice(text, lastOf(before), to);
  },
};

function documentOf(text: string) {
  const document = parseDocument(text, { uniqueKeys: true, logLevel: 'silent' });
  if (document.errors.length > 0) throw new Error('not YAML');
  if (document.contents !== null && !isMap(document.contents) && !(isScalar(document.contents) && document.contents.value === null))
    throw new Error('not a mapping');
  return document;
}

const pairOf = (map: YAMLMap, name: string): Pair | undefined => map.items.find(({ key }) => isScalar(key) && key.value === name);

const rangeOf = (node: unknown): [number, number, number] => (node as Node).range!;

/** Where the last thing in it ends: the range of a collection reaches over what comes behind it. */
function lastOf(node: unknown): number {
  if (isPair(node)) return lastOf(node.value ?? node.key);
  if (isCollection(node) && !node.flow && node.items.length > 0) return lastOf(node.items.at(-1));
  const [, end] = rangeOf(node);
  return end;
}

const columnOf = (text: string, pair: Pair): string => ' '.repeat(rangeOf(pair.key)[0] - lineStart(text, rangeOf(pair.key)[0]));

/** JSON is YAML. */
const flow = (name: string, value: unknown, more: boolean) => `${JSON.stringify(name)}: ${JSON.stringify(value)}${more ? ', ' : ''}`;

function inFlow(text: string, root: YAMLMap, container: string, whole: unknown, pair: Pair | undefined, name: string, value: unknown) {
  const host = pair === undefined ? root : pair.value;
  if (!isMap(host) || !host.flow) throw new Error('not a mapping');
  const at = host.range![0] + 1;
  const more = host.items.length > 0;
  return splice(text, at, at, pair === undefined ? flow(container, whole, more) : flow(name, value, more));
}
