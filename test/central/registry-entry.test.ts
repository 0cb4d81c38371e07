// docs/registry-entry.md names each field of an entry, with its default and the words that it takes; a field that comes or goes has to change it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { checkDocument } from '../../src/central/content/document.ts';
import { compileEntry } from '../../src/central/content/entry.ts';
import { type ServerJson, serverJson } from '../../src/central/content/server-json.ts';

interface Node {
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  items?: Node;
  anyOf?: Node[];
  oneOf?: Node[];
  required?: string[];
  enum?: string[];
  const?: string;
  default?: unknown;
}
interface Field {
  preset: string;
  words: string[];
}

const page = readFileSync(join(import.meta.dirname, '../../docs/registry-entry.md'), 'utf8');

/** Inputs are described once; of our own part the key is left away; a definition's fields are the protocol's. */
const spelt = (path: string) =>
  path
    .replace('_meta.dev.gatehouse/entry.', '')
    .replace(
      /^(?:remotes\[\]\.(?:variables\.\*|headers\[\](?:\.variables\.\*)?)|packages\[\]\.(?:(?:runtimeArguments|packageArguments)\[\]|environmentVariables\[\](?:\.variables\.\*)?)|launch\.env\.\*)\./,
      'input.',
    );
const foreign = /^catalogue\.(?:serverInfo\.|\w+\[\]|hashes\.\*)|^_meta\.dev\.gatehouse\/entry$/;

function fieldsOf(node: Node, path = '', collected = new Map<string, Field>()): Map<string, Field> {
  const below = (child: Node, name: string, required: boolean) => {
    const full = path === '' ? name : `${path}.${name}`;
    const key = spelt(full);
    const words = [...(child.enum ?? []), ...(child.const === undefined ? [] : [child.const]), ...wordsBelow(child)];
    const preset = child.default !== undefined ? `\`${JSON.stringify(child.default)}\`` : required ? 'required' : '';
    const earlier = collected.get(key);
    // Where one input must have a field that another need not, the page says the less.
    if (!foreign.test(key) && !key.endsWith('.*'))
      collected.set(key, earlier ? { ...earlier, preset: earlier.preset === preset ? preset : '' } : { preset, words });
    fieldsOf(child, full, collected);
  };
  for (const [name, child] of Object.entries(node.properties ?? {})) below(child, name, node.required?.includes(name) === true);
  if (node.items) fieldsOf(node.items, `${path}[]`, collected);
  if (typeof node.additionalProperties === 'object') fieldsOf(node.additionalProperties, `${path}.*`, collected);
  for (const branch of [...(node.anyOf ?? []), ...(node.oneOf ?? [])]) fieldsOf(branch, path, collected);
  return collected;
}
const wordsBelow = ({ additionalProperties }: Node): string[] =>
  typeof additionalProperties === 'object' ? (additionalProperties.enum ?? []) : [];

const rows = new Map(
  [...page.matchAll(/^\| `([^`]+)` \| ([^|]*)\| (.*) \|$/gm)].map(([, field, preset, meaning]) => [
    field!,
    { preset: preset!.trim(), what: meaning! },
  ]),
);
const schema = z.toJSONSchema(serverJson, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Node;
const fields = fieldsOf(schema);

test('every field of the schema stands on the page, and no other', () => {
  assert.ok(fields.size > 60);
  assert.deepEqual([...rows.keys()].sort(), [...fields.keys()].sort());
  assert.equal(page.match(/^\| `/gm)!.length, rows.size, 'each once');
});

test('with its default, whether it is required, and each word that it takes', () => {
  for (const [name, { preset, words }] of fields) {
    assert.equal(rows.get(name)!.preset, preset, name);
    for (const word of words) assert.ok(`${rows.get(name)!.preset} ${rows.get(name)!.what}`.includes(word), `${name}: ${word}`);
  }
});

test('the example of the page is a valid entry', () => {
  const [, text] = /```json\n([\s\S]*?)```/.exec(page)!;
  const source = checkDocument({ file: 'servers/files.json', text: text! }, serverJson);
  assert.deepEqual(source.problems, []);
  const example = source.value! as ServerJson;
  // Until it is blessed its tools are not known; all else has to be right.
  example._meta['dev.gatehouse/entry'].tools = {};
  const { entry, problems } = compileEntry({ ...source, value: example } as Parameters<typeof compileEntry>[0], {
    modules: '/m',
    files: '/srv/files',
  });
  assert.deepEqual(
    problems.map(({ message }) => message),
    ['The server files has no blessed catalogue: nobody can use it.'],
  );
  assert.deepEqual(entry?.launch?.args, ['/m/files/server.js', '/srv/files']);
});
