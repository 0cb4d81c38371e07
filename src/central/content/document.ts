import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit, type Document as YamlDocument } from 'yaml';
import type { z } from 'zod';
import { nearest } from '../../base/nearest.ts';
import { membersAt } from './misspelt.ts';
import type { Problem, SourceFile } from './problem.ts';

type Path = readonly PropertyKey[];

/** A JSON or YAML file, checked against its schema. `value` is absent when `problems` holds an error. */
export interface Checked<T> {
  file: string;
  value?: T;
  /** As written, before defaults: what the registry API shows and what `bless` edits. */
  raw: unknown;
  problems: Problem[];
  /** The line where the value at `path`, or its nearest existing parent, stands. */
  lineOf(path: Path): number;
}

/** Parses and validates with the real line of every problem; `.json` files must be strict JSON, although `yaml` reads them for positions. */
export function checkDocument<S extends z.ZodType>(source: SourceFile, schema: S): Checked<z.output<S>> {
  const { file, text } = source;
  const counter = new LineCounter();
  // The library's own check for equal keys compares each with each: with 40,000 keys in one map that takes half a minute.
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, uniqueKeys: false, version: '1.2' });
  const lineOf = (path: Path) => counter.linePos(offsetOf(document, path)).line || 1;
  const problem = (line: number, message: string, fix: string): Problem => ({ severity: 'error', file, line, message, fix });
  const failed = (problems: Problem[], raw?: unknown): Checked<z.output<S>> => ({ file, raw, problems, lineOf });

  const json = file.endsWith('.json') ? strictJson(text) : undefined;
  if (json?.error !== undefined) {
    const at = json.position ?? document.errors[0]?.pos[0] ?? text.length;
    return failed([
      problem(
        counter.linePos(at).line || 1,
        `This is not JSON: ${json.error}.`,
        'Correct the syntax; JSON has no comments and no trailing commas.',
      ),
    ]);
  }
  // A warning is something that was not understood, such as an unknown tag: it must not pass for understood.
  const faults: Fault[] = [...document.errors, ...document.warnings, ...ambiguous(document)];
  if (faults.length > 0) {
    return failed(
      faults.slice(0, mostFaults).map((error) => {
        const deep = /call stack/i.test(error.message);
        const message = deep ? 'It nests too deep to be read' : error.message;
        return problem(
          counter.linePos(error.pos[0]).line || 1,
          sentence(message),
          deep ? 'Write it with fewer levels.' : / stands twice /.test(message) ? 'Remove one of them.' : 'Correct the syntax.',
        );
      }),
    );
  }
  let raw: unknown;
  try {
    raw = json ? json.value : document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    return failed([problem(1, sentence((error as Error).message), 'Write out what is meant, with fewer aliases and levels.')]);
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return { file, value: parsed.data, raw, problems: [], lineOf };
  return failed(
    parsed.error.issues.map((issue) => {
      const where = issue.path.map(String).join('.');
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
      const line = lineOf(unknown === undefined ? issue.path : [...issue.path, unknown]);
      return problem(
        line,
        where === '' ? sentence(issue.message) : sentence(`${where}: ${issue.message}`),
        fixOf(schema, issue, where, raw),
      );
    }),
    raw,
  );
}

/** Faults that are reported of one file: a person corrects the first ones and looks again. */
const mostFaults = 100;

interface Fault {
  message: string;
  pos: [number, number];
}

/**
 * Finds what could be read in two ways: a key that stands twice in its object, where the last one would win unnoticed. A key that is a reference or a
 * collection is refused as well, and so is a file that declares an older YAML, in which keys are merged and some words are other values.
 */
function ambiguous(document: YamlDocument): Fault[] {
  const faults: Fault[] = [];
  if (document.errors.length > 0) return faults;
  const { explicit, version } = document.directives?.yaml ?? {};
  if (explicit && version !== '1.2') faults.push({ message: `This is YAML 1.2, not ${version}`, pos: [0, 0] });
  const fault = (key: unknown, message: string) => faults.push({ message, pos: [isNode(key) ? (key.range?.[0] ?? 0) : 0, 0] });
  visit(document, {
    Map(_key, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (key !== null && !isScalar(key)) {
          fault(key, `A key is written out, not ${isAlias(key) ? 'a reference' : 'a list or a map'}`);
          continue;
        }
        // As the name of a member: 5 and "5" are the same, and so are an empty key and "".
        const name = String(key?.value ?? '');
        if (seen.has(name)) fault(key, `"${name.slice(0, 100)}" stands twice in one ${map.flow ? 'object' : 'map'}`);
        seen.add(name);
      }
    },
  });
  return faults;
}

function strictJson(text: string): { value?: unknown; error?: string; position?: number } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const message = (error as Error).message;
    const position = /at position (\d+)/.exec(message)?.[1];
    return { error: message.replace(/ in JSON at position.*$/s, ''), ...(position === undefined ? {} : { position: Number(position) }) };
  }
}

function fixOf(schema: z.ZodType, issue: z.core.$ZodIssue, where: string, raw: unknown): string {
  if (issue.code === 'unrecognized_keys') {
    const meant = nearest(issue.keys[0]!, membersAt(schema, issue.path));
    return meant === undefined
      ? `Remove ${issue.keys.map((key) => `"${key}"`).join(', ')} or correct the spelling.`
      : `Did you mean "${meant}"?`;
  }
  const present = issue.path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], raw);
  if (where === '') return 'Correct the form of the file.';
  return present === undefined ? `Add "${where}".` : `Correct the value of "${where}".`;
}

const sentence = (text: string) => (text.endsWith('.') ? text : `${text}.`);

/** Goes down as far as the path exists; a key's own place is better than its value's, which may begin a line later. */
function offsetOf(document: YamlDocument, path: Path): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => (isScalar(item.key) ? String(item.key.value) : String(item.key)) === String(step));
      if (pair === undefined) return offset;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
      else return offset;
    } else return offset;
  }
  return offset;
}
