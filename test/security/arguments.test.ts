// Servers make 7 of "7", "zephyr" of ["zephyr"] and null of 1e400. A rule must have seen what the server sees, or the call must not go.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { loadValidation, validatorOf } from '../../src/policy/deciding/validation.ts';
import { allowAll, entry, legacySession, makeBundle, openTestGateway, post, raw } from '../support/gateway.ts';

/** A legacy server that keeps the bytes of each call and takes them as loosely as it can. */
async function open(t: TestContext, policies: string, inputSchema: unknown) {
  const calls: string[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const { id, method } = (text === '' ? {} : JSON.parse(text)) as { id?: number; method?: string };
    if (id === undefined) return void response.writeHead(202).end();
    if (method === 'tools/call') calls.push(text);
    const result =
      method === 'initialize'
        ? { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'loose', version: '1' } }
        : { content: [{ type: 'text', text: 'done' }] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  const tool = { name: 'run', ...(inputSchema === undefined ? {} : { inputSchema }) };
  const loose = entry({
    id: 'loose',
    url,
    era: 'legacy',
    tools: [tool, { name: 'hidden', inputSchema: { type: 'object', required: ['x'] } }],
  });
  const gateway = await openTestGateway(makeBundle({ servers: [loose], policies: allowAll + policies }));
  t.after(async () => {
    await gateway.close();
    server.closeAllConnections();
    server.close();
  });
  const session = await legacySession(gateway.url, gateway.token);
  let id = 100;
  return {
    ...gateway,
    calls,
    /** As an agent writes it: the arguments are JSON text. */
    async call(text: string, era: 'legacy' | 'modern' = 'legacy', name = 'loose__run') {
      const before = calls.length;
      const head = `{"jsonrpc":"2.0","id":${++id},"method":"tools/call","params":{"name":"${name}","arguments":${text}`;
      const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`;
      const answer =
        era === 'legacy'
          ? await post(gateway.url, gateway.token, `${head}}}`, session.headers)
          : await post(gateway.url, gateway.token, `${head},${meta}}}`, {
              'mcp-protocol-version': '2026-07-28',
              'mcp-method': 'tools/call',
              'mcp-name': name,
            });
      return { text: answer.text, passed: calls.length > before, sent: calls.length > before ? calls.at(-1)! : undefined };
    },
  };
}

const typed = {
  type: 'object',
  properties: { id: { type: 'integer' }, project: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } },
};
const forbids = `
  @id("ID") @reason("Not 7.") forbid(principal, action == Action::"call", resource) when { context.args has id && context.args.id == 7 };
  @id("PR") @reason("Not zephyr.") forbid(principal, action == Action::"call", resource) when { context.args has project && context.args.project == "zephyr" };
  @id("TG") @reason("Not red.") forbid(principal, action == Action::"call", resource) when { context.args has tags && context.args.tags.contains("red") };
`;
/** What a server that coerces takes for 7, for "zephyr" or for a list with "red". */
const disguises = [
  ...['7', '"7"', '[7]', '7.0', '"7.0"', '" 7"', '"0x7"', '{"valueOf":7}', '7e0', '700e-2', '"\\u0037"', '[["7"]]'].map(
    (value) => `{"id":${value}}`,
  ),
  ...['"zephyr"', '["zephyr"]', '[["zephyr"]]', '{"0":"zephyr"}', '"z\\u0065phyr"'].map((value) => `{"project":${value}}`),
  ...['["red"]', '"red"', '[["red"]]', '{"0":"red","length":1}', '["blue","r\\u0065d"]'].map((value) => `{"tags":${value}}`),
  '{"id":1,"id":7}',
  '{"id":7,"id":1}',
  '{"project":"apollo","pr\\u006fject":"zephyr"}',
];

for (const [title, schema] of [
  ['a typed schema', typed],
  ['a schema that says nothing', { type: 'object' }],
  ['no schema', undefined],
  ['a schema that cannot be used', { type: 'object', properties: { id: { $ref: 'https://schemas.example/id.json' } } }],
] as const)
  test(`no disguise of a forbidden value passes: ${title}`, async (t) => {
    const { call } = await open(t, forbids, schema);
    assert.ok((await call('{"id":8,"project":"apollo","tags":["blue"]}')).passed, 'what is not forbidden passes');
    for (const era of ['legacy', 'modern'] as const)
      for (const text of disguises) assert.equal((await call(text, era)).passed, false, `${era} ${text}`);
  });

test('what does not fit says where, is recorded, and is said of no hidden tool', async (t) => {
  const hide = '@id("HIDE") @reason("x") forbid(principal, action == Action::"call", resource == Tool::"loose/hidden");';
  const { call, records } = await open(t, hide, { ...typed, required: ['id'] });
  const said = await call('{"id":"x","project":"a"}');
  assert.match(said.text, /"isError":true/);
  assert.match(said.text, /\/id.* must be integer/);
  assert.match((await call('{"project":"a"}')).text, /must have required property 'id'/);
  const denied = (await records()).filter(({ rule }) => rule === 'gatehouse:invalid-arguments');
  assert.deepEqual(
    denied.map(({ decision, target }) => [decision, target]),
    [
      ['deny', 'run'],
      ['deny', 'run'],
    ],
  );
  const hidden = await call('{}', 'legacy', 'loose__hidden');
  const nowhere = await call('{}', 'legacy', 'loose__nothing');
  assert.equal(hidden.text.replace(/"id":\d+/, '').replace('hidden', 'X'), nowhere.text.replace(/"id":\d+/, '').replace('nothing', 'X'));
});

test('numbers that JavaScript cannot hold are refused, wherever they stand; others pass as they are', async (t) => {
  const { call } = await open(t, '', undefined);
  for (const number of ['1e400', '-1e400', '9007199254740993', '12345678901234567890', '-9007199254740993', '9007199254740993.0', '1e-400'])
    for (const text of [`{"a":${number}}`, `{"a":[1,{"b":${number}}]}`]) {
      const said = await call(text);
      assert.equal(said.passed, false, text);
      assert.match(said.text, /cannot be held exactly/);
    }
  for (const number of [
    '9007199254740991',
    '0.1',
    '1e21',
    '9007199254740992',
    '3.141592653589793',
    '1e-7',
    '0e5',
    '12345.678e3',
    '0.30000000000000004',
  ]) {
    const { sent } = await call(`{"a":${number}}`);
    assert.equal(JSON.parse(sent ?? '{}').params.arguments.a, Number(number), number);
  }
});

/** JSON as text, with what parsers disagree about: other spellings, doubled members, odd numbers, names of prototypes. */
const name = fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toJSON', '\\u0061', '', 'length');
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom(
      'null',
      'true',
      '0',
      '-0',
      '1.5',
      '1e400',
      '1E+2',
      '9007199254740993',
      '123456789012345678',
      '0.1e-7',
      '5e-324',
      '1e309',
    ),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
    fc.string({ unit: 'grapheme', maxLength: 8 }).map((value) => JSON.stringify(value)),
    fc.constantFrom('"\\ud800"', '"\\u0000"', '"a\\/b"', '" "', '"\\u2028"'),
    fc.array(tie('json'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    fc.array(fc.tuple(name, tie('json')), { maxLength: 4 }).map((all) => `{${all.map(([key, value]) => `"${key}": ${value}`).join(',')}}`),
  ),
}));

/** Whether two careful readers could see different things in it; written apart from what is tested. */
function ambiguous(text: string): boolean {
  const doubled = (value: string): boolean => {
    const names: Set<string>[] = [];
    for (const [token, key] of value.matchAll(/"((?:[^"\\]|\\.)*)"\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
      if (token === '{') names.push(new Set());
      else if (token === '}') names.pop();
      else if (key !== undefined) {
        const plain = JSON.parse(`"${key}"`) as string;
        if (names.at(-1)?.has(plain)) return true;
        names.at(-1)?.add(plain);
      }
    }
    return false;
  };
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const odd = [...bare.matchAll(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g)].some(([number]) => {
    const value = Number(number);
    if (!Number.isFinite(value)) return true;
    return /^-?\d+$/.test(number) && value !== 0 && JSON.stringify(value) !== number;
  });
  return doubled(text) || odd;
}

test('whatever is sent: what the rules saw is what the server parses, or the call was refused', async (t) => {
  const { call, records } = await open(t, '', undefined);
  let passed = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(json, fc.constantFrom('legacy' as const, 'modern' as const), async (value, era) => {
      const text = `{"v":${value}}`;
      const { sent } = await call(text, era);
      assert.equal(sent === undefined, ambiguous(text), text);
      if (sent === undefined) return void refused++;
      passed++;
      const received: unknown = JSON.parse(sent).params.arguments;
      assert.deepEqual(JSON.stringify(received), JSON.stringify(JSON.parse(text)), text);
      // The record's hash is over what was decided on.
      const record = (await records()).at(-1)!;
      assert.equal(record.argumentHash, createHash('sha256').update(JSON.stringify(received)).digest('base64url'), text);
    }),
    { numRuns: 250, seed: 11 },
  );
  assert.ok(passed > 50 && refused > 20, `${passed} passed, ${refused} refused`);
});

test('bytes that are no UTF-8 are refused', async (t) => {
  const { url, token } = await open(t, '', undefined);
  const body = Buffer.concat([
    Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"'),
    Buffer.from([0xff, 0xc0, 0xaf]),
    Buffer.from('"}}'),
  ]);
  const answer = await raw(url, { headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body });
  assert.equal(answer.status, 400);
});

test('a schema of a stranger: what reaches outside, is too large or of an unknown draft is not used, and none takes long', async () => {
  await loadValidation();
  const of = (inputSchema: unknown) => validatorOf({ name: 'x', inputSchema });
  for (const schema of [
    true,
    [],
    { $schema: 'http://json-schema.org/draft-04/schema#', type: 'object' },
    { allOf: Array.from({ length: 30_000 }, () => ({})) },
  ])
    assert.notEqual(of(schema).unusable, undefined, JSON.stringify(schema).slice(0, 80));
  for (const part of [
    { $ref: 'https://json-schema.org/draft/2020-12/schema' },
    { $ref: 'file:///etc/passwd' },
    { $id: 'https://x.example/', $ref: '#/properties/b' },
    { $ref: '#/properties/b/enum/0' },
    { pattern: '(?<=x)y' },
    { pattern: '(a)\\1' },
    { type: 'strnig' },
  ]) {
    const { unusable, dropped, misfit } = of({ properties: { a: part, b: { enum: [{}] } } });
    assert.deepEqual([unusable, dropped.length, misfit({ a: 1 })], [undefined, 1, undefined], JSON.stringify(part));
    assert.notEqual(misfit({ b: 1 }), undefined);
  }

  const objects = Array.from({ length: 5000 }, (_, at) => ({ at, b: { c: at } }));
  const slow: [unknown, unknown][] = [
    [{ properties: { a: { items: { enum: objects } } } }, { a: Array.from({ length: 50_000 }, () => objects.at(-1)) }],
    [{ properties: { a: { uniqueItems: true } } }, { a: Array.from({ length: 1_000_000 }, (_, at) => at) }],
    [{ properties: { a: { pattern: '^(a+)+$' } } }, { a: `${'a'.repeat(40_000)}!` }],
    [{ properties: { a: { pattern: '^(a+)+$' } } }, { a: 'a'.repeat(4_000_000) }],
    [{ properties: { a: { uniqueItems: true } } }, { a: Array.from({ length: 50_000 }, (_, at) => ({ at })) }],
    [
      {
        $defs: Object.fromEntries(
          Array.from({ length: 60 }, (_, at) => [
            `d${at}`,
            at === 59 ? {} : { allOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] },
          ]),
        ),
        $ref: '#/$defs/d0',
      },
      {},
    ],
    [
      {
        $defs: {
          n: {
            anyOf: [
              { properties: { c: { $ref: '#/$defs/n' } }, required: ['z'] },
              { properties: { c: { $ref: '#/$defs/n' } }, required: ['y'] },
            ],
          },
        },
        $ref: '#/$defs/n',
      },
      JSON.parse(`${'{"c":'.repeat(50)}1${'}'.repeat(50)}`),
    ],
    [{ $ref: '#' }, {}],
    [
      { items: { allOf: Array.from({ length: 5000 }, () => ({ type: 'number' })) }, properties: { a: { $ref: '#' } } },
      { a: Array.from({ length: 100_000 }, () => 1) },
    ],
  ];
  for (const [schema, value] of slow) {
    const validator = of(schema);
    const before = process.cpuUsage();
    const said = validator.misfit(value);
    const { user } = process.cpuUsage(before);
    // Seconds where nothing bounds it, years for some; the bound is far from both.
    assert.ok(user < 400_000, `${JSON.stringify(schema).slice(0, 80)} took ${user / 1000} ms`);
    if (validator.unusable === undefined) assert.equal(typeof said, 'string', JSON.stringify(schema).slice(0, 80));
  }
  assert.equal(
    of({ properties: { a: { uniqueItems: true } } }).misfit({
      a: [
        { x: 1, y: 2 },
        { y: 2, x: 1 },
      ],
    }) === undefined,
    false,
  );
  assert.equal(of({ properties: { a: { uniqueItems: true } } }).misfit({ a: [1, '1', '"1', [['b', 1]], { b: 1 }] }), undefined);
  for (const [allowed, other] of [
    [{ b: 1 }, [['b', 1]]],
    [1, '1'],
    [null, 'null'],
    ['a', '"a'],
  ])
    for (const schema of [{ const: allowed }, { enum: [allowed] }]) {
      const { misfit } = of({ properties: { a: schema } });
      assert.equal(misfit({ a: allowed }), undefined);
      assert.notEqual(misfit({ a: other }), undefined);
    }
  assert.equal(of({ properties: { a: { pattern: '^a' } } }).misfit({ a: 'b' }) === undefined, false);
  assert.equal(of({ properties: { a: { pattern: '^b' } } }).misfit({ a: 'b' }), undefined);
  assert.equal(of({ $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'number' }] }).misfit(['x']) === undefined, false);
  assert.equal(of({ properties: { a: { type: 'string', format: 'email', default: 'x' } } }).misfit({ a: 'no address' }), undefined);
});
