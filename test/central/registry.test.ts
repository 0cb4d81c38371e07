import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openAcme } from './open.ts';

interface Page {
  servers: { server: Record<string, unknown> & { name: string }; _meta: Record<string, Record<string, unknown>> }[];
  metadata: { nextCursor?: string; count: number };
}

test('the registry lists what the caller may discover, page by page', async (t) => {
  const acme = await openAcme(t);
  const both = await acme.token(['staff', 'finance']);
  const list = async (token: string, query = '') => (await (await acme.get(`/v0.1/servers${query}`, token)).json()) as Page;
  const names = (page: Page) => page.servers.map(({ server }) => server.name);

  assert.deepEqual(names(await list(both)), ['example.acme/books', 'example.acme/wiki']);
  assert.deepEqual(names(await list(await acme.token(['staff']))), ['example.acme/wiki']);
  assert.deepEqual(names(await list(await acme.token([]))), []);

  const first = await list(both, '?limit=1');
  assert.equal(first.metadata.count, 1);
  const second = await list(both, `?limit=1&cursor=${first.metadata.nextCursor}`);
  assert.deepEqual([...names(first), ...names(second)], ['example.acme/books', 'example.acme/wiki']);
  assert.equal(second.metadata.nextCursor, undefined);

  assert.deepEqual(names(await list(both, '?search=WIKI&version=latest')), ['example.acme/wiki']);
  assert.deepEqual(names(await list(both, '?updated_since=2020-01-01T00:00:00Z')).length, 2);
  assert.deepEqual(names(await list(both, '?updated_since=2999-01-01T00:00:00Z')), []);
  for (const bad of ['?limit=0', '?limit=x', '?updated_since=yesterday'])
    assert.equal((await acme.get(`/v0.1/servers${bad}`, both)).status, 400);

  const [item] = second.servers;
  const official = item!._meta['io.modelcontextprotocol.registry/official']!;
  assert.equal(official['status'], 'active');
  assert.equal(official['isLatest'], true);
  assert.deepEqual(item!.server['remotes'], [
    { type: 'streamable-http', url: 'http://127.0.0.1:4000/mcp', headers: [{ name: 'X-Key', value: 'hush' }] },
  ]);
  const entry = (item!.server['_meta'] as Record<string, Record<string, unknown>>)['dev.gatehouse/entry']!;
  assert.equal(entry['id'], 'wiki');
  assert.equal(entry['kind'], 'remote');
  assert.ok(!('launch' in entry) && !('catalogue' in entry));
});

test('one server by its encoded name; what may not be discovered does not exist', async (t) => {
  const acme = await openAcme(t);
  const staff = await acme.token(['staff']);
  const name = encodeURIComponent('example.acme/wiki');
  const latest = (await (await acme.get(`/v0.1/servers/${name}/versions/latest`, staff)).json()) as Page['servers'][number];
  assert.equal(latest.server['version'], '1.2.3');
  assert.equal((await acme.get(`/v0.1/servers/${name}/versions/1.2.3`, staff)).status, 200);
  assert.equal((await acme.get(`/v0.1/servers/${name}/versions/9.9.9`, staff)).status, 404);
  assert.equal(((await (await acme.get(`/v0.1/servers/${name}/versions`, staff)).json()) as Page).servers.length, 1);
  const hidden = await acme.get(`/v0.1/servers/${encodeURIComponent('example.acme/books')}/versions/latest`, staff);
  const nothing = await acme.get(`/v0.1/servers/${encodeURIComponent('example.acme/nothing')}/versions/latest`, staff);
  assert.equal(hidden.status, 404);
  assert.equal((await hidden.text()).replaceAll('books', 'nothing'), await nothing.text());
});

test('registry clients of any origin may read: preflight and headers, also on errors', async (t) => {
  const acme = await openAcme(t);
  const preflight = await fetch(`${acme.central().url}/v0.1/servers`, { method: 'OPTIONS' });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get('access-control-allow-headers')!, /Authorization/);
  for (const answer of [preflight, await acme.get('/v0.1/servers'), await acme.get('/v0.1/servers', await acme.token([]))]) {
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
  }
  assert.equal((await acme.get('/v1/bundle')).headers.get('access-control-allow-origin'), null);
});
