import assert from 'node:assert/strict';
import type { LookupAddress, lookup } from 'node:dns';
import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { type Fetching, openDocuments } from '../../src/agents/oauth/documents.ts';
import { silent } from '../../src/base/log.ts';
import { certificate, documentServer } from '../support/document-server.ts';

/** Documents of clients come from addresses that any program or web page on this machine may name. */

tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificate]);

/** A resolver of these tests' own; what it throws is an answer, too. */
const resolver = (find: () => string[]) =>
  ((_host: string, _options: unknown, done: (error: Error | null, found: LookupAddress[]) => void) => {
    let found: string[];
    try {
      found = find();
    } catch (error) {
      return done(error as Error, []);
    }
    done(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as typeof lookup;
const there: Fetching = { names: resolver(() => ['127.0.0.1']), most: 'loopback' };
const knowsNothing = () => false;

const send = (response: ServerResponse, value: unknown, headers: Record<string, string> = {}) =>
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));

function open(fetching: Fetching = there) {
  const clock = { now: Date.now() };
  return { clock, documents: openDocuments({ now: () => clock.now, log: silent, fetching }) };
}

test('a document is fetched, checked and kept for as long as it says', async (t) => {
  const { origin, asked } = await documentServer(t, (request, response) =>
    send(
      response,
      { client_id: `${origin}${request.url}`, client_name: 'An agent', redirect_uris: ['http://127.0.0.1/cb'] },
      { 'cache-control': 'public, max-age=600' },
    ),
  );
  const { documents, clock } = open();
  const id = `${origin}/client.json`;
  const [client] = await Promise.all([documents.find(id, knowsNothing), documents.find(id, knowsNothing)]);
  assert.deepEqual(client, { id, host: new URL(origin).host, name: 'An agent', redirectUris: ['http://127.0.0.1/cb'] });
  clock.now += 599_000;
  await documents.find(id, knowsNothing);
  assert.equal(asked.length, 1);
  clock.now += 2_000;
  await documents.find(id, knowsNothing);
  assert.equal(asked.length, 2);
});

test('what was fetched once serves while the network is away', async (t) => {
  let away = false;
  const { origin } = await documentServer(t, (request, response) =>
    away ? response.destroy() : send(response, { client_id: `${origin}${request.url}`, redirect_uris: ['http://127.0.0.1/cb'] }),
  );
  const { documents, clock } = open();
  await documents.find(`${origin}/client.json`, knowsNothing);
  away = true;
  clock.now += 86_400_000;
  assert.deepEqual((await documents.find(`${origin}/client.json`, knowsNothing)).redirectUris, ['http://127.0.0.1/cb']);
});

test('a document that is not its client’s own, or asks for what we do not have, is refused', async (t) => {
  const good = { redirect_uris: ['http://127.0.0.1/cb'] };
  const answers: Record<string, (id: string, response: ServerResponse) => void> = {
    '/other-id': (_, response) => send(response, { ...good, client_id: 'https://agent.example/else' }),
    '/no-id': (_, response) => send(response, good),
    '/secret': (id, response) => send(response, { ...good, client_id: id, token_endpoint_auth_method: 'client_secret_basic' }),
    '/key': (id, response) => send(response, { ...good, client_id: id, token_endpoint_auth_method: 'private_key_jwt' }),
    '/script': (id, response) => send(response, { client_id: id, redirect_uris: ['javascript:alert(1)'] }),
    '/none': (id, response) => send(response, { client_id: id, redirect_uris: [] }),
    '/html': (id, response) => send(response, { ...good, client_id: id }, { 'content-type': 'text/html' }),
    '/not-json': (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{'),
    '/list': (_, response) => send(response, [1]),
    '/missing': (_, response) => response.writeHead(404, { 'content-type': 'application/json' }).end('{}'),
    '/moved': (id, response) => response.writeHead(302, { location: id.replace('/moved', '/good') }).end(),
    '/compressed': (id, response) => send(response, { ...good, client_id: id }, { 'content-encoding': 'gzip' }),
    '/packed': (id, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .end(gzipSync(JSON.stringify({ ...good, client_id: id, more: 'x'.repeat(10_000_000) }))),
    '/huge': (id, response) => send(response, { ...good, client_id: id, more: 'x'.repeat(50_000_000) }),
    '/good': (id, response) => send(response, { ...good, client_id: id }),
  };
  const { origin, asked } = await documentServer(t, (request, response) => answers[request.url!]!(`${origin}${request.url}`, response));
  const { documents } = open();
  for (const path of Object.keys(answers).filter((each) => each !== '/good'))
    await assert.rejects(documents.find(`${origin}${path}`, knowsNothing), { name: 'OAuthError', error: 'invalid_client' }, path);
  assert.ok(!asked.includes('/good'), 'no redirect was followed');
  assert.ok((await documents.find(`${origin}/good`, knowsNothing)).id);
});

test('one that never ends costs its time and no more, whether it is the name, the answer or the body', async (t) => {
  const { origin } = await documentServer(t, (request, response) => {
    if (request.url === '/silent') return;
    response.writeHead(200, { 'content-type': 'application/json' }).write('{');
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  });
  for (const path of ['/silent', '/drip']) {
    const began = performance.now();
    const { documents } = open({ ...there, limits: { timeoutMs: 300, bytes: 16_384 } });
    await assert.rejects(documents.find(`${origin}${path}`, knowsNothing), { error: 'invalid_client' });
    assert.ok(performance.now() - began < 2_000);
  }
  const never = (() => {}) as unknown as typeof lookup;
  const { documents } = open({ ...there, names: never, limits: { timeoutMs: 100, bytes: 16_384 } });
  await assert.rejects(documents.find(`${origin}/x`, knowsNothing), /timeout/);
});

test('nothing of this machine or its networks is reached, however it is written or resolved', async (t) => {
  const inner = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(inner, 'listening');
  t.after(() => inner.close());
  let reached = 0;
  inner.on('connection', () => reached++);
  const { port } = inner.address() as AddressInfo;
  const { documents } = open({ names: resolver(() => ['127.0.0.1']) });
  for (const id of [
    `https://127.0.0.1:${port}/x`,
    `https://2130706433:${port}/x`,
    `https://0x7f.1:${port}/x`,
    `https://[::1]:${port}/x`,
    `https://[::ffff:127.0.0.1]:${port}/x`,
    `https://localhost:${port}/x`,
    `https://intranet:${port}/x`,
    `https://rebound.example:${port}/x`,
    `http://agent.example:${port}/x`,
    `https://user@agent.example:${port}/x`,
    `https://agent.example:${port}/x#y`,
    `https://agent.example:${port}/`,
    `https://agent.example:${port}/a/../b`,
    `HTTPS://agent.example:${port}/x`,
    `https://agent.example:${port}/${'x'.repeat(1000)}`,
  ])
    await assert.rejects(documents.find(id, knowsNothing), { name: 'OAuthError' }, id);
  assert.equal(reached, 0);
  for (const addresses of [['93.184.216.34', '127.0.0.1'], ['10.0.0.1'], ['169.254.169.254'], ['fd00::1'], ['4000::1'], []]) {
    const { documents } = open({ names: resolver(() => addresses) });
    await assert.rejects(documents.find(`https://agent.example:${port}/x`, knowsNothing), /leads into a network/, addresses.join());
  }
});

test('no proxy is asked for a document: it would look the name up again', async (t) => {
  let asked = 0;
  const proxy = http.createServer().on('connect', (_, socket) => {
    asked++;
    socket.destroy();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const before = process.env['https_proxy'];
  process.env['https_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  t.after(() => {
    if (before === undefined) delete process.env['https_proxy'];
    else process.env['https_proxy'] = before;
    proxy.close();
  });
  const { documents } = open({ names: resolver(() => ['10.0.0.1']) });
  await assert.rejects(documents.find('https://agent.example/x', knowsNothing), /leads into a network/);
  assert.equal(asked, 0);
});

test('the connection goes to the address that was looked at: a name that changes its mind gains nothing', async (t) => {
  const { origin, asked } = await documentServer(t, (request, response) =>
    send(response, { client_id: `${origin}${request.url}`, redirect_uris: ['http://127.0.0.1/cb'] }),
  );
  let looked = 0;
  const names = resolver(() => (++looked === 1 ? ['127.0.0.1'] : ['10.0.0.1']));
  await open({ ...there, names }).documents.find(`${origin}/x`, knowsNothing);
  assert.deepEqual([looked, asked.length], [1, 1]);
});

test('a loop over made-up documents is cut short, and asks no more than a few at once', async (t) => {
  let open_ = 0;
  let most = 0;
  const { origin } = await documentServer(t, (_, response) => {
    most = Math.max(most, ++open_);
    setTimeout(() => {
      open_--;
      response.writeHead(404).end();
    }, 50);
  });
  const { documents, clock } = open();
  const errors = await Promise.all(
    Array.from({ length: 30 }, (_, at) => documents.find(`${origin}/${at}`, knowsNothing).catch((error: { error: string }) => error.error)),
  );
  assert.deepEqual([most, errors.filter((error) => error === 'temporarily_unavailable').length], [4, 26]);
  for (let at = 0; at < 30; at++) await documents.find(`${origin}/again-${at}`, knowsNothing).catch(() => {});
  clock.now += 61_000;
  await assert.rejects(documents.find(`${origin}/later`, knowsNothing), { error: 'invalid_client' });
});

test('a document that failed is not asked for again at once', async (t) => {
  const { origin, asked } = await documentServer(t, (_, response) => response.writeHead(500).end());
  const { documents, clock } = open();
  for (let time = 0; time < 5; time++) await assert.rejects(documents.find(`${origin}/x`, knowsNothing));
  assert.equal(asked.length, 1);
  clock.now += 31_000;
  await assert.rejects(documents.find(`${origin}/x`, knowsNothing));
  assert.equal(asked.length, 2);
});

test('a known agent with a redirect URI that its pinned document lacks is looked up, and goes on with the pin where that fails', async () => {
  const id = 'https://claude.ai/oauth/claude-code-client-metadata';
  let looked = 0;
  const { documents } = open({
    names: resolver(() => {
      looked++;
      throw new Error('no network');
    }),
  });
  assert.equal((await documents.find(id, () => true)).name, 'Claude Code');
  assert.equal(looked, 0);
  assert.equal((await documents.find(id, knowsNothing)).name, 'Claude Code');
  assert.equal(looked, 1);
});
