// What a rule compares must be of one type, however deep it stands, whatever of its schema could be used; and real servers' schemas are used in full.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import fc from 'fast-check';
import { z } from 'zod';
import { loadValidation, uncheckedOf, validatorOf } from '../../src/policy/deciding/validation.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { allowAll, entry, makeBundle } from '../support/gateway.ts';

await loadValidation();

function deciding(rules: string, inputSchema?: unknown) {
  const tool = { name: 'run', ...(inputSchema === undefined ? {} : { inputSchema }) };
  const server = entry({ id: 'loose', url: 'http://127.0.0.1:9/mcp', tools: [tool as never] });
  const bundle = makeBundle({ servers: [server], policies: allowAll + rules });
  const policy = openPolicy(bundle, { person: 'ann', device: { os: 'linux', appVersion: '0', managed: false }, now: Date.now });
  return (args: Record<string, unknown>) => policy.decide({ action: 'call', server: 'loose', name: 'run', agent: 'a', args });
}
const forbid = (condition: string) => `@id("F") @reason("x") forbid(principal, action == Action::"call", resource) when { ${condition} };`;

test('a null stands for an argument that is left out only where the schema declares one that may be', () => {
  const tree = { type: 'object', properties: { child: { $ref: '#' }, n: { type: 'number' } }, additionalProperties: false };
  const branches = {
    type: 'object',
    allOf: [{ $ref: '#/$defs/a' }],
    unevaluatedProperties: false,
    $defs: { a: { properties: { n: { type: 'number' } } } },
  };
  for (const schema of [tree, branches]) {
    const decide = deciding('', schema);
    assert.equal(decide({ n: null }).effect, 'allow');
    assert.equal(decide({ n: 1 }).effect, 'allow');
    for (const args of [{ admin: null }, { admin: null, n: null }, { admin: null, n: 1 }, { constructor: null }])
      assert.equal(decide(args).effect, 'deny', JSON.stringify(args));
  }
  const mixed = deciding('', { type: 'object', properties: { a: { type: ['string', 'null'] }, b: { type: 'string' } }, required: ['a'] });
  assert.equal(mixed({ a: null, b: null }).effect, 'allow');
  assert.equal(mixed({ b: null }).effect, 'deny');
  assert.equal(deciding('', { patternProperties: { '^x': { type: 'string' } } })({ x: null }).effect, 'deny');
});

/** A value, and what a server may take for it. */
const scalar = fc.oneof(
  fc
    .constantFrom('zephyr', 'a')
    .map((text) => ({ cedar: JSON.stringify(text), value: text as unknown, others: [[text], { 0: text }] as unknown[] })),
  fc.integer({ min: 0, max: 9 }).map((n) => ({ cedar: `${n}`, value: n as unknown, others: [`${n}`, [n], { valueOf: n }] as unknown[] })),
  fc.boolean().map((yes) => ({ cedar: `${yes}`, value: yes as unknown, others: [`${yes}`, Number(yes), [yes]] as unknown[] })),
);
/** Ways to put the argument `v` beside a literal; the literal may be wrapped, the argument may be. */
const forms: [(literal: string) => string, (value: unknown) => unknown][] = [
  [(l) => `context.args.v == ${l}`, (v) => v],
  [(l) => `!(${l} != context.args.v)`, (v) => v],
  [(l) => `[context.args.v] == [${l}]`, (v) => v],
  [(l) => `{a: context.args.v} == {a: ${l}}`, (v) => v],
  [(l) => `{a: {b: [context.args.v]}} == {a: {b: [${l}]}}`, (v) => v],
  [(l) => `[[context.args.v]].contains([${l}])`, (v) => v],
  [(l) => `[${l}].contains(context.args.v)`, (v) => v],
  [(l) => `[context.args.v].contains(${l})`, (v) => v],
  [(l) => `[context.args.v].containsAny([${l}])`, (v) => v],
  [(l) => `[${l}].containsAll([context.args.v])`, (v) => v],
  [(l) => `{a: context.args.v}.a == ${l}`, (v) => v],
  [(l) => `(if context.args has w then context.args.w else context.args.v) == ${l}`, (v) => v],
  [(l) => `context.args == {v: ${l}}`, (v) => v],
  [(l) => `context.args.v == {a: ${l}}`, (v) => ({ a: v })],
  [(l) => `context.args.v.contains(${l})`, (v) => [v]],
  [(l) => `context.args.v == [${l}]`, (v) => [v]],
  [(l) => `context.args.v.contains({a: ${l}})`, (v) => [{ a: v }]],
  [(l) => `context.args.v.a.containsAny([{b: ${l}}])`, (v) => ({ a: [{ b: v }] })],
];

test('no disguise of a compared value passes, however the comparison is written', () => {
  fc.assert(
    fc.property(scalar, ({ cedar, value, others }) => {
      for (const [write, wrap] of forms) {
        const decide = deciding(forbid(`context.args has v && ${write(cedar)}`));
        const about = write(cedar);
        assert.equal(decide({ v: wrap(value) }).rule, 'F', about);
        for (const other of others) assert.equal(decide({ v: wrap(other) }).effect, 'deny', `${about}: ${JSON.stringify(wrap(other))}`);
        assert.equal(decide({}).effect, 'allow', about);
        const different = typeof value === 'string' ? 'other' : typeof value === 'number' ? 77 : !value;
        assert.equal(decide({ v: wrap(different) }).effect, 'allow', `${about}: ${JSON.stringify(wrap(different))}`);
      }
    }),
    { numRuns: 12, seed: 3 },
  );
});

test('two arguments that are compared are of one type, or the rule denies and says which', () => {
  for (const [condition, same, differs, odd] of [
    ['context.args.c == context.args.d', [7, 7], [7, 8], ['7', 7]],
    ['context.args.c == context.args.d', [{ a: [1] }, { a: [1] }], [{ a: [1] }, { a: [2] }], [{ a: [1] }, { a: ['1'] }]],
    ['context.args.c.contains(context.args.d)', [['x'], 'x'], [['x'], 'y'], [[7], '7']],
    ['context.args.c.containsAny(context.args.d)', [['x'], ['x']], [['x'], ['y']], [['x'], [['x']]]],
    ['[context.args.c, "x"].contains(context.args.d)', ['a', 'a'], ['a', 'b'], [7, '7']],
    ['{a: context.args.c} == {a: context.args.d}', [true, true], [true, false], [true, 'true']],
  ] as [string, unknown[], unknown[], unknown[]][]) {
    const decide = deciding(forbid(`context.args has c && context.args has d && ${condition}`));
    const ask = ([c, d]: unknown[]) => decide({ c, d });
    assert.equal(ask(same).rule, 'F', condition);
    assert.equal(ask(differs).effect, 'allow', condition);
    assert.match(ask(odd).reason, /Rule F (compares|speaks of) .*argument/, condition);
  }
});

test('where the part of an argument was left out of the schema, types hold as for a tool without one', () => {
  const schema = { type: 'object', properties: { v: { $ref: 'https://x.example/v' }, w: { type: 'string' } }, additionalProperties: false };
  const decide = deciding(forbid('context.args has v && context.args.v == 7'), schema);
  assert.deepEqual(
    [{ v: 7 }, { v: '7' }, { v: [7] }, { v: 8, w: 9 }, { v: 8, x: 1 }].map((args) => decide(args).effect),
    ['deny', 'deny', 'deny', 'deny', 'deny'],
  );
  assert.equal(decide({ v: 8, w: 'a' }).effect, 'allow');
});

async function toolsOf(server: Server | McpServer) {
  const [here, there] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: 'test', version: '1' });
  await Promise.all([server.connect(there), client.connect(here)]);
  const { tools } = await client.listTools();
  await client.close();
  return tools;
}

test('what real servers state with zod and in the manner of TypeBox is used in full', async () => {
  interface Tree {
    name: string;
    children?: Tree[] | undefined;
  }
  const tree: z.ZodType<Tree> = z.lazy(() => z.strictObject({ name: z.string(), children: z.array(tree).optional() }));
  const zod = new McpServer({ name: 'zod', version: '1' });
  zod.registerTool('send', { inputSchema: z.strictObject({ to: z.email(), when: z.iso.datetime().optional(), tree }) }, () => ({
    content: [],
  }));
  const node = {
    $id: 'T0',
    type: 'object',
    properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: 'T0' } } },
    required: ['name'],
    additionalProperties: false,
  };
  const typebox = new Server({ name: 'typebox', version: '1' }, { capabilities: { tools: {} } });
  const inputSchema = {
    type: 'object' as const,
    properties: { to: { type: 'string' }, tree: node },
    required: ['to'],
    additionalProperties: false,
  };
  typebox.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [{ name: 'send', inputSchema }] }));
  for (const tool of [...(await toolsOf(zod)), ...(await toolsOf(typebox))]) {
    const { misfit, unusable } = validatorOf(tool);
    assert.deepEqual([unusable, uncheckedOf(tool)], [undefined, undefined], JSON.stringify(tool));
    assert.equal(misfit({ to: "o'neil+x@mail.example", tree: { name: 'a', children: [{ name: 'b', children: [] }] } }), undefined);
    for (const wrong of [{ to: 7 }, { admin: true }, { tree: { name: 'a', children: [{ name: 7 }] } }, { tree: { name: 'a', extra: 1 } }])
      assert.notEqual(misfit({ to: 'a@b.co', tree: { name: 'a' }, ...wrong }), undefined, JSON.stringify(wrong));
  }
  // As zod 3 and its converter state an address: RE2 has no lookahead.
  const older = "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$";
  const sent = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    properties: { to: { type: 'string', pattern: older }, force: { type: 'boolean' } },
    additionalProperties: false,
  };
  const { misfit } = validatorOf({ inputSchema: sent });
  assert.match(uncheckedOf({ inputSchema: sent }) ?? '', /Left out: #\/properties\/to\/pattern \(it looks ahead or behind\)\.$/);
  assert.equal(misfit({ to: 'a@b.co' }), undefined);
  for (const wrong of [{ to: 7 }, { force: 'yes' }, { admin: true }]) assert.notEqual(misfit(wrong), undefined);
});

test('a recursive schema is checked in a bounded number of steps, however deep the value is', () => {
  const branch = { properties: { c: { $ref: '#' } } };
  const deep = JSON.parse(`${'{"c":'.repeat(60)}7${'}'.repeat(60)}`);
  for (const schema of [
    { anyOf: [{ allOf: [branch, { required: ['z'] }] }, { allOf: [branch, { required: ['y'] }] }] },
    { oneOf: [branch, branch] },
    { allOf: [branch, branch, branch] },
    { allOf: [{ $ref: '#' }] },
  ]) {
    const validator = validatorOf({ inputSchema: schema });
    const before = process.cpuUsage();
    assert.match(validator.misfit(deep) ?? '', /too large to be checked/, JSON.stringify(schema));
    const { user } = process.cpuUsage(before);
    // Millions of years where nothing bounds it.
    assert.ok(user < 2_000_000, `${user / 1000} ms`);
  }
  const list = { type: 'object', properties: { c: { $ref: '#' } }, additionalProperties: false };
  assert.match(validatorOf({ inputSchema: list }).misfit(deep) ?? '', /must be object/);
});
