import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type CredentialKinds, openCredentials } from '../../src/upstreams/credentials/by-type.ts';
import type { Credentials } from '../../src/upstreams/credentials/credentials.ts';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';

interface Result {
  isError?: boolean;
  content: { text: string }[];
}
const eras = ['legacy', 'modern'] as const;
const modern = '2026-07-28';

/** A server of either era behind a bearer: `takes` says which ones are good; all that were sent are kept, with what they were sent for. */
async function openGuarded(era: (typeof eras)[number], takes: (bearer: string) => boolean) {
  const sent: { method: string; bearer: string }[] = [];
  const results: Record<string, unknown> = {
    'server/discover': { supportedVersions: [modern], capabilities: { tools: {} }, serverInfo: { name: 'g', version: '1' } },
    initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'g', version: '1' } },
    'tools/call': { resultType: 'complete', content: [{ type: 'text', text: 'done' }] },
  };
  const server = http.createServer(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    let text = '';
    for await (const chunk of request) text += chunk;
    const { id, method } = JSON.parse(text) as { id?: number; method: string };
    const bearer = String(request.headers.authorization ?? '').replace('Bearer ', '');
    sent.push({ method, bearer });
    if (!takes(bearer)) return void response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end('no');
    if (id === undefined) return void response.writeHead(202).end();
    const result = era === 'legacy' && method === 'server/discover' ? undefined : results[method];
    const answer = result ? { result } : { error: { code: -32601, message: 'Method not found' } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, sent, server };
}

async function open(t: TestContext, era: (typeof eras)[number], credentials: Credentials, takes: (bearer: string) => boolean) {
  const { url, sent, server } = await openGuarded(era, takes);
  const bundle = makeBundle({ servers: [entry({ id: 'one', url, era, tools: [{ name: 'run' }] })] });
  const house = await openTestGateway(bundle, { credentials });
  t.after(async () => {
    await house.close();
    server.closeAllConnections();
    server.close();
  });
  const session = await legacySession(house.url, house.token);
  const call = async () => (await session.send('tools/call', { name: 'one__run', arguments: {} })).json()['result'] as unknown as Result;
  return { call, sent };
}

for (const era of eras) {
  test(`${era}: the credential is asked for before each request, for the entry and the person; one that ended is replaced once`, async (t) => {
    let good = 1;
    const asked: { id: string; person: string }[] = [];
    let header = ['authorization', 'Bearer 1'];
    const credentials: Credentials = {
      headers({ id }, person, _signal, refused) {
        asked.push({ id, person });
        if (refused?.headers === header) header = ['authorization', `Bearer ${good}`];
        return header;
      },
    };
    const { call, sent } = await open(t, era, credentials, (bearer) => bearer === String(good));
    assert.equal((await call()).content[0]?.text, 'done');
    const before = sent.length;
    assert.equal((await call()).content[0]?.text, 'done');
    assert.equal(sent.length - before, 1);
    good = 2;
    assert.equal((await call()).content[0]?.text, 'done');
    assert.deepEqual(
      sent.slice(-2).map(({ method, bearer }) => [method, bearer]),
      [
        ['tools/call', '1'],
        ['tools/call', '2'],
      ],
    );
    assert.ok(asked.every(({ id, person }) => id === 'one' && person === 'pat'));
    assert.ok(asked.length >= sent.length);
  });

  test(`${era}: a credential that is refused for good is tried once more, then the agent is told, never with a 401`, async (t) => {
    let made = 0;
    const { call, sent } = await open(
      t,
      era,
      { headers: async () => ['authorization', `Bearer ${++made}`] },
      (bearer) => Number(bearer) < 6,
    );
    for (let round = 0; made < 6 && round < 6; round++) await call().catch(() => {});
    const before = sent.length;
    const refused = await call();
    assert.equal(refused.isError, true);
    assert.match(refused.content[0]!.text, /no credential that \S+ takes/);
    assert.ok(sent.length - before <= 2);
  });

  test(`${era}: where no credential can be had, the call fails in words and nothing is sent without one`, async (t) => {
    const none: Credentials = {
      async headers() {
        throw new Error('nobody is signed in to it');
      },
    };
    const { call, sent } = await open(t, era, none, () => true);
    const told = await call();
    assert.equal(told.isError, true);
    assert.deepEqual(sent, []);
  });
}

test('each kind of auth has its own credentials, behind the headers of the company; one that is not known gets no request', async (t) => {
  let good = 1;
  const refusals: (readonly string[] | undefined)[] = [];
  let own: readonly string[] = ['authorization', 'Bearer 1'];
  const basic: Credentials = {
    headers(_entry, _person, _signal, refused) {
      refusals.push(refused?.headers);
      if (refused?.headers === own) own = ['authorization', `Bearer ${good}`];
      return refusals.length % 2 === 0 ? Promise.resolve(own) : own;
    },
  };
  const credentials = openCredentials({ basic } as unknown as CredentialKinds);
  const stated = entry({ id: 'one', url: 'http://127.0.0.1:9/mcp' });
  let headers = { 'x-company': 'acme' };
  const at = (type: string) => ({ ...stated, headers, auth: { type } }) as typeof stated;
  const ask = async (type: string, refused?: readonly string[]) =>
    await credentials.headers(at(type), 'ann', AbortSignal.abort(), refused && { headers: refused, status: 401, challenge: undefined });
  assert.deepEqual(await ask('none'), ['x-company', 'acme']);
  const first = await ask('basic');
  assert.deepEqual(first, ['x-company', 'acme', 'authorization', 'Bearer 1']);
  assert.equal(await ask('basic'), first, 'the same list while nothing changed');
  good = 2;
  const second = await ask('basic', first);
  assert.deepEqual(second, ['x-company', 'acme', 'authorization', 'Bearer 2']);
  assert.deepEqual(refusals, [undefined, undefined, ['authorization', 'Bearer 1']]);
  headers = { 'x-company': 'other' };
  assert.deepEqual(await ask('basic'), ['x-company', 'other', 'authorization', 'Bearer 2'], 'the headers of the next bundle');
  await assert.rejects(ask('later'), /does not know the auth type "later"/);
  const { call, sent } = await open(t, 'legacy', openCredentials({} as CredentialKinds), () => true);
  assert.equal((await call()).isError, undefined);
  assert.ok(sent.length > 0);
});
