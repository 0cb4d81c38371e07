import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway, post, raw } from '../support/gateway.ts';

let gateway: Awaited<ReturnType<typeof openTestGateway>>;

before(async () => {
  const tools = [{ name: 'echo', inputSchema: { type: 'object' } }];
  gateway = await openTestGateway(makeBundle({ servers: [entry({ id: 'small', url: 'http://127.0.0.1:9/mcp', tools })] }));
});
after(async () => await gateway.close());

const modernMeta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

test('"initialize" after a discovery, in the envelope and under the header of the modern era, opens a session all the same', async () => {
  const { url, token } = gateway;
  assert.equal((await modernRequest(url, token, 'server/discover')).status, 200);
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'odd', version: '1' }, _meta: modernMeta };
  const opened = await post(url, token, { jsonrpc: '2.0', id: 1, method: 'initialize', params }, { 'mcp-protocol-version': '2026-07-28' });
  assert.equal(opened.status, 200);
  assert.ok(opened.headers['mcp-session-id']);
});

test('a session goes on under a version header of the other era; a version that nobody knows is refused', async () => {
  const { url, token } = gateway;
  const { id } = await legacySession(url, token);
  const list = (version: string) =>
    post(url, token, { jsonrpc: '2.0', id: 5, method: 'tools/list' }, { 'mcp-session-id': id, 'mcp-protocol-version': version });
  assert.match((await list('2026-07-28')).text, /"small__echo"/);
  assert.equal((await list('2031-01-01')).status, 400);
});

test('lists of what no server has are empty, whether the agent looked at the capabilities or not', async () => {
  const session = await legacySession(gateway.url, gateway.token);
  for (const [method, key] of [
    ['resources/list', 'resources'],
    ['resources/templates/list', 'resourceTemplates'],
    ['prompts/list', 'prompts'],
  ] as const)
    assert.deepEqual(((await session.send(method)).json()['result'] as Record<string, unknown>)[key], []);
});

test('probes: GET and HEAD are told to bring a credential, with an absolute address in their own spelling of this host', async () => {
  for (const [host, method] of [
    ['127.0.0.1', 'GET'],
    ['localhost', 'HEAD'],
  ] as const) {
    const url = new URL(gateway.url);
    const probe = await raw(url.href, {
      method,
      headers: { host: `${host}:${url.port}`, accept: 'application/json', 'mcp-protocol-version': '2024-11-05' },
    });
    assert.equal(probe.status, 401);
    assert.equal(
      probe.headers['www-authenticate'],
      `Bearer resource_metadata="http://${host}:${url.port}/.well-known/oauth-protected-resource/mcp"`,
    );
  }
  const head = await raw(gateway.url, { method: 'HEAD', headers: { authorization: `Bearer ${gateway.token}` } });
  assert.equal(head.status, 405);
});
