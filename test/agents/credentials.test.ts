import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type AgentEvent, openAgents } from '../../src/agents/credentials/credentials.ts';
import { isToken, newToken } from '../../src/agents/credentials/token.ts';
import { silent } from '../../src/base/log.ts';

const noon = Date.UTC(2026, 10, 23, 12);

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-agents-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = { now: noon };
  const file = join(folder, 'agents.json');
  return { folder, file, clock, open: () => openAgents({ file, now: () => clock.now, log: silent }) };
}

test('a token opens for its agent, also after a restart, and stands nowhere', (t) => {
  const { folder, file, open } = setUp(t);
  const agents = open();
  assert.equal(existsSync(file), false);
  const { name, token } = agents.add('Claude Code');
  assert.equal(name, 'Claude Code');
  assert.match(token, /^gha_[A-Za-z0-9_-]{49}$/);
  assert.deepEqual(agents.verify(token), { name: 'Claude Code' });
  agents.close();
  const again = open();
  assert.deepEqual(again.verify(token), { name: 'Claude Code' });
  const source = readdirSync(folder).map((each) => readFileSync(join(folder, each), 'utf8'));
  assert.ok(source.length === 1 && !source.join().includes(token.slice(4, 47)));
  assert.ok(source[0]!.includes(createHash('sha256').update(token).digest('base64url')));
  assert.ok(!JSON.stringify(again.list()).includes('hash'));
});

test('only the user may read the file', { skip: process.platform === 'win32' && 'no modes on Windows' }, (t) => {
  const { file, open } = setUp(t);
  open().add('a');
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('garbage, huge, cut and foreign tokens open nothing', (t) => {
  const { open } = setUp(t);
  const agents = open();
  const { token } = agents.add('a');
  const stored = createHash('sha256').update(token).digest('base64url');
  const wrong = [
    '',
    'gha_',
    token.slice(0, -1),
    `${token}x`,
    token.toUpperCase(),
    ` ${token}`,
    stored,
    newToken(),
    '__proto__',
    'é'.repeat(53),
  ];
  for (const each of [...wrong, 'gha_'.padEnd(50_000_000, 'x'), `gha_${'\0'.repeat(49)}`]) assert.equal(agents.verify(each), undefined);
});

test('a checksum tells a mistyped token from an unknown one', () => {
  const token = newToken();
  assert.equal(isToken(token), true);
  const other = token[10] === 'a' ? 'b' : 'a';
  assert.equal(isToken(token.slice(0, 10) + other + token.slice(11)), false);
  assert.equal(isToken(token.slice(0, -1)), false);
  assert.equal(isToken('gha_'.padEnd(1_000_000, 'x')), false);
  assert.equal(new Set(Array.from({ length: 1000 }, newToken)).size, 1000);
});

test('a revoked token is dead at once and for good; its name may be given anew', (t) => {
  const { clock, open } = setUp(t);
  const agents = open();
  const events: AgentEvent[] = [];
  const stop = agents.watch((event) => events.push(event));
  const first = agents.add('codex');
  agents.watch(() => {
    assert.equal(agents.verify(first.token), undefined);
    throw new Error('a broken listener');
  });
  clock.now += 1000;
  agents.revoke('CODEX');
  agents.revoke('codex');
  assert.equal(agents.verify(first.token), undefined);
  assert.deepEqual(agents.list(), [{ name: 'codex', createdAt: '2026-11-23T12:00:00.000Z', revokedAt: '2026-11-23T12:00:01.000Z' }]);
  assert.equal(open().verify(first.token), undefined);
  const second = agents.add('Codex');
  assert.equal(agents.verify(first.token), undefined);
  assert.deepEqual(agents.verify(second.token), { name: 'Codex' });
  assert.deepEqual(open().list(), [{ name: 'Codex', createdAt: '2026-11-23T12:00:01.000Z' }]);
  assert.deepEqual(events, [
    { kind: 'added', name: 'codex' },
    { kind: 'revoked', name: 'codex' },
    { kind: 'added', name: 'Codex' },
  ]);
  stop();
  agents.seen('codex');
  assert.equal(events.length, 3);
});

test('a name is given once, whatever its case; an unknown one cannot be revoked', (t) => {
  const { open } = setUp(t);
  const agents = open();
  agents.add('Cursor');
  assert.throws(() => agents.add('cursor'), {
    code: 'conflict',
    message: 'There is an agent named "Cursor" already.',
    fix: /revoke "Cursor"/,
  });
  assert.throws(() => agents.revoke('nobody'), { code: 'not-found' });
});

test('signs of life are told, bounded, and on the disk after closing', (t) => {
  const { file, clock, open } = setUp(t);
  const agents = open();
  agents.add('a');
  let told = 0;
  agents.watch(() => told++);
  for (let index = 0; index < 100; index++) agents.seen('a', { name: 'x'.repeat(10_000), version: '1' });
  agents.seen('a', { name: 'codex-mcp-client', version: '0.169.0' }, 'legacy');
  for (let index = 0; index < 100; index++) agents.seen('a');
  agents.seen('stranger');
  assert.equal(told, 2);
  clock.now += 5000;
  agents.seen('a');
  assert.equal(told, 3);
  assert.ok(!readFileSync(file, 'utf8').includes('lastSeenAt'));
  agents.close();
  assert.deepEqual(open().list(), [
    {
      name: 'a',
      createdAt: '2026-11-23T12:00:00.000Z',
      lastSeenAt: '2026-11-23T12:00:05.000Z',
      client: { name: 'codex-mcp-client', version: '0.169.0' },
      era: 'legacy',
    },
  ]);
});

for (const [name, damage] of [
  ['half a file', (source: string) => source.slice(0, source.length / 2)],
  ['an empty file', () => ''],
  ['another version', (source: string) => source.replace('"version": 1', '"version": 2')],
  ['a hash that is none', (source: string) => source.replace(/"hash": "[^"]+"/, '"hash": ""')],
] as const) {
  test(`${name} lets nobody in, is kept aside and shown`, (t) => {
    const { folder, file, open } = setUp(t);
    const { token } = open().add('a');
    writeFileSync(file, damage(readFileSync(file, 'utf8')));
    const agents = open();
    assert.equal(agents.verify(token), undefined);
    assert.deepEqual(agents.list(), []);
    assert.equal(agents.error()?.code, 'integrity');
    assert.deepEqual(readdirSync(folder), ['agents.json.damaged-2026-11-23T12-00-00-000Z']);
    agents.add('a');
    assert.equal(agents.error(), undefined);
    assert.equal(open().list().length, 1);
  });
}

test('where the disk refuses, no token is handed out, and a revoked agent is out all the same', (t) => {
  if (process.getuid?.() === 0 || process.platform === 'win32') {
    // Permissions do not bind this user: a folder in the way of the new file does.
    const { file, open } = setUp(t);
    const agents = open();
    const { token } = agents.add('a');
    rmSync(file);
    rmSync(`${file}.new`, { force: true });
    mkdirSync(`${file}.new`);
    assert.throws(() => agents.add('b'), { code: 'unavailable' });
    assert.equal(agents.list().length, 1);
    assert.throws(() => agents.revoke('a'), { code: 'unavailable' });
    assert.equal(agents.verify(token), undefined);
    return;
  }
  const { folder, open } = setUp(t);
  const agents = open();
  const { token } = agents.add('a');
  chmodSync(folder, 0o500);
  assert.throws(() => agents.add('b'), { code: 'unavailable' });
  assert.equal(agents.list().length, 1);
  assert.throws(() => agents.revoke('a'), { code: 'unavailable' });
  assert.equal(agents.verify(token), undefined);
  chmodSync(folder, 0o700);
});

test('tokens that were taken back while the disk refused are dead after a restart, too, once it takes the file again', (t) => {
  const { file, open } = setUp(t);
  const agents = open();
  const { tokens } = agents.grants.give({ name: 'Robot', client: 'robot', resource: '/mcp' });
  mkdirSync(`${file}.new`);
  agents.grants.revoke(tokens.refreshToken, 'robot');
  assert.equal(agents.verify(tokens.accessToken, undefined, '/mcp'), undefined);
  rmSync(`${file}.new`, { recursive: true });
  agents.close();
  assert.equal(open().verify(tokens.accessToken, undefined, '/mcp'), undefined);
});

test('a connection that showed a token need not have it hashed again, and is no way around another token or a revocation', (t) => {
  const { open } = setUp(t);
  const agents = open();
  t.after(() => agents.close());
  const [first, second] = [agents.add('first'), agents.add('second')];
  const [here, there] = [{}, {}];
  for (const _again of [1, 2]) assert.deepEqual(agents.verify(first.token, here), { name: 'first' });
  assert.deepEqual(agents.verify(second.token, here), { name: 'second' });
  assert.deepEqual(agents.verify(first.token, here), { name: 'first' });
  for (const wrong of ['', 'gha_', first.token.slice(0, -1), `${first.token}x`, newToken()]) {
    assert.equal(agents.verify(wrong, here), undefined);
    assert.equal(agents.verify(wrong, there), undefined);
  }
  assert.deepEqual(agents.verify(first.token, here), { name: 'first' });
  agents.revoke('first');
  assert.equal(agents.verify(first.token, here), undefined);
  const anew = agents.add('first');
  assert.equal(agents.verify(first.token, here), undefined);
  assert.deepEqual(agents.verify(anew.token, here), { name: 'first' });
});
