import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway, post } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

const call = { jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'one__echo', arguments: {} } };

test('a legacy session outlives a restart of the gateway and a change of the bundle, under its id and for its agent only', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-survival-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const upstream = await openRpcServer({ 'tools/call': () => ({ content: [] }) });
  t.after(() => upstream.close());
  const bundle = (version: number) =>
    makeBundle({ version, servers: [entry({ id: 'one', url: upstream.url, tools: [{ name: 'echo', inputSchema: { type: 'object' } }] })] });
  const first = await openTestGateway(bundle(1), { dataDir });
  const session = await legacySession(first.url, first.token, { roots: {} });
  await session.send('logging/setLevel', { level: 'debug' });
  const ended = await legacySession(first.url, first.token);
  await first.apply(bundle(2));
  assert.equal((await session.send('tools/call', call.params)).status, 200);
  const { token: other } = await first.agents.add('Other');
  const gone = await post(first.url, first.token, { jsonrpc: '2.0', method: 'notifications/initialized' }, ended.headers);
  assert.equal(gone.status, 202);
  await first.close();
  assert.equal(statSync(join(dataDir, 'sessions.json')).mode & 0o777, 0o600);

  const second = await openTestGateway(bundle(3), { dataDir, token: first.token });
  t.after(() => second.close());
  assert.equal((await post(second.url, first.token, call, session.headers)).status, 200, 'the old id goes on');
  assert.equal((await post(second.url, other, call, session.headers)).status, 404, "and is nobody else's");
});

test('a damaged file of sessions costs the sessions, not the start', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-survival-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const { writeFileSync } = await import('node:fs');
  writeFileSync(join(dataDir, 'sessions.json'), '{"format":1,"sessions":[{"id":');
  const house = await openTestGateway(undefined, { dataDir });
  t.after(() => house.close());
  const unknown = await post(house.url, house.token, call, { 'mcp-session-id': 'f81d4fae-7dec-4d00-a765-00a0c91e6bf6' });
  assert.equal(unknown.status, 404);
  assert.equal((await (await legacySession(house.url, house.token)).send('ping')).status, 200);
});

test("a modern agent's calls before and after a restart are one session in the ledger, until it was silent for half an hour", async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-survival-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const upstream = await openRpcServer({ 'tools/call': () => ({ content: [] }) });
  t.after(() => upstream.close());
  const bundle = makeBundle({
    servers: [entry({ id: 'one', url: upstream.url, tools: [{ name: 'echo', inputSchema: { type: 'object' } }] })],
  });
  let now = Date.now();
  let token: string | undefined;
  const run = async (...names: string[]) => {
    const house = await openTestGateway(bundle, { dataDir, now: () => now, ...(token === undefined ? {} : { token }) });
    token = house.token;
    for (const name of names)
      await modernRequest(house.url, house.token, 'tools/call', call.params, {
        meta: { 'io.modelcontextprotocol/clientInfo': { name, version: '1' } },
      });
    const sessions = (await house.records()).slice(-names.length).map((record) => record.session);
    await house.close();
    return sessions;
  };
  const [a, b] = await run('a', 'b');
  now += 20 * 60_000;
  assert.deepEqual(await run('b', 'a'), [b, a]);
  assert.equal(statSync(join(dataDir, 'conversations.json')).mode & 0o777, 0o600);
  now += 31 * 60_000;
  const [later] = await run('a');
  assert.notEqual(later, a);
  const { writeFileSync } = await import('node:fs');
  writeFileSync(join(dataDir, 'conversations.json'), '{"format":1,');
  assert.notEqual((await run('a'))[0], later, 'a damaged file costs that, not the start');
});

test('the ledger groups calls: by session in the legacy era, by agent, program and time in the modern one', async (t) => {
  const upstream = await openRpcServer({ 'tools/call': () => ({ content: [] }) });
  t.after(() => upstream.close());
  let now = Date.now();
  const house = await openTestGateway(
    makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools: [{ name: 'echo', inputSchema: { type: 'object' } }] })] }),
    { now: () => now },
  );
  t.after(() => house.close());
  const session = await legacySession(house.url, house.token);
  await session.send('tools/call', call.params);
  const modern = (name: string) =>
    modernRequest(house.url, house.token, 'tools/call', call.params, {
      meta: { 'io.modelcontextprotocol/clientInfo': { name, version: '1' } },
    });
  await modern('a');
  await modern('a');
  await modern('b');
  now += 31 * 60_000;
  await modern('a');
  const [legacy, first, same, other, later] = (await house.records()).map((record) => record.session);
  assert.equal(legacy, session.id);
  assert.equal(first, same);
  assert.equal(new Set([legacy, first, other, later]).size, 4);
});
