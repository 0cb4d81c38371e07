import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { merged } from '../../src/gateway/catalogue/address.ts';
import { openDirectory } from '../../src/gateway/catalogue/directory.ts';
import { EventStore, EventStoreBudget } from '../../src/gateway/http/event-store.ts';
import { readSessions } from '../../src/gateway/wire/session-file.ts';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway, post } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

/** What one agent or one upstream says must not fill the memory or the disk, nor cost another agent anything. */

let house: Awaited<ReturnType<typeof openTestGateway>>;
let upstream: Awaited<ReturnType<typeof openRpcServer>>;
let dataDir: string;
const schema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };
const bundle = () =>
  makeBundle({ servers: ['one', 'two'].map((id) => entry({ id, url: upstream.url, tools: [{ name: 'echo', inputSchema: schema }] })) });

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'gatehouse-hoard-'));
  upstream = await openRpcServer({ 'tools/call': () => ({ content: [] }) });
  house = await openTestGateway(bundle(), { dataDir });
});
after(async () => {
  await house.close();
  await upstream.close();
  await rm(dataDir, { recursive: true, force: true });
});

test('capabilities of megabytes open no session: they would be kept, and written to the disk', async () => {
  const initialize = (capabilities: object) =>
    post(house.url, house.token, {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'x', version: '1' } },
    });
  const refused = await initialize({ experimental: { x: 'y'.repeat(3_000_000) } });
  assert.equal((refused.json()['error'] as { code: number }).code, -32602);
  assert.equal(refused.headers['mcp-session-id'], undefined);
  assert.equal((await initialize({ experimental: { x: 'y'.repeat(10_000) } })).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.ok((await stat(join(dataDir, 'sessions.json'))).size < 100_000);
});

test('a log level is one of the eight, not a text to be kept', async () => {
  const session = await legacySession(house.url, house.token);
  const code = async (level: string) => ((await session.send('logging/setLevel', { level })).json()['error'] as { code: number })?.code;
  assert.equal(await code('x'.repeat(100_000)), -32602);
  assert.equal(await code('warning'), undefined);
});

test('what an agent says of itself in objects that cannot be made text is no defect of ours', async () => {
  const odd = { toString: 1, valueOf: 1 };
  const opened = await post(house.url, house.token, {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: odd } },
  });
  assert.equal(opened.status, 200);
  const call = await modernRequest(house.url, house.token, 'tools/call', { name: 'one__echo', arguments: { region: odd } });
  assert.equal((call.json()['error'] as { code: number }).code, -32020);
});

test('one session that cannot be read costs the others nothing', async () => {
  const file = join(dataDir, 'kept.json');
  const session = {
    id: '0b0e2a9e-6c1b-4c53-9d6c-3a3c53f7c0a1',
    agent: 'A',
    path: merged.path,
    version: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'a', version: '1' },
    uris: Array.from({ length: 1500 }, (_, index) => `x://${index}`),
    lastUsed: 1,
  };
  await writeFile(file, JSON.stringify({ format: 1, sessions: [session, { ...session, id: 'nonsense' }, null] }));
  assert.deepEqual(
    readSessions(file, silent).map(({ id }) => id),
    [session.id],
  );
});

test('a link is remembered only up to a length: an upstream could fill the memory with ten thousand others', () => {
  const directory = openDirectory(bundle(), merged);
  const [server] = directory.servers;
  directory.mention(server!, 'x://short');
  directory.mention(server!, `x://${'u'.repeat(1_000_000)}`);
  assert.equal(directory.findResource('x://short')?.owner.id, 'one');
  assert.equal(directory.findResource(`x://${'u'.repeat(1_000_000)}`), undefined);
});

test('what the streams of all sessions keep is bounded together; those that were silent longest forget', () => {
  const room = new EventStoreBudget();
  const journals = Array.from({ length: 40 }, () => new EventStore(room));
  const event = 'x'.repeat(500_000);
  const tracks = journals.flatMap((journal) => Array.from({ length: 8 }, () => journal.open()));
  for (const track of tracks) track.send(event);
  assert.ok(room.held <= 64 * 1024 * 1024, `${room.held}`);
  assert.ok(room.held > 60 * 1024 * 1024);
  assert.equal(journals[0]!.resume(`${tracks[0]!.key}-0`), undefined);
  assert.equal(journals.at(-1)!.resume(`${tracks.at(-1)!.key}-0`)!.missed.length, 1);
  for (const journal of journals) journal.close();
  assert.equal(room.held, 0);
  tracks[0]!.send(event);
  assert.equal(room.held, 0, 'what a closed one still says is not kept');
});
