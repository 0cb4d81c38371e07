import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Kind, mended } from '../../src/bundle/definition.ts';
import { catalogue, serverEntry } from '../../src/bundle/schema.ts';
import { usable, usableAbout } from '../../src/bundle/usable.ts';

const inputSchema = { type: 'object' };
const digest = `sha256:${'0'.repeat(64)}`;

test('a null where a field is optional is an absent field, at every level that the specification names', () => {
  const nothing = (kind: Kind, definition: Record<string, unknown>, wanted: Record<string, unknown>) =>
    assert.deepEqual(usable(kind, [definition]), { kept: [wanted], leftOut: [] });
  nothing(
    'tools',
    {
      name: 'a',
      title: null,
      description: null,
      icons: null,
      inputSchema: { type: 'object', properties: null, required: null, $schema: null },
      outputSchema: null,
      annotations: { title: null, readOnlyHint: null, x: null },
      execution: null,
      _meta: null,
      vendor: null,
    },
    { name: 'a', inputSchema, annotations: { x: null }, vendor: null },
  );
  nothing(
    'prompts',
    { name: 'p', arguments: [{ name: 'x', description: null, required: null }], description: null },
    { name: 'p', arguments: [{ name: 'x' }] },
  );
  nothing('prompts', { name: 'p', arguments: null }, { name: 'p' });
  nothing('resources', { uri: 'a:b', name: 'n', size: null, mimeType: null, annotations: null }, { uri: 'a:b', name: 'n' });
  nothing('resourceTemplates', { uriTemplate: 'a:{b}', name: 'n', description: null }, { uriTemplate: 'a:{b}', name: 'n' });
});

test('what means the same in words that every revision reads is said in those', () => {
  const { kept, leftOut } = usable('tools', [
    { name: 'a', inputSchema: { type: 'object', properties: { x: true, y: false, z: { type: 'string' } }, additionalProperties: false } },
    { name: 'php', inputSchema: { type: 'object', properties: [] }, annotations: [], _meta: [] },
  ]);
  assert.deepEqual(leftOut, []);
  assert.deepEqual(kept, [
    {
      name: 'a',
      inputSchema: { type: 'object', properties: { x: {}, y: { not: {} }, z: { type: 'string' } }, additionalProperties: false },
    },
    { name: 'php', inputSchema: { type: 'object', properties: {} }, annotations: {}, _meta: {} },
  ]);
});

test('what nobody can be sure of is left out, with the reason', () => {
  const cases: [Kind, Record<string, unknown>, RegExp][] = [
    ['tools', { name: 'a' }, /^its inputSchema is missing$/],
    ['tools', { name: 'a', inputSchema: null }, /^its inputSchema is missing$/],
    ['tools', { name: 'a', inputSchema: { anyOf: [{ type: 'object' }] } }, /^its inputSchema.type is missing$/],
    ['tools', { name: 'a', inputSchema: { type: 'array' } }, /^its inputSchema.type is "array", not "object"$/],
    ['tools', { name: 'a', inputSchema: { type: 'object', required: ['a', 1] } }, /^its inputSchema.required.1 is a number, not a string$/],
    [
      'tools',
      { name: 'a', inputSchema: { type: 'object', properties: { x: null } } },
      /^its inputSchema.properties.x is null, not an object$/,
    ],
    ['tools', { name: 'a', inputSchema, outputSchema: [{}] }, /^its outputSchema is a list, not an object$/],
    ['tools', { name: 'a', inputSchema, description: 7 }, /^its description is a number, not a string$/],
    ['tools', { name: 'a', inputSchema, _meta: 'x' }, /^its _meta is a string, not an object$/],
    [
      'tools',
      { name: 'a', inputSchema: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'no blank' } } } },
      /x-mcp-header/,
    ],
    ['prompts', { name: 'a', arguments: { x: 1 } }, /^its arguments is an object, not a list$/],
    ['prompts', { name: 'a', arguments: [{ description: 'nameless' }] }, /^its arguments.0.name is missing$/],
    ['resources', { uri: 'a:b' }, /^its name is missing$/],
    ['resources', { uri: 'a:b', name: 'n', size: 'big' }, /^its size is a string, not a number$/],
    ['resourceTemplates', { uriTemplate: 'a:{b}' }, /^its name is missing$/],
  ];
  for (const [kind, definition, why] of cases) {
    const { kept, leftOut } = usable(kind, [definition]);
    assert.deepEqual(kept, [], JSON.stringify(definition));
    assert.match(leftOut[0]!.why, why);
  }
});

test('what is for show, or cannot be used by anybody, is taken off, and that is told', () => {
  const take = (kind: Kind, definition: Record<string, unknown>) => {
    const { kept, leftOut } = usable(kind, [definition]);
    return [kept[0], leftOut.map(({ what, why }) => `${what}: ${why}`)];
  };
  assert.deepEqual(take('tools', { name: 'a', inputSchema, icons: [{ src: 7 }], annotations: { readOnlyHint: 'yes', title: 'T' } }), [
    { name: 'a', inputSchema, annotations: { title: 'T' } },
    [
      'tools[0] a: icons: its icons.0.src is a number, not a string',
      'tools[0] a: annotations.readOnlyHint: its annotations.readOnlyHint is a string, not a boolean',
    ],
  ]);
  assert.deepEqual(
    take('resources', { uri: 'a:b', name: 'n', annotations: { priority: 7, lastModified: 'yesterday', audience: ['user'] } }),
    [
      { uri: 'a:b', name: 'n', annotations: { audience: ['user'] } },
      [
        'resources[0] a:b: annotations.priority: its annotations.priority is not valid: Too big: expected number to be <=1',
        'resources[0] a:b: annotations.lastModified: its annotations.lastModified is no date and time with an offset (RFC 3339)',
      ],
    ],
  );
  for (const outputSchema of [
    { type: 'object', properties: { a: { $ref: '#/$defs/gone' } } },
    { type: 'object', properties: { a: { type: 'strng' } } },
    { type: 'object', properties: { a: { pattern: '(' } } },
    { type: 'object', properties: { a: { minLength: '1' } } },
    { type: 'object', $defs: { A: { id: 'A' } } },
    { type: 'object', properties: { a: { enum: [] } } },
    { type: 'object', properties: { a: { type: [], nullable: true } } },
  ]) {
    const [tool, told] = take('tools', { name: 'a', inputSchema, outputSchema });
    assert.deepEqual(tool, { name: 'a', inputSchema });
    assert.match(told!.toString(), /^tools\[0\] a: outputSchema: it cannot be compiled: /);
  }
});

test('what has no fault is the very object that came, and what was mended needs no mending again', () => {
  const fine = { name: 'a', inputSchema, outputSchema: { type: 'array', items: { $ref: '#' } }, 'x-vendor': [null], title: '' };
  const made = mended('tools', fine);
  assert.ok('definition' in made && made.definition === fine);
  const again = mended('tools', {
    name: 'a',
    inputSchema: { type: 'object', properties: { __proto__: null, a: true } },
    icons: 7,
    title: null,
  });
  assert.ok('definition' in again);
  const twice = mended('tools', again.definition);
  assert.ok('definition' in twice && twice.definition === again.definition);
});

test('what a server says of itself is held to the same: agents could not even begin', () => {
  const { about, leftOut } = usableAbout({
    serverInfo: { name: 'a', version: '1', title: null, websiteUrl: null, icons: [{}] },
    instructions: null,
    capabilities: { tools: {}, extensions: { 'com.example/x': true, 'com.example/y': {} }, experimental: { z: null } },
  });
  assert.deepEqual(about, {
    serverInfo: { name: 'a', version: '1' },
    capabilities: { tools: {}, extensions: { 'com.example/y': {} } },
  });
  assert.deepEqual(
    leftOut.map(({ what }) => what),
    ['serverInfo: icons', 'capabilities.extensions com.example/x', 'capabilities.experimental z'],
  );
});

test('a bundle of an older central API is read without what is faulty in it, one bad skill included', () => {
  const skill = {
    uri: 'skill://s/SKILL.md',
    frontmatter: { name: 's', description: '' },
    resources: [{ uri: 'skill://s/SKILL.md', digest, size: 1 }],
  };
  const olderCatalogue = {
    tools: [{ name: 'good', inputSchema }, { name: 'bad' }, { inputSchema }],
    skills: [skill, { ...skill, uri: 'skill://t/SKILL.md' }],
    capabilities: 'all',
  };
  const entry = serverEntry.parse({ id: 'a', name: 'a/a', title: '', description: '', version: '1', catalogue: olderCatalogue, tools: {} });
  assert.deepEqual(
    entry.catalogue.tools.map(({ name }) => name),
    ['good'],
  );
  assert.deepEqual(
    entry.catalogue.skills.map(({ uri }) => uri),
    ['skill://s/SKILL.md'],
  );
  assert.deepEqual(
    entry.catalogue.leftOut.map(({ what }) => what),
    ['capabilities', 'tools[1] bad', 'tools[2]', 'skills[1] skill://t/SKILL.md'],
  );
  assert.deepEqual(serverEntry.parse(entry).catalogue, entry.catalogue);
  assert.equal(catalogue.safeParse({ tools: 'none' }).success, false, 'what is no list is no catalogue');
});

test('a server that has faults without end says so in few words', () => {
  const entry = serverEntry.parse({
    id: 'a',
    name: 'a/a',
    title: '',
    description: '',
    version: '1',
    catalogue: { tools: Array.from({ length: 5000 }, () => ({ name: 'x'.repeat(5000) })) },
    tools: {},
  });
  assert.equal(entry.catalogue.leftOut.length, 200);
  assert.deepEqual(entry.catalogue.leftOut.at(-1), { what: '4801 more', why: 'they have faults like these' });
  assert.ok(JSON.stringify(entry.catalogue.leftOut).length < 100_000);
});
