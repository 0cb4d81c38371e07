// What programs in other languages send: null for what they leave out, header words in their own case, requests that are refused but have an id.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway, post, raw } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { event, legacy, result, sse, startRaw } from '../support/upstreams/raw.ts';

const tool = { name: 'echo', inputSchema: { type: 'object' } };
let upstream: Awaited<ReturnType<typeof openRpcServer>>;
let house: Awaited<ReturnType<typeof openTestGateway>>;
let session: Awaited<ReturnType<typeof legacySession>>;

before(async () => {
  upstream = await openRpcServer({
    'tools/call': ({ params }, { notify }) => {
      notify('notifications/progress', { progressToken: (params['_meta'] as { progressToken: unknown }).progressToken, progress: 1 });
      return { content: [] };
    },
    'prompts/get': () => ({ messages: [] }),
    'completion/complete': () => ({ completion: { values: [] } }),
  });
  const catalogue = { prompts: [{ name: 'ask' }], capabilities: { tools: {}, prompts: {}, completions: {} } };
  house = await openTestGateway(
    makeBundle({
      servers: [entry({ id: 'one', url: upstream.url, catalogue: { ...catalogue, tools: [tool] } })],
    }),
  );
  session = await legacySession(house.url, house.token);
  // From now on the upstream's era is known.
  await session.send('prompts/get', { name: 'one__ask' });
});
after(async () => {
  await house.close();
  await upstream.close();
});

type Json = Record<string, unknown>;
const eras = {
  legacy: (method: string, params: Json) => post(house.url, house.token, { jsonrpc: '2.0', id: 'x', method, params }, session.headers),
  modern: (method: string, { _meta, ...params }: Json) =>
    modernRequest(house.url, house.token, method, params, { meta: (_meta ?? {}) as Json }),
};
/** The messages of an answer, and what of them is the call's. */
const settled = (answer: Awaited<ReturnType<typeof raw>>) => {
  const messages = answer.text.startsWith('{') ? [answer.json()] : answer.events();
  return { status: answer.status, messages: messages.map(({ id: _id, ...rest }) => rest) };
};

const nulls: Record<string, string[]> = {
  'tools/list': ['cursor'],
  'prompts/list': ['cursor'],
  'tools/call': ['arguments', '_meta.progressToken', '_meta.io.modelcontextprotocol/logLevel', 'task', 'requestState', 'inputResponses'],
  'prompts/get': ['arguments', '_meta.progressToken', 'requestState', 'inputResponses'],
  'completion/complete': ['context', '_meta.progressToken', 'ref.title'],
};
const bases: Record<string, Json> = {
  'tools/list': {},
  'prompts/list': {},
  'tools/call': { name: 'one__echo' },
  'prompts/get': { name: 'one__ask' },
  'completion/complete': { ref: { type: 'ref/prompt', name: 'one__ask' }, argument: { name: 'a', value: 'b' } },
};

function withNulls(base: Json, paths: string[]): Json {
  const made = structuredClone(base);
  for (const path of paths) {
    const [head = '', ...rest] = path.split('.');
    if (rest.length === 0) made[head] = null;
    else made[head] = { ...(made[head] as Json), [rest.join('.')]: null };
  }
  return made;
}

for (const era of ['legacy', 'modern'] as const)
  test(`${era}: null for what may be left out is the same as leaving it out, for the agent and for the upstream`, async () => {
    const some = fc
      .constantFrom(...Object.keys(nulls))
      .chain((method) => fc.tuple(fc.constant(method), fc.subarray(nulls[method]!, { minLength: 1 })));
    await fc.assert(
      fc.asyncProperty(some, async ([method, paths]) => {
        const from = upstream.seen.length;
        const plain = settled(await eras[era](method, bases[method]!));
        const middle = upstream.seen.length;
        const nulled = settled(await eras[era](method, withNulls(bases[method]!, paths)));
        assert.deepEqual(nulled, plain, paths.join());
        // What differs is our own: the id, and the token that is the same number.
        const sent = (requests: typeof upstream.seen) =>
          requests.map(({ method, params: { _meta, ...params } }) => {
            const { progressToken: _token, ...meta } = (_meta ?? {}) as Json;
            return { method, params, meta };
          });
        assert.deepEqual(sent(upstream.seen.slice(middle)), sent(upstream.seen.slice(from, middle)), paths.join());
      }),
      { numRuns: 80, seed: 1, examples: Object.entries(nulls).map(([method, paths]) => [[method, paths]]) },
    );
  });

test('legacy: params, _meta and a notification’s id may be null; a request’s id may not', async () => {
  const send = (message: Json) => post(house.url, house.token, { jsonrpc: '2.0', ...message }, session.headers);
  assert.deepEqual((await send({ id: 7, method: 'ping', params: null })).json(), { jsonrpc: '2.0', id: 7, result: {} });
  assert.deepEqual((await send({ id: 7, method: 'ping', params: { _meta: null } })).json()['result'], {});
  assert.equal((await send({ id: null, method: 'notifications/initialized', params: null })).status, 202);
  assert.equal((await send({ id: 'unknown', method: null, params: null, result: {}, error: null })).status, 202);
  assert.equal((await send({ id: null, method: 'ping' })).status, 400);
});

test('a capability that is null is one that the agent does not have, in either era', async (t) => {
  let finish = () => {};
  const old = legacy((message, response) => {
    if (!message) return false;
    const question = { mode: 'form', message: 'Really?', requestedSchema: { type: 'object', properties: {} } };
    sse(response).write(event({ jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params: question }));
    finish = () => response.end(event(result(message.id, 'done')));
    return true;
  });
  const server = await startRaw(t, (message, response, ...rest) => {
    if (message?.id === 'q') finish();
    return old(message, response, ...rest);
  });
  const own = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: server.url, tools: [tool] })] }));
  t.after(() => own.close());
  const call = async (era: 'legacy' | 'modern', capabilities: object) => {
    const params = { name: 'one__echo' };
    if (era === 'legacy') return await (await legacySession(own.url, own.token, capabilities)).send('tools/call', params);
    return await modernRequest(own.url, own.token, 'tools/call', params, {
      meta: { 'io.modelcontextprotocol/clientCapabilities': capabilities },
    });
  };
  const nulls = { sampling: null, roots: { listChanged: null }, elicitation: null, experimental: null, extensions: { 'x/y': null } };
  for (const era of ['legacy', 'modern'] as const) {
    const { text } = await call(era, nulls);
    assert.match(text, /"done"/);
    assert.doesNotMatch(text, /elicitation|input_required/);
  }
  assert.match((await call('modern', { elicitation: { form: null, url: null } })).text, /input_required/);
});

test('null inside of arguments is a value', async () => {
  for (const era of ['legacy', 'modern'] as const) {
    await eras[era]('tools/call', { name: 'one__echo', arguments: { a: null, _meta: null, cursor: null } });
    assert.deepEqual(upstream.seen.at(-1)!.params['arguments'], { a: null, _meta: null, cursor: null });
  }
});

test('a request that is refused for its form is refused under its id', async () => {
  const id = fc.oneof(fc.string({ maxLength: 20 }), fc.maxSafeInteger());
  const form = fc.constantFrom<Json>(
    { method: 'ping', params: [1] },
    { method: 'ping', params: 'text' },
    { method: 'ping', params: 0 },
    { method: 7 },
    { method: 'x'.repeat(300) },
    { method: 'ping', jsonrpc: '1.0' },
    { method: 'ping', jsonrpc: undefined },
    { result: [] },
    { error: 'text' },
    {},
  );
  await fc.assert(
    fc.asyncProperty(id, form, fc.boolean(), async (id, form, modern) => {
      const headers = modern ? { 'mcp-protocol-version': '2026-07-28' } : session.headers;
      const answer = await post(house.url, house.token, { jsonrpc: '2.0', id, ...form }, headers);
      assert.equal(answer.status, 400);
      assert.deepEqual(answer.json()['id'], id);
    }),
    { numRuns: 60, seed: 2 },
  );
});

/** The same word with some of its letters in the other case. */
const cased = (word: string) =>
  fc
    .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
    .map((flips) => [...word].map((letter, at) => (flips[at] ? letter.toUpperCase() : letter)).join(''));

test('the words of Accept, Content-Type, Host and Origin count in any case', async () => {
  const all = fc.tuple(
    fc
      .constantFrom('application/json, text/event-stream', 'application/*', 'text/event-stream;q=0.5', 'text/*, application/json')
      .chain(cased),
    cased('application/json; charset=utf-8'),
    fc.constantFrom('localhost', '127.0.0.1', '[::1]').chain(cased),
    cased('http://localhost'),
  );
  const { port } = house.gateway;
  await fc.assert(
    fc.asyncProperty(all, async ([accept, type, host, origin]) => {
      const answer = await raw(house.url, {
        headers: {
          authorization: `Bearer ${house.token}`,
          ...session.headers,
          accept,
          'content-type': type,
          host: `${host}:${port}`,
          origin: `${origin}:${port}`,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'one__echo', _meta: { progressToken: 1 } } }),
      });
      assert.equal(answer.status, 200, answer.text);
      // Whoever takes streams gets one, whoever does not gets JSON.
      assert.match(String(answer.headers['content-type']), /text/i.test(accept) ? /^text\/event-stream/ : /^application\/json/, accept);
    }),
    { numRuns: 60, seed: 3 },
  );
});

test('Accept: the narrowest range counts, a weight of 0 is a no, and what only looks like a type is none', async () => {
  const ask = async (accept: string) => {
    const headers = { authorization: `Bearer ${house.token}`, ...session.headers, 'content-type': 'application/json', accept };
    const params = { name: 'one__echo', _meta: { progressToken: 1 } };
    const answer = await raw(house.url, { headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }) });
    return answer.status === 200 ? String(answer.headers['content-type']).split('/')[0] : answer.status;
  };
  assert.equal(await ask('*/*'), 'text');
  assert.equal(await ask('*/*, text/event-stream; q=0'), 'application');
  assert.equal(await ask('application/json, TEXT/EVENT-STREAM;Q=0.0'), 'application');
  assert.equal(await ask('application/json;q=0, text/*;q=0, */*'), 406);
  assert.equal(await ask('application/jsonlines'), 406);
  assert.equal(await ask('image/png'), 406);
});

test('a Host that only looks like ours stays refused in any case', async () => {
  const { port } = house.gateway;
  for (const host of [`LOCALHOST.evil:${port}`, `Evil.Example:${port}`, 'LOCALHOST', `localhost.:${port}`, `ｌocalhost:${port}`])
    await raw(house.url, { headers: { host, authorization: `Bearer ${house.token}` }, body: '{}' }).then(
      ({ status }) => assert.ok(status === 403 || status === 400, host),
      (error: NodeJS.ErrnoException) => assert.equal(error.code, 'ERR_INVALID_CHAR', host),
    );
});
