import { createScanner, getNodeValue, type Node, type ParseError, parseTree } from 'jsonc-parser';
import type { Language } from './language.ts';
import { ended, indentAt, isBlank, lineEndOf, lineStart, lineStop, nextLine, splice } from './lines.ts';

// Values of the enums SyntaxKind and ScanError, which the package declares as const enums: they do not exist when it runs.
const comma = 5;
const endOfFile = 17;
const trivia = [12, 13, 14, 15];

/** JSON with comments and commas at ends, also plain JSON. What is put in stands first in its object, so that no other line changes. */
export const jsonc: Language = {
  // Agents keep more than settings in these files (Claude Code: its history), but not this much.
  largest: 16 * 1024 * 1024,
  parse(text) {
    // Fifty times as fast, and some agents keep megabytes in such a file. What is edited is read by the tree in any case.
    const plain = asPlainJson(text);
    if (plain !== undefined) return plain;
    const root = treeOf(text);
    return root === undefined ? {} : (getNodeValue(root) as Record<string, unknown>);
  },
  insert(text, container, name, value) {
    const root = treeOf(text);
    const lineEnd = lineEndOf(text);
    if (root === undefined) {
      const entry = { [name]: value };
      const whole = JSON.stringify(container === undefined ? entry : { [container]: entry }, undefined, 2).replaceAll('\n', lineEnd);
      return ended(text, lineEnd) + whole + lineEnd;
    }
    if (container === undefined) return putFirst(text, root, root, name, value);
    const host = member(root, container)?.children?.[1];
    return host === undefined ? putFirst(text, root, root, container, { [name]: value }) : putFirst(text, root, host, name, value);
  },
  remove(text, container, name) {
    const root = treeOf(text)!;
    const host = container === undefined ? root : member(root, container)!.children![1]!;
    const property = member(host, name)!;
    return takeOut(text, host, property);
  },
};

function asPlainJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where there is nothing but white space and comments. */
function treeOf(text: string): Node | undefined {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  if (errors.length > 0) throw new Error('not JSON');
  if (root === undefined) return undefined;
  if (root.type !== 'object') throw new Error('not an object');
  return root;
}

function member(object: Node, name: string): Node | undefined {
  const found = (object.children ?? []).filter((property) => property.children?.[0]?.value === name);
  // Which of two an agent takes cannot be told.
  if (found.length > 1) throw new Error('a member twice');
  return found[0];
}

/** What the document indents by: the white space before its first member, two spaces where that does not stand on a line of its own. */
function unitOf(text: string, root: Node): string {
  const first = root.children?.[0];
  if (first === undefined || !isBlank(text.slice(lineStart(text, first.offset), first.offset))) return '  ';
  return indentAt(text, first.offset) || '  ';
}

function putFirst(text: string, root: Node, object: Node, name: string, value: unknown): string {
  const open = object.offset + 1;
  const first = object.children?.[0];
  const key = JSON.stringify(name);
  if (first !== undefined && !text.slice(open, first.offset).includes('\n')) {
    const space = /^ */.exec(text.slice(open, first.offset))![0];
    return splice(text, open, open, `${space}${key}:${space || ' '}${JSON.stringify(value)},${space ? '' : ' '}`);
  }
  const lineEnd = lineEndOf(text);
  const unit = unitOf(text, root);
  const own = indentAt(text, object.offset);
  const indent = first === undefined ? own + unit : indentAt(text, first.offset);
  const written = `${lineEnd}${indent}${key}: ${JSON.stringify(value, undefined, unit).replaceAll('\n', lineEnd + indent)}`;
  const stop = lineStop(text, open);
  // A comment behind the brace stays where it is.
  const at = onlyTrivia(text.slice(open, stop)) ? stop : open;
  if (first !== undefined) return splice(text, at, at, `${written},`);
  const closesHere = object.offset + object.length - 1 <= stop;
  return closesHere ? splice(text, open, open, `${written}${lineEnd}${own}`) : splice(text, at, at, written);
}

function onlyTrivia(text: string): boolean {
  const scanner = createScanner(text, false);
  for (let token = scanner.scan() as number; token !== endOfFile; token = scanner.scan() as number)
    if (!trivia.includes(token) || (scanner.getTokenError() as number) !== 0) return false;
  return true;
}

/** Where the comma is that follows the position, if the next token is one. */
function commaAfter(text: string, from: number): number | undefined {
  const scanner = createScanner(text, true);
  scanner.setPosition(from);
  return (scanner.scan() as number) === comma ? scanner.getTokenOffset() : undefined;
}

function takeOut(text: string, host: Node, property: Node): string {
  const siblings = host.children!;
  const before = siblings[siblings.indexOf(property) - 1];
  const after = commaAfter(text, property.offset + property.length);
  const from = property.offset;
  const to = after === undefined ? property.offset + property.length : after + 1;
  const alone = isBlank(text.slice(lineStart(text, from), from)) && isBlank(text.slice(to, lineStop(text, to)));
  const space = text[to] === ' ' ? 1 : 0;
  const without = alone ? splice(text, lineStart(text, from), nextLine(text, to)) : splice(text, from, to + space);
  const stray = after === undefined && before !== undefined ? commaAfter(text, before.offset + before.length) : undefined;
  return stray === undefined ? without : splice(without, stray, stray + 1);
}
