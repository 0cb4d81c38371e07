import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { openEverything } from '../../src/demo/upstreams.ts';
import { entry, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { type Exchange, rawAgent } from '../support/raw-agent.ts';

type Json = Record<string, unknown>;
type Agent = Awaited<ReturnType<typeof rawAgent>>;

/** One agent, three ways: at the upstream itself, at its own address on the gateway, and at the merged one. */
const capabilities = { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } };
const replies = {
  'roots/list': () => ({ roots: [{ uri: 'file:///work/apollo', name: 'Apollo', 'x-vendor': 1 }] }),
  'sampling/createMessage': ({ messages }: Json) => ({
    role: 'assistant',
    content: { type: 'text', text: `sampled: ${JSON.stringify(messages)}` },
    model: 'scripted',
    stopReason: 'endTurn',
    'x-vendor': { deep: [1, null] },
  }),
  'elicitation/create': ({ mode }: Json) =>
    mode === 'url'
      ? { action: 'accept' }
      : { action: 'accept', content: { name: 'Ada', check: true, email: 'ada@example.com', integer: 7 } },
};

/** What two runs of a tool cannot have in common, per tool; all else is compared as it came. */
const clock: [RegExp, string] = [/\d{1,2}:\d{2}:\d{2}( [AP]M)?/g, 'TIME'];
const session: [RegExp, string] = [/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'SESSION'];
// A blob has the time in it, in base64.
const blob: [RegExp, string] = [/"blob":"[A-Za-z0-9+/=]+"/g, '"blob":"BLOB"'];
const url = 'https://example.com/consent';
const tools: Record<string, { args?: Json[]; differs?: [RegExp, string][] }> = {
  echo: { args: [{ message: 'grüße 👋 \u0000 \ud83d' }, { message: '' }] },
  'get-annotated-message': { args: ['error', 'success', 'debug'].map((messageType) => ({ messageType, includeImage: true })) },
  'get-env': {},
  'get-resource-links': { args: [{ count: 3 }] },
  'get-resource-reference': {
    args: [
      { resourceType: 'Text', resourceId: 1 },
      { resourceType: 'Blob', resourceId: 2 },
      { resourceType: 'Text', resourceId: -1 },
    ],
    differs: [clock, blob],
  },
  'get-roots-list': {},
  'get-structured-content': { args: ['New York', 'Chicago', 'Los Angeles'].map((location) => ({ location })) },
  'get-sum': {
    args: [{ a: 1e21, b: 0.1 }],
  },
  'get-tiny-image': {},
  'gzip-file-as-resource': {
    args: ['resourceLink', 'resource'].map((outputType) => ({ name: 'a.gz', data: 'data:text/plain,hello', outputType })),
  },
  'simulate-research-query': { args: [{ topic: 'lamps' }], differs: [session, [/[0-9a-f]{32}/g, 'TASK']] },
  // Each twice, so that it is off again in the end.
  'toggle-simulated-logging': { args: [{}, {}], differs: [session] },
  'toggle-subscriber-updates': { args: [{}, {}], differs: [session] },
  'trigger-elicitation-request': {},
  'trigger-long-running-operation': { args: [{ duration: 0.2, steps: 2 }] },
  'trigger-sampling-request': { args: [{ prompt: 'hello', maxTokens: 10 }] },
  'trigger-url-elicitation': {
    args: [
      { url, elicitationId: 'e-1' },
      { url, elicitationId: 'e-2', errorPath: true },
    ],
    // The prerequisite of the error path gets a random id.
    differs: [session],
  },
};

let everything: Awaited<ReturnType<typeof openEverything>>;
let gateway: Awaited<ReturnType<typeof openTestGateway>>;
let catalogue: Awaited<ReturnType<typeof fetchCatalogue>>;
let direct: Agent;
let scoped: Agent;
let merged: Agent;

before(async () => {
  everything = await openEverything({ port: 0 });
  const about = { id: 'everything', url: everything.url, era: 'auto' as const };
  catalogue = await fetchCatalogue(about);
  // The tools whose questions are tasks are offered only to agents that run tasks for a server, and are blessed nowhere.
  gateway = await openTestGateway(makeBundle({ servers: [entry({ ...about, catalogue })] }));
  const { token } = gateway;
  [direct, scoped, merged] = await Promise.all([
    rawAgent(everything.url, { capabilities, replies }),
    rawAgent(gateway.url.replace(/\/mcp$/, '/mcp/s/everything'), { token, capabilities, replies }),
    rawAgent(gateway.url, { token, capabilities, replies }),
  ]);
});
after(async () => {
  for (const agent of [direct, scoped, merged]) agent?.close();
  await gateway?.close();
  await everything?.close();
});

const ofCalls = ['notifications/progress', 'elicitation/create', 'sampling/createMessage'];

/** As parsed JSON, with what must differ put out of sight; tokens of progress are each hop's own. */
function seen({ answer, before: said }: Exchange, differs: [RegExp, string][] = []): unknown {
  const apart = (value: Json) => {
    const params = value['params'] as Json | undefined;
    return params?.['progressToken'] === undefined ? value : { ...value, params: { ...params, progressToken: 'TOKEN' } };
  };
  // What the server says on its own (it asks for roots after the handshake, logs at random) comes on whatever stream is open then.
  const text = JSON.stringify({ answer, said: said.filter(({ method }) => ofCalls.includes(String(method))).map(apart) });
  return JSON.parse(differs.reduce((shown, [pattern, by]) => shown.replace(pattern, by), text));
}

const named = (method: string, params: Json): Json =>
  method === 'tools/call' || method === 'prompts/get' ? { ...params, name: `everything__${params['name']}` } : params;

async function same(method: string, params: Json, differs?: [RegExp, string][]): Promise<void> {
  const own = await direct.ask(method, params);
  assert.deepEqual(seen(await scoped.ask(method, params), differs), seen(own, differs), 'at /mcp/s/everything');
  assert.deepEqual(seen(await merged.ask(method, named(method, params)), differs), seen(own, differs), 'at /mcp');
}

test('every tool that the server offers is compared, and those that ask do ask', async () => {
  assert.deepEqual(catalogue.tools.map(({ name }) => name).toSorted(), Object.keys(tools).toSorted());
  const asked = async (name: string, args: Json) =>
    (await merged.ask('tools/call', { name: `everything__${name}`, arguments: args })).before.map(({ method }) => method);
  assert.ok((await asked('trigger-elicitation-request', {})).includes('elicitation/create'));
  assert.ok((await asked('trigger-sampling-request', { prompt: 'x' })).includes('sampling/createMessage'));
});

for (const [name, { args = [{}], differs }] of Object.entries(tools))
  test(`tools/call ${name}`, async () => {
    for (const toolArguments of args)
      await same('tools/call', { name, arguments: toolArguments, _meta: { progressToken: 'mine', 'x-vendor': { a: [1] } } }, differs);
  });

test("lists equal the server's own; on /mcp names carry the server", async () => {
  for (const [method, key] of [
    ['tools/list', 'tools'],
    ['prompts/list', 'prompts'],
    ['resources/list', 'resources'],
    ['resources/templates/list', 'resourceTemplates'],
  ] as const) {
    const own = (await direct.ask(method)).answer['result'] as Record<string, Json[]>;
    // The session resources that gzip made are this agent's alone; only what was blessed is listed.
    const blessed = own[key]!.filter(({ uri }) => !String(uri).startsWith('demo://resource/session/'));
    assert.ok(blessed.length > 0);
    assert.deepEqual((await scoped.ask(method)).answer['result'], { ...own, [key]: blessed });
    const named =
      key === 'tools' || key === 'prompts'
        ? blessed.map((definition) => ({ ...definition, name: `everything__${definition['name']}` }))
        : blessed;
    assert.deepEqual((await merged.ask(method)).answer['result'], { ...own, [key]: named });
  }
  assert.deepEqual((scoped.opened.answer['result'] as Json)['serverInfo'], (direct.opened.answer['result'] as Json)['serverInfo']);
  assert.deepEqual((scoped.opened.answer['result'] as Json)['instructions'], (direct.opened.answer['result'] as Json)['instructions']);
});

test('prompts, resources and completions', async () => {
  await same('prompts/get', { name: 'simple-prompt' });
  await same('prompts/get', { name: 'args-prompt', arguments: { city: 'Zürich', state: 'ZH' } });
  await same('prompts/get', { name: 'args-prompt', arguments: {} });
  await same('prompts/get', { name: 'completable-prompt', arguments: { department: 'Sales', name: 'Ada' } });
  await same('prompts/get', { name: 'resource-prompt', arguments: { resourceType: 'Text', resourceId: '1' } }, [clock]);
  for (const { uri } of catalogue.resources) await same('resources/read', { uri });
  await same('resources/read', { uri: 'demo://resource/dynamic/text/1' }, [clock]);
  await same('resources/read', { uri: 'demo://resource/dynamic/blob/2' }, [clock, blob]);
  const argument = { name: 'department', value: 'S' };
  const ref = { type: 'ref/prompt', name: 'completable-prompt' };
  const own = await direct.ask('completion/complete', { ref, argument });
  assert.deepEqual((own.answer['result'] as { completion: Json }).completion['values'], ['Sales', 'Support']);
  assert.deepEqual(seen(await scoped.ask('completion/complete', { ref, argument })), seen(own));
  const mergedRef = { ...ref, name: 'everything__completable-prompt' };
  assert.deepEqual(seen(await merged.ask('completion/complete', { ref: mergedRef, argument })), seen(own));
  const template = { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' };
  await same('completion/complete', { ref: template, argument: { name: 'resourceId', value: '7' } });
});

test('a modern agent gets the same answers, with the marks of its era', async () => {
  const base = gateway.url.replace(/\/mcp$/, '/mcp/s/everything');
  const meta = { 'io.modelcontextprotocol/clientCapabilities': capabilities };
  for (const [name, { args = [{}], differs }] of Object.entries(tools)) {
    const params = { name, arguments: args[0] };
    let result: Json = {};
    let error: unknown;
    let more: Json = {};
    for (let round = 0; round < 4; round++) {
      const answer = await modernRequest(base, gateway.token, 'tools/call', { ...params, ...more }, { meta });
      const message = String(answer.headers['content-type']).startsWith('application/json') ? answer.json() : answer.events().at(-1)!;
      error = message['error'];
      result = (message['result'] ?? {}) as Json;
      if (result['resultType'] !== 'input_required') break;
      const asked = Object.entries(result['inputRequests'] as Record<string, { method: keyof typeof replies; params: Json }>);
      const inputResponses = Object.fromEntries(asked.map(([key, { method, params: of }]) => [key, replies[method](of)]));
      more = { inputResponses, requestState: result['requestState'] };
    }
    const own = (await direct.ask('tools/call', params)).answer;
    const expected = own['result'] ? { result: { resultType: 'complete', ...(own['result'] as Json) } } : own;
    const got = error === undefined ? { result } : { error };
    assert.deepEqual(seen({ answer: got, before: [], text: '' }, differs), seen({ answer: expected, before: [], text: '' }, differs), name);
  }
});
