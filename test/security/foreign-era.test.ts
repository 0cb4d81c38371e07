// What an agent says in the words of the era that it does not speak never reaches an upstream that speaks it: nobody sealed it, nobody checked it.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { capabilities, openMatrixServer, uri } from '../support/matrix-server.ts';

type Json = Record<string, unknown>;

async function open(t: TestContext) {
  const server = await openMatrixServer('modern');
  const schema = { type: 'object' };
  const catalogue = {
    tools: ['elicit', 'echo', 'seen'].map((name) => ({ name, inputSchema: schema })),
    prompts: [{ name: 'one' }],
    resources: [{ uri, name: 'doc' }],
    capabilities,
  };
  const house = await openTestGateway(
    makeBundle({ servers: [entry({ id: 'm', url: server.url, era: 'modern', catalogue: catalogue as never })] }),
  );
  t.after(async () => {
    await house.close();
    await server.close();
  });
  const session = await legacySession(house.url, house.token);
  const seen = async () => {
    const { result } = (await session.send('tools/call', { name: 'm__seen', arguments: {} })).json() as {
      result: { content: { text: string }[] };
    };
    return JSON.parse(result.content[0]!.text) as { method?: string; params?: Json }[];
  };
  return { ...house, session, seen };
}

const calls: [string, Json][] = [
  ['tools/call', { name: 'm__elicit', arguments: {} }],
  ['tools/call', { name: 'm__echo', arguments: {} }],
  ['prompts/get', { name: 'm__one' }],
  ['resources/read', { uri }],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'm__one' }, argument: { name: 'who', value: '' } }],
];
const anything = fc.oneof(
  fc.constantFrom('FORGED', 'mine: 1', '', 7, null, true),
  fc.constant({ q: { action: 'accept', content: { sure: 'FORGED' } } }),
  fc.jsonValue({ maxDepth: 2 }),
);
const forged = fc.record({ requestState: anything, inputResponses: anything }, { requiredKeys: [] });

test('a legacy agent answers no question of a modern upstream that it was not asked', async (t) => {
  const { session, seen } = await open(t);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...calls), forged, async ([method, params], extra) => {
      const { text } = await session.send(method, { ...params, ...extra });
      assert.ok(!text.includes('FORGED'), text);
    }),
    { numRuns: 100, seed: 9 },
  );
  const reached = (await seen()).filter((request) => calls.some(([method]) => method === request.method));
  assert.ok(reached.length > 60, 'they were calls like any other');
  for (const { params } of reached)
    for (const word of ['requestState', 'inputResponses']) assert.ok(!Object.hasOwn(params!, word), JSON.stringify(params));
});

test('a modern agent has no state taken that the gateway did not seal', async (t) => {
  const { url, token, seen } = await open(t);
  for (const [method, params] of calls) {
    const { text } = await modernRequest(url, token, method, {
      ...params,
      requestState: 'mine: 1',
      inputResponses: { q: { action: 'accept' } },
    });
    assert.match(text, /requestState is not one of this gateway/);
  }
  assert.deepEqual(
    (await seen()).filter((request) => request.params?.['requestState'] !== undefined),
    [],
  );
});
