// An id and a progress token are their sender's: whatever number they are, they come back in the very characters that were sent.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { silent } from '../../src/base/log.ts';
import { decimalOf, idKey, rawNumber, sameNumber } from '../../src/protocol/exact.ts';
import { openInbox } from '../../src/upstreams/messages/inbox.ts';
import { parseShort } from '../../src/upstreams/messages/parse-json.ts';
import { Pending } from '../../src/upstreams/messages/pending.ts';
import { entry, legacySession, makeBundle, openTestGateway, post } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { peer, until } from '../support/upstreams/open.ts';

const schema = { type: 'object', properties: { size: { type: 'integer', 'x-mcp-header': 'Size' } } };
const names = ['echo', 'told', 'hang', 'big'];
const { rawJSON } = JSON as unknown as { rawJSON(source: string): unknown };
let upstream: Awaited<ReturnType<typeof openRpcServer>>;
let house: Awaited<ReturnType<typeof openTestGateway>>;
let session: Awaited<ReturnType<typeof legacySession>>;
let release: (() => void)[] = [];

before(async () => {
  upstream = await openRpcServer({
    'tools/call': async ({ params }, { notify }) => {
      if (params['name'] === 'told')
        notify('notifications/progress', { progressToken: (params['_meta'] as { progressToken: unknown }).progressToken, progress: 1 });
      if (params['name'] === 'big') return { content: [], structuredContent: { n: rawJSON((params['arguments'] as { n: string }).n) } };
      if (params['name'] === 'hang') await new Promise<void>((resolve) => release.push(resolve));
      return { content: [] };
    },
  });
  const tools = names.map((name) => ({ name, inputSchema: schema }));
  house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })] }));
  session = await legacySession(house.url, house.token);
});
after(async () => {
  for (const resolve of release) resolve();
  await house.close();
  await upstream.close();
});

const digits = (min: number, max: number) => fc.stringMatching(new RegExp(`^[1-9][0-9]{${min},${max}}$`));
/** Numbers of JSON that JavaScript cannot hold, or writes otherwise, and some that it does not. */
const number = fc.oneof(
  digits(16, 60),
  digits(16, 60).map((text) => `-${text}`),
  digits(0, 15).map((text) => `${text}.0`),
  fc.tuple(digits(0, 3), fc.constantFrom('e', 'E', 'e+', 'e-'), fc.integer({ min: 0, max: 999 })).map((parts) => parts.join('')),
  fc.constantFrom('-0', '0.0', '9007199254740993', '9223372036854775807', '18446744073709551615', '1e400', '0.12345678901234567890', '7'),
  fc.maxSafeInteger().map(String),
);
const space = fc.constantFrom('', ' ', '\n', '\t \r\n');

const wire = (headers: Record<string, string>) => (body: string) => post(house.url, house.token, body, headers);
const version = '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}';
/** One request's text in the words of the era, and what answers it. */
const eras = {
  legacy: {
    request: (id: string, method: string, params = '', meta = '') =>
      `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{${[params, meta && `"_meta":{${meta}}`].filter(Boolean).join(',')}}}`,
    send: (body: string) => wire(session.headers)(body),
  },
  modern: {
    request: (id: string, method: string, params = '', meta = '') =>
      `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":{${params && `${params},`}"_meta":{${version}${meta && `,${meta}`}}}}`,
    send: (body: string, more: Record<string, string> = {}) => {
      const { method, params } = JSON.parse(body);
      const named = params.name === undefined ? {} : { 'mcp-name': params.name };
      return wire({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...named, ...more })(body);
    },
  },
};

/** The number of a member, in the characters that came; all of them where there are several. */
const said = (text: string, name: string) => [...text.matchAll(new RegExp(`"${name}":([^,}]+)`, 'g'))].map((match) => match[1]);

for (const era of ['legacy', 'modern'] as const) {
  const { request, send } = eras[era];

  test(`${era}: whatever comes of a request, its id comes back as it was written`, async () => {
    const asked: [method: string, params: string, meta?: string][] = [
      [era === 'legacy' ? 'ping' : 'server/discover', ''],
      ['tools/list', ''],
      ['tools/list', '"cursor":"none"'],
      ['tools/call', '"name":"one__echo","arguments":{}'],
      ['tools/call', '"name":"one__told"', '"progressToken":1'],
      ['tools/call', '"name":"one__nothing"'],
      ['tools/call', '"name":"one__echo","arguments":[]'],
      ['tools/call', '"name":"one__echo","arguments":{"a":1e400}'],
      ['tools/call', '"name":"one__echo","arguments":{"a":1,"A":1}'],
      ['no/such', ''],
    ];
    await fc.assert(
      fc.asyncProperty(number, space, fc.constantFrom(...asked), async (id, blank, [method, params, meta]) => {
        const answer = await send(request(`${blank}${id}${blank}`, method, params, meta));
        assert.deepEqual(said(answer.text, 'id'), [id], answer.text);
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  test(`${era}: progress is told under the token as it was written`, async () => {
    await fc.assert(
      fc.asyncProperty(number, number, async (id, token) => {
        const answer = await send(request(id, 'tools/call', '"name":"one__told"', `"progressToken": ${token}`));
        assert.deepEqual(said(answer.text, 'progressToken'), [token], answer.text);
        assert.deepEqual(said(answer.text, 'id').at(-1), id);
      }),
      { numRuns: 60, seed: 2 },
    );
  });

  test(`${era}: a whole number in a result comes as its upstream wrote it`, async () => {
    await fc.assert(
      fc.asyncProperty(digits(14, 20), async (value) => {
        const answer = await send(request('1', 'tools/call', `"name":"one__big","arguments":{"n":"${value}"}`));
        assert.deepEqual(said(answer.text, 'n'), [value], answer.text);
      }),
      { numRuns: 60, seed: 5, examples: [['9007199254740993'], ['9007199254740991'], ['9999999999999999'], ['1700000000000001']] },
    );
  });

  test(`${era}: in arguments these names are names like any other: what cannot be held is refused, the rest is passed`, async () => {
    const place = fc.constantFrom<(value: string) => string>(
      (value) => `{"id":${value}}`,
      (value) => `{"requestId":${value},"more":[{"id":7}]}`,
      (value) => `{"a":[{"_meta":{"progressToken":${value}}}]}`,
      (value) => `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${value}}}`,
    );
    const holds = (source: string) =>
      Number.isFinite(Number(source)) && (!/^-?\d+$/.test(source) || sameNumber(String(Number(source)), source));
    let [passed, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(number, place, async (value, at) => {
        fc.pre(!/[e.]/i.test(value) || (Number.isFinite(Number(value)) && sameNumber(String(Number(value)), value)));
        const before = upstream.seen.length;
        const answer = await send(request('9007199254740993', 'tools/call', `"name":"one__echo","arguments":${at(value)}`));
        assert.deepEqual(said(answer.text, 'id'), ['9007199254740993'], answer.text);
        const sent = upstream.seen.slice(before);
        if (holds(value)) {
          passed++;
          // Minus zero is zero there.
          assert.equal(JSON.stringify(sent[0]?.params['arguments']), JSON.stringify(JSON.parse(at(value))));
        } else {
          refused++;
          assert.deepEqual(sent, []);
          assert.match(answer.text, /cannot be held exactly/);
        }
      }),
      { numRuns: 120, seed: 3 },
    );
    assert.ok(passed > 20 && refused > 20, `${passed} passed, ${refused} refused`);
  });
}

test('a refusal before there is a session, or under wrong headers, says the id as it was written, too', async () => {
  const id = '12345678901234567890';
  const refusals = [
    await wire({})(eras.legacy.request(id, 'tools/list')),
    await wire({ 'mcp-session-id': 'nope' })(eras.legacy.request(id, 'tools/list')),
    await eras.modern.send(eras.modern.request(id, 'tools/list'), { 'mcp-method': 'tools/call' }),
    await wire(session.headers)(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":[]}`),
    await wire(session.headers)(`{"jsonrpc":"1.0","id":${id},"method":"ping"}`),
  ];
  for (const { status, text } of refusals) {
    assert.ok(status >= 400, text);
    assert.deepEqual(said(text, 'id'), [id], text);
  }
});

test('a subscription of the modern era is known by its id as it was written', async () => {
  const id = '9007199254740993';
  const text = await new Promise<string>((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${house.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'subscriptions/listen',
    };
    const request = http.request(house.url, { method: 'POST', headers, agent: false }, (response) => {
      response.once('data', (chunk: Buffer) => {
        resolve(chunk.toString('utf8'));
        request.destroy();
      });
    });
    request.on('error', reject);
    request.end(eras.modern.request(id, 'subscriptions/listen', '"notifications":{"toolsListChanged":true}'));
  });
  assert.deepEqual(said(text, 'io.modelcontextprotocol/subscriptionId'), [id]);
});

test('notifications/cancelled ends the request that it names and no neighbour, in whatever spelling', async () => {
  for (const [spelt, id, neighbour] of [
    ['9007199254740993', '9007199254740993', '9007199254740992'],
    ['90071992547409930e-1', '9007199254740993', '9007199254740994'],
    ['7.0', '7', '"7"'],
  ] as const) {
    release = [];
    const calls = [id, neighbour].map((requestId) => eras.legacy.send(eras.legacy.request(requestId, 'tools/call', '"name":"one__hang"')));
    await until(() => release.length === 2);
    const doubled = await eras.legacy.send(eras.legacy.request(spelt, 'tools/call', '"name":"one__hang"'));
    assert.match(doubled.text, /A request with this id is in flight/);
    const note = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId": ${spelt}}}`;
    assert.equal((await eras.legacy.send(note)).status, 202);
    assert.equal((await calls[0]!).text, '');
    for (const resolve of release) resolve();
    assert.deepEqual(said((await calls[1]!).text, 'id'), [neighbour]);
  }
});

test('a number in an Mcp-Param header is compared with the body as the number that it is', async () => {
  const call = (value: string, header: string) =>
    eras.modern.send(eras.modern.request('1', 'tools/call', `"name":"one__echo","arguments":{"size":${value}}`), {
      'mcp-param-size': header,
    });
  for (const [value, header] of [
    ['9007199254740992', '9007199254740992'],
    ['16', '16.0'],
    ['16', '1.6e1'],
  ] as const)
    assert.equal((await call(value, header)).status, 200, `${value} and ${header}`);
  for (const [value, header] of [
    ['9007199254740992', '9007199254740993'],
    ['16', '0x10'],
    ['16', '16.00000000000000000001'],
    ['0', '%20'],
  ] as const)
    assert.match((await call(value, header)).text, /-32020/, `${value} and ${header}`);
});

test('an upstream gets the answer under its own id as it wrote it, and can take the question back', async () => {
  const replies: string[] = [];
  const context = { entry: { id: 'one' }, limits: { unaskedPerTenSeconds: 100 }, log: silent, onResourceUpdated() {} };
  const inbox = openInbox(context, (message) => replies.push(JSON.stringify(message)));
  const aborted: string[] = [];
  const call = {
    method: 'tools/call',
    params: {},
    peer: peer(),
    signal: new AbortController().signal,
    onRequest: ({ params }: { params: { n?: unknown } }, signal: AbortSignal) =>
      new Promise<{ result: Record<string, unknown> }>((resolve) => {
        if (params.n === 0) return resolve({ result: {} });
        signal.addEventListener('abort', () => {
          aborted.push(String(params.n));
          resolve({ result: {} });
        });
      }),
  };
  const pending = new Pending(1, call, { timeoutMs: 60_000, messages: 9 }, { gone() {}, resolve() {}, reject() {} });
  inbox.calls.set(1, pending);
  const take = (text: string) => inbox.receive(parseShort(text)!.message);
  take('{"jsonrpc":"2.0","id":9007199254740993,"method":"elicitation/create","params":{"n":0}}');
  take('{"jsonrpc":"2.0","id":9007199254740995,"method":"elicitation/create","params":{"n":1}}');
  take('{"jsonrpc":"2.0","id":9007199254740997,"method":"elicitation/create","params":{"n":2}}');
  take('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9007199254740997}}');
  await until(() => replies.length > 0 && aborted.length > 0);
  assert.deepEqual(aborted, ['2']);
  assert.deepEqual(replies, ['{"jsonrpc":"2.0","id":9007199254740993,"result":{}}']);
  pending.finish({ result: {} });
});

test('two spellings are one key exactly where they are one number', () => {
  const whole = (source: string) => idKey(rawNumber(source));
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.nat(30), fc.nat(5), (value, shift, zeros) => {
      const spelt = `${value}${'0'.repeat(shift)}.${'0'.repeat(zeros + 1)}e-${shift}`;
      assert.equal(whole(spelt), whole(String(value)));
      assert.notEqual(whole(spelt), whole(String(value + 1n)));
      assert.notEqual(idKey(String(value)), whole(String(value)));
    }),
    { seed: 4 },
  );
  assert.ok(new Set([idKey(0)]).has(whole('-0')));
  assert.equal(whole('5.0'), idKey(5));
  assert.equal(idKey(1.5), whole('15e-1'));
  for (const no of ['', ' 1', '0x10', '+1', '01', '1.', '.5', '1e', 'Infinity', 'NaN']) assert.equal(decimalOf(no), undefined, no);
  for (const no of [null, undefined, {}, [], true, { rawJSON: '1' }]) assert.equal(idKey(no), undefined);
});
