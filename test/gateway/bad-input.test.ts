import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { allowAll, entry, legacySession, makeBundle, modernRequest, openTestGateway, post, raw } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

const echo = { name: 'echo', inputSchema: { type: 'object' } };
let upstream: Awaited<ReturnType<typeof openRpcServer>>;
let house: Awaited<ReturnType<typeof openTestGateway>>;

before(async () => {
  upstream = await openRpcServer({ 'tools/call': () => ({ content: [{ type: 'text', text: 'hi' }] }) });
  house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools: [echo] })] }), {
    maxBodyBytes: 64 * 1024,
    headersTimeoutMs: 1500,
  });
});
after(async () => {
  await house.close();
  await upstream.close();
});

const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

/** Whatever was sent before: a good call still works. */
async function lives() {
  const session = await legacySession(house.url, house.token);
  const answer = await session.send('tools/call', { name: 'one__echo', arguments: {} });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json()['result'], { content: [{ type: 'text', text: 'hi' }] });
}

test('a foreign Host is refused before anything else (DNS rebinding)', async () => {
  for (const host of ['evil.example', 'evil.example:80', `127.0.0.1.nip.io:${house.gateway.port}`, 'localhost', '127.0.0.1:1']) {
    const answer = await raw(house.url, { headers: { ...json, host, authorization: `Bearer ${house.token}` }, body: ping });
    assert.equal(answer.status, 403, host);
  }
  await lives();
});

test('a web page is refused by its Origin, with and without a token', async () => {
  for (const origin of ['https://evil.example', 'null', `http://evil.example:${house.gateway.port}`]) {
    const answer = await raw(house.url, { headers: { ...json, origin, authorization: `Bearer ${house.token}` }, body: ping });
    assert.equal(answer.status, 403, origin);
  }
});

test('no or a wrong bearer is 401 with absolute metadata in the spelling of the Host, for every method', async () => {
  for (const method of ['GET', 'HEAD', 'DELETE', 'POST', 'PUT']) {
    const answer = await raw(house.url, { method, headers: { ...json, host: `localhost:${house.gateway.port}` } });
    assert.equal(answer.status, 401, method);
    assert.equal(
      answer.headers['www-authenticate'],
      `Bearer resource_metadata="http://localhost:${house.gateway.port}/.well-known/oauth-protected-resource/mcp"`,
    );
  }
  const wrong = await raw(house.url, { headers: { ...json, authorization: 'Bearer gha_wrong' }, body: ping });
  assert.equal(wrong.status, 401);
  assert.match(String(wrong.headers['www-authenticate']), /error="invalid_token"/);
  assert.match(wrong.text, /gatehouse agents add/);
  const metadata = await raw(`${house.url.replace('/mcp', '')}/.well-known/oauth-protected-resource/mcp`, { method: 'GET' });
  assert.equal(metadata.json()['resource'], house.url);
});

test('the wire: content type, size, depth, JSON, shape', async () => {
  const headers = { ...json, authorization: `Bearer ${house.token}` };
  const status = async (body: string, extra: Record<string, string> = {}) =>
    (await raw(house.url, { headers: { ...headers, ...extra }, body })).status;
  assert.equal(await status(ping, { 'content-type': 'text/plain' }), 415);
  assert.equal(await status(ping, { accept: 'image/png' }), 406);
  assert.equal(await status('{"jsonrpc":'), 400);
  assert.equal(await status(''), 400);
  assert.equal(await status(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${'['.repeat(200)}${']'.repeat(200)}}}`), 400);
  assert.equal(await status(`[${ping}]`), 400);
  assert.equal(await status('"text"'), 400);
  assert.equal(await status('{"jsonrpc":"1.0","id":1,"method":"ping"}'), 400);
  assert.equal(await status('{"jsonrpc":"2.0","id":null,"method":"ping"}'), 400);
  assert.equal(await status('{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}'), 400);
  assert.equal((await raw(house.url, { method: 'PUT', headers, body: ping })).status, 405);
  assert.equal((await raw(`${house.url}/elsewhere`, { headers, body: ping })).status, 404);
  await lives();
});

test('a body over the limit is 413, announced or not, and brackets in strings do not count as depth', async () => {
  const headers = { ...json, authorization: `Bearer ${house.token}` };
  const big = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { pad: 'x'.repeat(100_000) } });
  const answer = await raw(house.url, { headers, body: big });
  assert.equal(answer.status, 413);
  assert.match(answer.text, /maxBodyBytes/);
  const chunked = await raw(house.url, { headers: { ...headers, 'transfer-encoding': 'chunked' }, body: big });
  assert.equal(chunked.status, 413);
  const brackets = await modernRequest(house.url, house.token, 'tools/call', {
    name: 'one__echo',
    arguments: { text: '[{"\\'.repeat(500) },
  });
  assert.equal(brackets.status, 200);
  await lives();
});

test('unknown methods and sessions get what each era says', async () => {
  const session = await legacySession(house.url, house.token);
  assert.equal((await session.send('no/such')).json()['error']?.['code' as never], -32601);
  const without = await post(house.url, house.token, { jsonrpc: '2.0', id: 1, method: 'tools/list' });
  assert.equal(without.status, 400);
  const unknown = await post(house.url, house.token, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, { 'mcp-session-id': 'nope' });
  assert.equal(unknown.status, 404);
  const version = await post(
    house.url,
    house.token,
    { jsonrpc: '2.0', id: 1, method: 'tools/list' },
    { ...session.headers, 'mcp-protocol-version': '1999-01-01' },
  );
  assert.equal(version.status, 400);
  const modern = await modernRequest(house.url, house.token, 'no/such');
  assert.equal(modern.status, 404);
  assert.equal((modern.json()['error'] as { code: number }).code, -32601);
});

test('a session of another agent, or of another address, is as unknown as none', async () => {
  const session = await legacySession(house.url, house.token);
  const { token } = await house.agents.add('Other');
  assert.equal((await post(house.url, token, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, session.headers)).status, 404);
  assert.equal(
    (await post(`${house.url}/s/one`, house.token, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, session.headers)).status,
    404,
  );
  assert.equal((await raw(house.url, { method: 'DELETE', headers: { authorization: `Bearer ${token}`, ...session.headers } })).status, 404);
  assert.equal((await session.send('ping')).status, 200);
  assert.equal(
    (await raw(house.url, { method: 'DELETE', headers: { authorization: `Bearer ${house.token}`, ...session.headers } })).status,
    204,
  );
  assert.equal((await session.send('ping')).status, 404);
});

test('modern: header and body must agree', async () => {
  const code = async (options: Parameters<typeof modernRequest>[4]) => {
    const answer = await modernRequest(house.url, house.token, 'tools/call', { name: 'one__echo', arguments: {} }, options);
    assert.equal(answer.status, 400);
    return (answer.json()['error'] as { code: number }).code;
  };
  assert.equal(await code({ headers: { 'mcp-method': 'tools/list' } }), -32020);
  assert.equal(await code({ headers: { 'mcp-name': 'one__other' } }), -32020);
  assert.equal(await code({ headers: { 'mcp-protocol-version': '2025-11-25' } }), -32020);
  assert.equal(
    await code({ headers: { 'mcp-protocol-version': '2099-01-01' }, meta: { 'io.modelcontextprotocol/protocolVersion': '2099-01-01' } }),
    -32022,
  );
  assert.equal(await code({ meta: { 'io.modelcontextprotocol/clientCapabilities': undefined } }), -32602);
  const encoded = await modernRequest(
    house.url,
    house.token,
    'tools/call',
    { name: 'one__echo', arguments: {} },
    { headers: { 'mcp-name': `=?base64?${Buffer.from('one__echo').toString('base64')}?=` } },
  );
  assert.equal(encoded.status, 200);
});

test('1,000 connections that send nothing are closed in time, and a call goes through meanwhile', async () => {
  const sockets = Array.from({ length: 1000 }, () => net.connect(house.gateway.port, '127.0.0.1'));
  const closed = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('error', resolve).on('close', resolve).resume())));
  await lives();
  await closed;
  await lives();
});

test('nobody signed in: lists are empty and a call says what to do', async () => {
  const bundle = makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools: [echo] })], policies: allowAll });
  await house.apply(undefined);
  const session = await legacySession(house.url, house.token);
  assert.deepEqual((await session.send('tools/list')).json()['result'], { tools: [] });
  const result = (await session.send('tools/call', { name: 'one__echo' })).json()['result'] as {
    isError: boolean;
    content: { text: string }[];
  };
  assert.ok(result.isError);
  assert.match(result.content[0]!.text, /sign in/);
  await house.apply(bundle);
  await lives();
});
