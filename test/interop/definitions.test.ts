// Agents read the list of all servers as a whole or not at all: whatever one server says of itself must not take the others' tools away.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import fc from 'fast-check';
import { type Bundle, bundle as bundleSchema } from '../../src/bundle/schema.ts';
import { appOnly } from '../../src/protocol/extensions.ts';
import { entry, makeBundle, openTestGateway } from '../support/gateway.ts';

type Json = Record<string, unknown>;
const url = 'http://127.0.0.1:9/mcp';
const lists = {
  tools: 'listTools',
  prompts: 'listPrompts',
  resources: 'listResources',
  resourceTemplates: 'listResourceTemplates',
} as const;
type Listed = keyof typeof lists;

/** What three real clients read on /mcp: SDK v1, and v2 in both eras. Throws where one of them refuses a list. */
async function readAll(t: TestContext, bundle: Bundle) {
  const gateway = await openTestGateway(bundle);
  t.after(() => gateway.close());
  const requestInit = { headers: { authorization: `Bearer ${gateway.token}` } };
  const info = { name: 'reader', version: '1' };
  const old = new Client(info);
  await old.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { requestInit }) as never);
  const legacy = new ModernClient(info);
  await legacy.connect(new ModernHttp(new URL(gateway.url), { requestInit }));
  const modern = new ModernClient(info, { versionNegotiation: { mode: 'auto' } });
  await modern.connect(new ModernHttp(new URL(gateway.url), { requestInit }));
  assert.equal(modern.getNegotiatedProtocolVersion?.(), '2026-07-28');
  const all: Record<string, Record<Listed, string[]>> = {};
  for (const [name, client] of Object.entries({ old, legacy, modern })) {
    const read = {} as Record<Listed, string[]>;
    for (const kind of Object.keys(lists) as Listed[]) {
      const answer = (await (client as unknown as Record<string, () => Promise<Json>>)[lists[kind]]!().catch((error: Error) => {
        throw new Error(`${name} refuses ${kind}: ${error.message.slice(0, 1500)}`);
      })) as Json;
      read[kind] = (answer[kind] as Json[]).map((definition) =>
        String(definition['uriTemplate'] ?? definition['uri'] ?? definition['name']),
      );
    }
    all[name] = read;
  }
  await Promise.all([old.close(), legacy.close(), modern.close()]);
  return all;
}

/** As an older central API would have signed it: unchecked. */
function withCatalogue(catalogue: Json): Bundle {
  const good = entry({
    id: 'good',
    url,
    tools: [{ name: 'work' }],
    catalogue: {
      tools: [{ name: 'work' }],
      prompts: [{ name: 'ask' }],
      resources: [{ uri: 'good://one' }],
      resourceTemplates: [{ uriTemplate: 'good://{x}' }],
    },
  });
  const raw = JSON.parse(JSON.stringify(makeBundle({ servers: [entry({ id: 'odd', url }), good] }))) as { servers: Json[] };
  raw.servers[0]!['catalogue'] = catalogue;
  return bundleSchema.parse(raw);
}

const goodOnes = { tools: 'good__work', prompts: 'good__ask', resources: 'good://one', resourceTemplates: 'good://{x}' };

test('the definitions that users of other gateways lost all their tools to', async (t) => {
  const inputSchema = { type: 'object' };
  const bundle = withCatalogue({
    tools: [
      { name: 'any', inputSchema: { anyOf: [{ type: 'object' }] } },
      { name: 'none' },
      { name: 'nullOutput', inputSchema, outputSchema: null },
      { name: 'listOutput', inputSchema, outputSchema: [] },
      { name: 'arrayOutput', inputSchema, outputSchema: { type: 'array', items: {} } },
      { name: 'brokenOutput', inputSchema, outputSchema: { type: 'object', properties: { a: { $ref: '#/nowhere' } } } },
      { name: 'trueProperty', inputSchema: { type: 'object', properties: { a: true } } },
    ],
    resources: [{ uri: 'odd://nameless' }, { uri: 'odd://dated', name: 'n', annotations: { lastModified: '2025-01-01' } }],
    prompts: [{ name: 'nullArguments', arguments: null }],
    resourceTemplates: [{ uriTemplate: 'odd://{y}', name: 'n', description: null }],
    capabilities: { experimental: { x: null }, extensions: { 'com.example/y': 7 } },
  });
  for (const [client, read] of Object.entries(await readAll(t, bundle))) {
    assert.deepEqual(
      read,
      {
        tools: ['odd__nullOutput', 'odd__listOutput', 'odd__arrayOutput', 'odd__brokenOutput', 'odd__trueProperty', 'good__work'],
        prompts: ['odd__nullArguments', 'good__ask'],
        resources: ['odd://dated', 'good://one'],
        resourceTemplates: ['odd://{y}', 'good://{x}'],
      },
      client,
    );
  }
});

const icons = [{ src: 'https://example.com/a.png', mimeType: 'image/png', sizes: ['48x48'], theme: 'dark' }];
const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: {
    a: { type: 'string', pattern: '^a', minLength: 1, format: 'uri', nullable: true, enum: ['a'] },
    b: { type: ['array', 'null'], items: { $ref: '#/$defs/B' }, uniqueItems: true, maxItems: 3 },
    c: { anyOf: [{ const: 1 }, { not: { type: 'null' } }], if: {}, else: false },
    d: {
      $anchor: 'here',
      patternProperties: { '^x': {} },
      dependencies: { a: ['b'] },
      dependentRequired: { a: ['b'] },
      $dynamicRef: '#here',
    },
    e: { type: 'string', 'x-mcp-header': 'Region' },
  },
  $defs: { B: { type: 'object', additionalProperties: { $ref: '#' }, exclusiveMinimum: 1, multipleOf: 2 } },
  required: ['a'],
  additionalProperties: false,
};
const annotations = { audience: ['user'], priority: 0.5, lastModified: '2026-01-01T00:00:00Z' };
const whole: Record<Listed, Json> = {
  tools: {
    name: 'NAME',
    title: 't',
    description: 'd',
    icons,
    inputSchema: schema,
    outputSchema: schema,
    annotations: { title: 't', readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    execution: { taskSupport: 'optional' },
    _meta: { ui: { resourceUri: 'ui://x', visibility: ['model'] } },
  },
  prompts: { name: 'NAME', title: 't', description: 'd', icons, arguments: [{ name: 'a', description: 'd', required: true }], _meta: {} },
  resources: { uri: 'odd://NAME', name: 'n', title: 't', description: 'd', mimeType: 'text/plain', size: 7, icons, annotations, _meta: {} },
  resourceTemplates: {
    uriTemplate: 'odd://NAME/{x}',
    name: 'n',
    title: 't',
    description: 'd',
    mimeType: 'text/plain',
    icons,
    annotations,
    _meta: {},
  },
};

const odd: unknown[] = [
  null,
  undefined,
  [],
  {},
  '',
  'x',
  '(',
  7,
  -1,
  1e300,
  true,
  false,
  [null],
  [[]],
  { a: null },
  { a: {} },
  ['x', 'x'],
  { type: 'x' },
  { $ref: 'x' },
];
const extra = '$id id $ref $async $anchor $dynamicAnchor nullable type __proto__ constructor properties items required definitions'.split(
  ' ',
);

/** One to three places of a definition become something else, go away, or get a member more. */
function mutated(kind: Listed, at: number, random: (below: number) => number): Json {
  const definition = JSON.parse(JSON.stringify(whole[kind]).replaceAll('NAME', `x${at}`)) as Json;
  for (let times = 1 + random(3); times > 0; times--) {
    let holder: unknown = definition;
    for (let depth = random(6); depth > 0; depth--) {
      const inside = Object.values(holder as object).filter((child) => typeof child === 'object' && child !== null);
      if (inside.length === 0) break;
      holder = inside[random(inside.length)];
    }
    const keys = Object.keys(holder as object);
    const key = random(4) === 0 || keys.length === 0 ? extra[random(extra.length)]! : keys[random(keys.length)]!;
    const value = structuredClone(odd[random(odd.length)]);
    if (value === undefined) delete (holder as Json)[key];
    else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
  }
  // What a server sends is JSON.
  return JSON.parse(JSON.stringify(definition)) as Json;
}

for (const seed of [1, 2, 3, 5, 8, 13])
  test(`of a server with mutated definitions all clients list what is readable, and everything of the others (seed ${seed})`, async (t) => {
    const source = fc.sample(fc.infiniteStream(fc.nat()), { numRuns: 1, seed })[0]!;
    const random = (below: number) => source.next().value! % below;
    const many = 150;
    const catalogue = Object.fromEntries(
      (Object.keys(lists) as Listed[]).map((kind) => [kind, Array.from({ length: many }, (_, at) => mutated(kind, at, random))]),
    );
    const bundle = withCatalogue(catalogue);
    const { leftOut, ...kept } = bundle.servers[0]!.catalogue;
    const all = await readAll(t, bundle);
    for (const [client, read] of Object.entries(all))
      for (const kind of Object.keys(lists) as Listed[]) {
        assert.equal(read[kind].at(-1), goodOnes[kind], `${client} has what is whole`);
        // Tools for pages alone are for clients that show pages. SDK v2 leaves out some with annotations of headers that are nowhere a header's.
        const shown = (kept[kind] as Json[]).filter((definition) => !appOnly(definition)).length;
        if (client !== 'modern' || kind !== 'tools') assert.equal(read[kind].length, shown + 1, `${client} ${kind}`);
      }
    for (const kind of Object.keys(lists) as Listed[]) {
      const gone = leftOut.filter(({ what }) => new RegExp(`^${kind}\\[\\d+\\][^:]*(?:://[^:]*)?$`).test(what)).length;
      assert.ok(kept[kind].length > many / 10, `${kind}: some are readable`);
      if (leftOut.length < 200) assert.equal(kept[kind].length + gone, many, `${kind}: each is listed or has a reason`);
    }
  });
