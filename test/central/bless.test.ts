import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkFolder } from '../../src/central/content/check.ts';
import { definitionHash } from '../../src/central/content/definition-hash.ts';
import { bless } from '../../src/central/publish/bless.ts';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { policyTools } from '../../src/cli/policy-tools.ts';
import { parcelsKey } from '../../src/demo/servers/parcels.ts';
import { openDemoUpstreams, openEverything } from '../../src/demo/upstreams.ts';
import { signIn, startIdentity, startIdp } from '../support/sign-in.ts';
import { temporaryDir } from './company-folder.ts';

const root = join(import.meta.dirname, '../..');

test('the demo servers, asked now, say exactly what was blessed: over HTTP and stdio, in both eras', async (t) => {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  const idp = await startIdp(t, { exchangeTargets: ['crm'] });
  const own = await openDemoUpstreams({ port: 0, issuer: idp.issuer });
  t.after(() => own.close());
  const everything = await openEverything({ port: 0 });
  t.after(() => everything.close());
  cpSync(join(root, 'resources/demo'), dir.path, { recursive: true });
  const variables = {
    servers_port: String(own.port),
    everything_port: String(everything.port),
    modules: join(root, 'node_modules'),
    files: join(root, 'resources/demo-files'),
    state: dir.path,
  };
  await assert.rejects(bless(dir.path, 'crm', { fetchCatalogue, variables }), /takes tokens of people.*GATEHOUSE_BLESS_TOKEN_CRM/);
  const identity = await startIdentity(t, idp.issuer);
  await signIn(identity, 'marketer');
  process.env['GATEHOUSE_BLESS_TOKEN_CRM'] = (await identity.exchange('marketer', { audience: 'crm' })).accessToken;
  t.after(() => delete process.env['GATEHOUSE_BLESS_TOKEN_CRM']);
  await assert.rejects(bless(dir.path, 'parcels', { fetchCatalogue, variables }), /without X-Api-Key/);
  process.env['GATEHOUSE_BLESS_SECRET_PARCELS__X_API_KEY'] = parcelsKey;
  t.after(() => delete process.env['GATEHOUSE_BLESS_SECRET_PARCELS__X_API_KEY']);
  for (const { server, added, changed, removed } of await bless(dir.path, undefined, { fetchCatalogue, variables })) {
    assert.deepEqual({ server, added, changed, removed }, { server, added: [], changed: [], removed: [] });
    const file = `servers/${server}.json`;
    assert.equal(readFileSync(join(dir.path, file), 'utf8'), readFileSync(join(root, 'resources/demo', file), 'utf8'), file);
  }
});

test('blessing one server says what changed, keeps the rest of the file, and makes the folder valid', async (t) => {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  cpSync(join(root, 'resources/demo'), dir.path, { recursive: true });
  const file = join(dir.path, 'servers/memory.json');
  const server = JSON.parse(readFileSync(file, 'utf8'));
  const entry = server._meta['dev.gatehouse/entry'];
  entry.catalogue.tools[0].description = 'Not what was blessed.';
  entry.catalogue.hashes['tool:create_entities'] = definitionHash(entry.catalogue.tools[0]);
  entry.catalogue.tools.push({ name: 'invented' });
  entry.catalogue.hashes['tool:invented'] = definitionHash({ name: 'invented' });
  delete entry.catalogue.hashes['tool:read_graph'];
  server['x-ours'] = { note: 'kept' };
  writeFileSync(file, JSON.stringify(server));

  const variables = { modules: join(root, 'node_modules'), state: dir.path };
  const [done, ...others] = await bless(dir.path, 'memory', { fetchCatalogue, variables });
  assert.deepEqual(others, []);
  assert.deepEqual(done!.changed, ['tool:create_entities']);
  assert.deepEqual(done!.removed, ['tool:invented']);
  assert.deepEqual(done!.added, ['tool:read_graph']);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8'))['x-ours'], { note: 'kept' });
  assert.deepEqual((await checkFolder(dir.path, { policy: policyTools })).problems, []);
});

test('a server that cannot be reached or does not exist is said so', async () => {
  const dir = join(root, 'resources/demo');
  await assert.rejects(bless(dir, 'nothing', { fetchCatalogue }), /no server "nothing"/);
  const entry = { id: 'gone', era: 'auto' as const, launch: { command: 'node', args: ['-e', 'process.exit(3)'], env: {} } };
  await assert.rejects(fetchCatalogue(entry), /gone could not be read: it did not start: its process ended with exit code 3/);
  await assert.rejects(fetchCatalogue({ id: 'off', era: 'auto', url: 'http://127.0.0.1:1/mcp' }), /off could not be read/);
});
