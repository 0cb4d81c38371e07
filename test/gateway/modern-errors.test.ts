import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

const region = { type: 'string', 'x-mcp-header': 'Region' };
const headed = (properties: object) => ({ type: 'object', properties });
const tools = [
  { name: 'plain', inputSchema: headed({}) },
  { name: 'good', inputSchema: headed({ region }) },
  { name: 'twice', inputSchema: headed({ region, other: { type: 'string', 'x-mcp-header': 'REGION' } }) },
  { name: 'spaced', inputSchema: headed({ region: { ...region, 'x-mcp-header': 'My Region' } }) },
  { name: 'number', inputSchema: headed({ region: { ...region, type: 'number' } }) },
];

async function stand(handlers: Parameters<typeof openRpcServer>[0]) {
  const upstream = await openRpcServer(handlers);
  const catalogue = { tools, resources: [{ uri: 'test://gone' }], capabilities: { tools: {}, resources: {} } };
  const gateway = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, era: 'legacy', catalogue })] }));
  return {
    url: `${gateway.url}/s/one`,
    token: gateway.token,
    upstream,
    close: async () => {
      await gateway.close();
      await upstream.close();
    },
  };
}

test('an upstream that misses a capability is answered with 400, one that misses a method with 404', async () => {
  let error: object = { code: -32021, message: 'needs sampling', data: { requiredCapabilities: { sampling: {} } } };
  const at = await stand({ 'tools/call': () => ({ error }) });
  const call = () => modernRequest(at.url, at.token, 'tools/call', { name: 'plain', arguments: {} });
  const refused = await call();
  assert.equal(refused.status, 400);
  assert.deepEqual(refused.json()['error'], error);
  error = { code: -32601, message: 'no such method' };
  assert.equal((await call()).status, 404);
  error = { code: -32602, message: 'other words' };
  assert.equal((await call()).status, 200);
  await at.close();
});

test('a missing resource has the code of the era that the agent speaks', async () => {
  const at = await stand({ 'resources/read': () => ({ error: { code: -32002, message: 'gone', data: { uri: 'test://gone' } } }) });
  const modern = await modernRequest(at.url, at.token, 'resources/read', { uri: 'test://gone' });
  assert.deepEqual(modern.json()['error'], { code: -32602, message: 'gone', data: { uri: 'test://gone' } });
  const legacy = await (await legacySession(at.url, at.token)).send('resources/read', { uri: 'test://gone' });
  assert.equal((legacy.json()['error'] as { code: number }).code, -32002);
  await at.close();
});

test('a header in base64 has to be base64 to the letter', async () => {
  const at = await stand({ 'tools/call': () => ({ content: [] }) });
  const call = (header: string) =>
    modernRequest(
      at.url,
      at.token,
      'tools/call',
      { name: 'good', arguments: { region: 'Hello' } },
      { headers: { 'mcp-param-region': header } },
    );
  assert.equal((await call('=?base64?SGVsbG8=?=')).status, 200);
  for (const bad of ['=?base64?SGVsbG8?=', '=?base64?SGVsbG8==?=', '=?base64?SGVs!!!bG8=?=', '=?base64?SGVsbG8=']) {
    const answer = await call(bad);
    assert.equal(answer.status, 400, bad);
    assert.equal((answer.json()['error'] as { code: number }).code, -32020, bad);
  }
  assert.equal(at.upstream.seen.length, 1);
  await at.close();
});

test('a tool whose header annotations break the rules is neither listed nor callable, the others are', async () => {
  const at = await stand({ 'tools/call': () => ({ content: [] }) });
  const listed = (await modernRequest(at.url, at.token, 'tools/list')).json()['result'] as { tools: { name: string }[] };
  assert.deepEqual(
    listed.tools.map(({ name }) => name),
    ['plain', 'good'],
  );
  const session = await legacySession(at.url, at.token);
  for (const name of ['twice', 'spaced', 'number']) {
    const answer = await session.send('tools/call', { name, arguments: {} });
    assert.deepEqual(answer.json()['error'], { code: -32602, message: `Unknown tool: ${name}` });
  }
  assert.equal(at.upstream.seen.length, 0);
  await at.close();
});

test('methods of the other era do not exist in a modern envelope; an "initialize" that names its version is one all the same', async () => {
  const at = await stand({});
  for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']) {
    const answer = await modernRequest(at.url, at.token, method);
    assert.equal(answer.status, 404, method);
    assert.equal((answer.json()['error'] as { code: number }).code, -32601, method);
  }
  const named = await modernRequest(at.url, at.token, 'initialize', { protocolVersion: '2025-11-25', capabilities: {} });
  assert.ok(named.headers['mcp-session-id']);
  await at.close();
});
