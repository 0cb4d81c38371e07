import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../src/base/errors.ts';
import { silent } from '../../src/base/log.ts';
import { bundle } from '../../src/bundle/schema.ts';
import { openCentral } from '../../src/central/api/server.ts';
import { policyTools } from '../../src/cli/policy-tools.ts';
import { orgYaml, policies, serverJson, temporaryDir, writeCompany } from './company-folder.ts';
import { events, openAcme } from './open.ts';

interface Health {
  status: string;
  version: number;
  problems: { file: string; line: number; message: string; fix: string }[];
}
const waitForHealth = async (url: string, wanted: (health: Health) => boolean): Promise<Health> => {
  for (;;) {
    const health = (await (await fetch(`${url}/health`)).json()) as Health;
    if (wanted(health)) return health;
    await sleep(20);
  }
};

test('a change is announced on open streams, whichever way the editor writes; the bundle follows', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  const stream = await acme.get('/v1/events', token);
  assert.equal(stream.headers.get('content-type'), 'text/event-stream');
  const next = events(stream);
  assert.deepEqual((await next.next()).value, { event: 'bundle', data: { version: 1 } });

  const changed = policies.replace('"discover", Action::"call", Action::"get"', '"discover", Action::"get"');
  acme.write('policies/main.cedar', changed);
  assert.deepEqual((await next.next()).value, { event: 'bundle', data: { version: 2 } });
  const body = await (await acme.get('/v1/bundle', token)).text();
  assert.equal(JSON.parse(Buffer.from(body.split('.')[1]!, 'base64url').toString()).version, 2);

  writeFileSync(join(acme.folder, 'policies/.main.swp'), policies);
  renameSync(join(acme.folder, 'policies/.main.swp'), join(acme.folder, 'policies/main.cedar'));
  assert.deepEqual((await next.next()).value, { event: 'bundle', data: { version: 3 } });

  mkdirSync(join(acme.folder, '.new'));
  writeFileSync(join(acme.folder, '.new/main.cedar'), changed);
  renameSync(join(acme.folder, 'policies'), join(acme.folder, '.old'));
  renameSync(join(acme.folder, '.new'), join(acme.folder, 'policies'));
  let version = 0;
  while (version < 4) version = (await next.next()).value!.data.version;
  await next.return(undefined);
});

test('what changes nothing has no new version', async (t) => {
  const acme = await openAcme(t);
  acme.write('servers/extra.json', serverJson('extra'));
  const { version } = await waitForHealth(acme.central().url, (health) => health.version > 1);
  assert.equal(version, 2);
  acme.write('org.yaml', `# A comment changes no content.\n${orgYaml}`);
  await sleep(400);
  assert.equal(acme.central().version(), version);
});

test('an invalid change is refused and shown with file and line; the last good version stays', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  const before = await (await acme.get('/v1/bundle', token)).text();
  acme.write('policies/main.cedar', `${policies}\npermit (principal, action, resource in Server::"nowhere");\n`);
  const health = await waitForHealth(acme.central().url, ({ status }) => status === 'degraded');
  assert.equal(health.version, 1);
  const [problem] = health.problems.filter(({ message }) => message.includes('nowhere'));
  assert.equal(problem!.file, 'policies/main.cedar');
  assert.equal(problem!.line, 17);
  assert.ok(problem!.fix);
  assert.equal(await (await acme.get('/v1/bundle', token)).text(), before);

  // Half way through a copy: no rules at all must not be taken for "nothing is forbidden".
  acme.write('policies/main.cedar', '');
  await waitForHealth(acme.central().url, ({ problems }) => problems.some(({ message }) => message === 'The file is empty.'));
  assert.equal(acme.central().version(), 1);

  acme.write('policies/main.cedar', policies);
  assert.equal((await waitForHealth(acme.central().url, ({ status }) => status === 'ok')).version, 1);
});

test('versions go on over restarts: the same content keeps its number, and a broken folder still serves the last good one', async (t) => {
  const acme = await openAcme(t);
  acme.write('limits.yaml', 'concurrentCalls: 7\n');
  await waitForHealth(acme.central().url, ({ version }) => version === 2);
  await acme.restart();
  assert.equal(acme.central().version(), 2);

  await acme.close();
  acme.write('limits.yaml', 'concurrentCalls: many\n');
  await acme.restart();
  assert.equal(acme.central().version(), 2);
  const health = await waitForHealth(acme.central().url, ({ status }) => status === 'degraded');
  assert.equal(health.problems[0]!.file, 'limits.yaml');
  const body = await (await acme.get('/v1/bundle', await acme.token(['staff']))).text();
  assert.equal(JSON.parse(Buffer.from(body.split('.')[1]!, 'base64url').toString()).limits.concurrentCalls, 7);

  await acme.close();
  acme.write('limits.yaml', 'concurrentCalls: 6\n');
  await acme.restart();
  assert.equal(acme.central().version(), 3);
  acme.write(
    'org.yaml',
    `${orgYaml}minimum_bundle_version: 500\nagents:\n  other_servers: [{ name: wiki, command: [npx] }]\n  clients: [{ client_id: "https://robot.example/client.json", decision: block }]\n`,
  );
  await waitForHealth(acme.central().url, ({ version }) => version === 500);
  const later = await (await acme.get('/v1/bundle', await acme.token(['staff']))).text();
  const { agents, clients } = bundle.parse(JSON.parse(Buffer.from(later.split('.')[1]!, 'base64url').toString()));
  assert.deepEqual(agents, { otherServers: [{ name: 'wiki', command: ['npx'] }] });
  assert.deepEqual(clients, [{ clientId: 'https://robot.example/client.json', decision: 'block' }]);
});

test('an invalid folder with no version before it does not start, and says why', async (t) => {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  const folder = join(dir.path, 'company');
  const { write } = writeCompany(folder);
  write('servers/wiki.json', readFileSync(join(folder, 'servers/wiki.json'), 'utf8').replace('"name": "example.acme/wiki",', ''));
  const options = { dataDir: join(dir.path, 'data'), port: 0, log: silent, deps: { policy: policyTools, hashRecord: () => '' } };
  await assert.rejects(openCentral({ ...options, folder }), (error) => {
    assert.ok(error instanceof Failure);
    assert.match(error.message, /servers\/wiki\.json:1: error: name/);
    assert.match(error.fix!, /policy check/);
    return true;
  });
  await assert.rejects(openCentral({ ...options, folder: join(dir.path, 'nothing') }), /no company folder/);
});

test('a stream ends when its token does, and the oldest of too many gives way', async (t) => {
  const acme = await openAcme(t);
  const short = await acme.token(['staff'], { expires: Math.floor(Date.now() / 1000) + 2, claims: { sub: 'shorty' } });
  const seen: string[] = [];
  for await (const { event, data } of events(await acme.get('/v1/events', short))) seen.push(`${event} ${data.version ?? data.reason}`);
  assert.deepEqual(seen, ['bundle 1', 'end token expired']);

  const token = await acme.token(['staff']);
  const first = events(await acme.get('/v1/events', token));
  await first.next();
  const others = await Promise.all(Array.from({ length: 8 }, () => acme.get('/v1/events', token)));
  assert.deepEqual((await first.next()).value, { event: 'end', data: { reason: 'replaced' } });
  assert.equal((await first.next()).done, true);
  for (const other of others) await other.body!.cancel();
});
