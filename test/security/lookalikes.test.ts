// Go's and .NET's decoders read `Name` as `name`. Whatever such a server makes of a call, rules must have seen it, or the call must not go.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { fold } from '../../src/base/fold.ts';
import { loadValidation } from '../../src/policy/deciding/validation.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { allowAll, entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

type Json = Record<string, unknown>;
const eras = ['legacy', 'modern'] as const;
const methods = ['tools/call', 'prompts/get', 'resources/read', 'completion/complete'];

/** All letters that a reader that does not mind case takes for one of these, by Unicode's own tables; written apart from what is tested. */
const letters = new Map<string, string[]>();
for (const letter of 'abcdefghijklmnopqrstuvwxyz') letters.set(letter, []);
for (let point = 0; point <= 0xffff; point++) {
  const character = String.fromCharCode(point);
  if (/^[a-z]$/iu.test(character))
    for (const [letter, all] of letters) if (new RegExp(`^${letter}$`, 'iu').test(character)) all.push(character);
}
const like = (name: string) => new RegExp(`^${name}$`, 'iu');
const spelling = (name: string): fc.Arbitrary<string> =>
  fc.tuple(...[...name].map((letter) => fc.constantFrom(...(letters.get(letter.toLowerCase()) ?? [letter])))).map((all) => all.join(''));
const otherSpelling = (name: string) => spelling(name).filter((candidate) => candidate !== name);

test('what Unicode folds together is one name, for every letter there is', () => {
  assert.deepEqual(letters.get('s'), ['S', 's', 'ſ']);
  assert.deepEqual(letters.get('k'), ['K', 'k', '\u212a']);
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const character = String.fromCodePoint(point);
    for (const other of new Set([character.toLowerCase(), character.toUpperCase(), character.toUpperCase().toLowerCase()]))
      if ([...other].length === 1) assert.equal(fold(other), fold(character), `${point.toString(16)} ${character} ${other}`);
  }
  assert.equal(fold('ẞ'), fold('ß'));
  assert.equal(fold('İ'), fold('i'));
  assert.notEqual(fold('a'), fold('b'));
});

async function open(t: TestContext, options: { inputSchema?: unknown; policies: string; kinds?: Record<string, 'path'> }) {
  const server = await openRpcServer({
    'tools/call': () => ({ content: [] }),
    'prompts/get': () => ({ messages: [] }),
    'resources/read': ({ params }) => ({ contents: [{ uri: params['uri'], text: 'x' }] }),
    'completion/complete': () => ({ completion: { values: [] } }),
  });
  const { inputSchema } = options;
  const catalogue = {
    tools: [{ name: 'run', ...(inputSchema === undefined ? {} : { inputSchema }) }],
    prompts: [{ name: 'brief', arguments: [{ name: 'task' }] }],
    resources: [{ uri: 'file:///ok', name: 'ok' }],
    resourceTemplates: [{ uriTemplate: 'file:///docs/{task}', name: 'docs' }],
    capabilities: { tools: {}, prompts: {}, resources: {}, completions: {} },
  };
  const loose = entry({ id: 'loose', url: server.url, era: 'legacy', catalogue: catalogue as never });
  if (options.kinds) loose.tools['run']!.arguments = options.kinds;
  const house = await openTestGateway(makeBundle({ servers: [loose], policies: allowAll + options.policies }));
  t.after(async () => {
    await house.close();
    await server.close();
  });
  const session = await legacySession(house.url, house.token);
  /** What reached the server of it, and what the agent was told. */
  async function send(era: (typeof eras)[number], method: string, params: Json) {
    const before = server.seen.length;
    const { text } = await (era === 'legacy' ? session.send(method, params) : modernRequest(house.url, house.token, method, params));
    const reached = server.seen.slice(before).filter((request) => methods.includes(request.method));
    return { text, reached: reached.at(-1)?.params };
  }
  return { ...house, send };
}

const forbids = `
  @id("TASK") @reason("Not wipe.") forbid(principal, action in [Action::"call", Action::"get"], resource) when { context.args has task && context.args.task == "wipe" };
  @id("DEEP") @reason("Not deep.") forbid(principal, action == Action::"call", resource) when { context.args has where && context.args.where has task && context.args.where.task == "wipe" };
`;
const schemas = {
  'a typed schema that is open': {
    type: 'object',
    properties: { task: { type: 'string' }, where: { type: 'object', properties: { task: { type: 'string' } } } },
  },
  'a schema with choices, references and maps': {
    type: 'object',
    $defs: { where: { anyOf: [{ type: 'null' }, { type: 'object', properties: { task: { type: 'string' } } }] } },
    allOf: [{ properties: { where: { $ref: '#/$defs/where' } } }],
    oneOf: [{ properties: { task: { type: 'string' } } }, { required: ['nothing'] }],
  },
  'no schema': undefined,
};

/** An object with its members in another order, and some of them spelt in another way as well. */
const shuffled = (members: [string, unknown][]) =>
  fc.shuffledSubarray(members, { minLength: members.length }).map((all) => Object.fromEntries(all));

for (const [title, inputSchema] of Object.entries(schemas))
  test(`no other spelling of an argument passes, alone or beside the true one: ${title}`, async (t) => {
    const { send } = await open(t, { inputSchema, policies: forbids });
    const argument = fc.oneof(
      otherSpelling('task').chain((name) => shuffled([[name, 'wipe']])),
      otherSpelling('task').chain((name) =>
        shuffled([
          ['task', 'ok'],
          [name, 'wipe'],
        ]),
      ),
      otherSpelling('task').map((name) => ({ where: { [name]: 'wipe' } })),
      fc.tuple(otherSpelling('where'), spelling('task')).map(([where, name]) => ({ [where]: { [name]: 'wipe' } })),
      fc.tuple(otherSpelling('where'), spelling('task')).map(([where, name]) => ({ where: { task: 'ok' }, [where]: { [name]: 'wipe' } })),
    );
    await fc.assert(
      fc.asyncProperty(argument, fc.constantFrom(...eras), async (args, era) => {
        const { reached, text } = await send(era, 'tools/call', { name: 'loose__run', arguments: args });
        assert.equal(reached, undefined, JSON.stringify(args));
        assert.match(text, /case/, text);
      }),
      { numRuns: 120, seed: 5 },
    );
    for (const era of eras) {
      const plain = { task: 'ok', where: { task: 'ok' }, other: [{ TASK: 1 }, { PATH: 'a' }], env: { Task: 'x', PATH: 'y' } };
      const { reached } = await send(era, 'tools/call', { name: 'loose__run', arguments: plain });
      assert.deepEqual(reached?.['arguments'], plain, 'names that are like none at their place pass');
    }
  });

test('names in the members of a list, those of prompts, and those of which only the company says what they are, count too', async (t) => {
  const inputSchema = { type: 'object', properties: { steps: { type: 'array', items: { type: 'object', properties: { task: {} } } } } };
  const { send } = await open(t, { inputSchema, policies: '', kinds: { 'copy.*.to': 'path' } });
  for (const era of eras) {
    assert.equal((await send(era, 'tools/call', { name: 'loose__run', arguments: { copy: { a: { TO: '/' } } } })).reached, undefined);
    assert.equal((await send(era, 'tools/call', { name: 'loose__run', arguments: { steps: [{}, { Task: 1 }] } })).reached, undefined);
    assert.ok((await send(era, 'tools/call', { name: 'loose__run', arguments: { steps: [{ task: 1 }] } })).reached);
    const said = await send(era, 'prompts/get', { name: 'loose__brief', arguments: { Task: 'a' } });
    assert.equal(said.reached, undefined);
    assert.match(said.text, /\/Task differs from .*task.* in its case only/);
  }
});

/** Calls that pass as they are; one member more, of another spelling, is what a loose server would go by. */
const calls: [method: string, params: Json, names: string[], inner: [string, string[]][]][] = [
  ['tools/call', { name: 'loose__run', arguments: { a: 1 } }, ['name', 'arguments', 'task', '_meta'], []],
  ['prompts/get', { name: 'loose__brief', arguments: { task: 'ok' } }, ['name', 'arguments', '_meta'], []],
  ['resources/read', { uri: 'file:///ok' }, ['uri', '_meta'], []],
  [
    'completion/complete',
    { ref: { type: 'ref/prompt', name: 'loose__brief' }, argument: { name: 'task', value: 'o' }, context: { arguments: {} } },
    ['ref', 'argument', 'context', '_meta'],
    [
      ['ref', ['type', 'name', 'uri']],
      ['argument', ['name', 'value']],
      ['context', ['arguments']],
    ],
  ],
];

test('no other spelling of a member of the protocol passes, alone or beside the true one, at the top or within', async (t) => {
  const { send } = await open(t, { policies: '' });
  for (const [method, params, names, inner] of calls) {
    for (const era of eras) assert.ok((await send(era, method, params)).reached, `${method} as it is`);
    const odd = fc.oneof(
      fc
        .constantFrom(...names)
        .chain(otherSpelling)
        .map((name) => ({ ...params, [name]: { name: 'wipe' } })),
      fc
        .constantFrom(...names)
        .chain(otherSpelling)
        .map((name) => ({ [name]: 'wipe', ...params })),
      ...inner.map(([outer, all]) =>
        fc
          .constantFrom(...all)
          .chain(otherSpelling)
          .map((name) => ({ ...params, [outer]: { ...(params[outer] as Json), [name]: 'wipe' } })),
      ),
      otherSpelling('progressToken').map((name) => ({ ...params, _meta: { [name]: 1 } })),
      otherSpelling('io.modelcontextprotocol').map((name) => ({ ...params, _meta: { [`${name}/clientCapabilities`]: {} } })),
    );
    await fc.assert(
      fc.asyncProperty(odd, fc.constantFrom(...eras), async (oddParams: Json, era) => {
        // The envelope of the modern era is put into `_meta` by the sender.
        if (era === 'modern' && oddParams['_meta'] !== undefined) return;
        const { reached } = await send(era, method, oddParams);
        assert.equal(reached, undefined, `${method} ${JSON.stringify(oddParams)}`);
      }),
      { numRuns: 80, seed: 6 },
    );
  }
  for (const era of eras)
    for (const extra of ['task_id', 'meta', 'request_state', 'Input-Responses'])
      assert.equal((await send(era, 'resources/read', { uri: 'file:///ok', [extra]: 'x' })).reached, undefined, extra);
});

test('a refusal says what to write, and members of extensions pass', async (t) => {
  const { send } = await open(t, { policies: '' });
  for (const era of eras) {
    assert.match((await send(era, 'tools/call', { name: 'loose__run', Name: 'wipe' })).text, /"message":".*(Rename|Write)/);
    assert.match((await send(era, 'tools/call', { name: 'loose__run', Arguments: {} })).text, /Write \\"arguments\\"/);
    const { reached } = await send(era, 'tools/call', { name: 'loose__run', arguments: {}, 'x-vendor': { Name: 1 }, skill: 's' });
    assert.deepEqual([reached?.['x-vendor'], reached?.['skill']], [{ Name: 1 }, 's']);
  }
});

/** Any JSON, with names that are alike more often than not. */
const name = fc.oneof(spelling('risk'), spelling('a'), fc.constantFrom('ß', 'SS', 'ẞ', '__proto__', 'x'));
const { json } = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(1, 'a', null, true),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.array(fc.tuple(name, tie('json')), { maxLength: 3 }).map((all) => Object.fromEntries(all)),
  ),
}));
function doubled(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const names = Array.isArray(value) ? [] : Object.keys(value);
  const same = (first: string, second: string) => like(first).test(second) || first.toUpperCase() === second.toUpperCase();
  const twice = names.some((name, at) =>
    names.slice(at + 1).some((other) => same(name, other) || (/^(ß|ẞ|SS)$/.test(name) && /^(ß|ẞ|SS)$/.test(other))),
  );
  return twice || Object.values(value).some(doubled);
}

test('names of megabytes outside of ASCII are refused before they are folded; longer names of a file or a language pass', async (t) => {
  const { send } = await open(t, { policies: '' });
  for (const era of eras) {
    const names = Array.from({ length: 300 }, (_, at) => `${'\ufdfa'.repeat(1000)}${at}`);
    const many = await send(era, 'tools/call', { name: 'loose__run', arguments: Object.fromEntries(names.map((name) => [name, 1])) });
    assert.match(many.text, /too many letters outside of ASCII/);
    assert.equal(many.reached, undefined);
    const few = { [names[0]!]: 1, 'größe der Straße': 2 };
    assert.deepEqual((await send(era, 'tools/call', { name: 'loose__run', arguments: few })).reached?.['arguments'], few);
  }
});

test('no object with two members of one name reaches a server, however deep; all others do, unchanged', async (t) => {
  const { send } = await open(t, { policies: '' });
  const counts = { passed: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(json, fc.constantFrom(...eras), async (value, era) => {
      const { reached, text } = await send(era, 'tools/call', { name: 'loose__run', arguments: { value } });
      assert.equal(reached === undefined, doubled(value), `${JSON.stringify(value)} ${text}`);
      counts[reached === undefined ? 'refused' : 'passed']++;
      if (reached) assert.equal(JSON.stringify(reached['arguments']), JSON.stringify({ value }));
    }),
    { numRuns: 250, seed: 7 },
  );
  assert.ok(counts.passed > 50 && counts.refused > 20, JSON.stringify(counts));
});

test('another case of an argument is noticed however the schema refers to where it is named', async () => {
  const part = { properties: { env: { enum: ['staging'] } } };
  const draft07 = { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' };
  const schemas: Record<string, object> = {
    pointer: { type: 'object', $ref: '#/$defs/a', $defs: { a: part } },
    encoded: { type: 'object', $ref: '#/$defs/a%20b', $defs: { 'a b': part } },
    anchor: { type: 'object', $ref: '#a', $defs: { a: { $anchor: 'a', ...part } } },
    dynamic: { type: 'object', $dynamicRef: '#a', $defs: { a: { $dynamicAnchor: 'a', ...part } } },
    id: { type: 'object', $id: 'https://x.example/s', $ref: 'a', $defs: { a: { $id: 'a', ...part } } },
    'absolute id': { type: 'object', $ref: 'https://x.example/a', $defs: { a: { $id: 'https://x.example/a', ...part } } },
    'anchor of a resource': {
      type: 'object',
      $ref: 'https://x.example/a#b',
      $defs: { a: { $id: 'https://x.example/a', $defs: { b: { $anchor: 'b', ...part } } } },
    },
    'pointer in a resource': {
      type: 'object',
      $ref: 'https://x.example/a#/$defs/b',
      $defs: { a: { $id: 'https://x.example/a', $defs: { b: part } } },
    },
    'draft-07 id': { ...draft07, allOf: [{ $ref: '#a' }], definitions: { a: { $id: '#a', ...part } } },
    dependencies: { ...draft07, properties: { x: {} }, dependencies: { x: part } },
    dependentSchemas: { type: 'object', properties: { x: {} }, dependentSchemas: { x: part } },
  };
  await loadValidation();
  for (const [name, inputSchema] of Object.entries(schemas)) {
    const server = entry({ id: 's', url: 'http://127.0.0.1:9/mcp', tools: [{ name: 't', inputSchema } as never] });
    const policy = openPolicy(makeBundle({ servers: [server], policies: allowAll }), {
      person: 'ann',
      device: { os: 'linux', appVersion: '0', managed: false },
      now: Date.now,
    });
    const effect = (args: Record<string, unknown>) => policy.decide({ action: 'call', server: 's', name: 't', agent: 'a', args }).effect;
    assert.equal(effect({ x: 1, env: 'staging' }), 'allow', name);
    for (const env of ['env', 'Env', 'ENV']) assert.equal(effect({ x: 1, [env]: 'production' }), 'deny', `${name}: ${env}`);
  }
});
