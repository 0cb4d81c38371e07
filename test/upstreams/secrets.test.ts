// Secrets of people in requests and processes: only where the entry says, only for whom they were entered, and nowhere else.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Failure } from '../../src/base/errors.ts';
import { SealedAway } from '../../src/base/sealed-away.ts';
import type { ServerEntry } from '../../src/bundle/schema.ts';
import type { UpstreamError } from '../../src/upstreams/upstream.ts';
import { memoryVault } from '../support/host.ts';
import { ann, secretsOver, wants } from '../support/secrets.ts';
import { entry, open as openUpstream, peer, text, tool, until } from '../support/upstreams/open.ts';
import { json, legacy, result, sse, startRaw } from '../support/upstreams/raw.ts';

const program = join(import.meta.dirname, '../support/upstreams/stdio-server.ts');
const key = 'k-1234567890-abcdef';
/** What servers answer that tell which key they got: the key itself would be masked. */
const mirrored = (value: unknown) => (value === undefined ? 'none' : [...String(value)].reverse().join(''));

function open(t: TestContext, server: ServerEntry, vault = memoryVault()) {
  const made = secretsOver(vault);
  const opened = openUpstream(t, server, {}, { secrets: made.secrets, credentials: made.credentials, person: () => 'ann' });
  made.whose.upstreams = opened.upstreams;
  return { ...made, ...opened, vault };
}

/** A legacy server that keeps what it was sent, with the query of each request. */
async function openRaw(t: TestContext) {
  const paths: string[] = [];
  const raw = await startRaw(
    t,
    legacy((message, response, request) => {
      paths.push(request.url!);
      if (message?.method !== 'tools/call') return false;
      json(response, result(message.id, `${request.headers['mcp-session-id']} ${mirrored(request.headers['x-key'])}`));
    }),
  );
  return { ...raw, got: raw.got, paths };
}

test('until a secret that is needed is there nothing is sent; then it goes with each request, and a new value begins a new session', async (t) => {
  const raw = await openRaw(t);
  const server = entry({ url: raw.url, secrets: [wants('x-key', { in: 'header', name: 'X-Key' })] });
  const { upstream, secrets } = open(t, server);
  await assert.rejects(upstream.call(tool('x')), (error: UpstreamError) => {
    assert.equal(error.problem, 'unauthorized');
    assert.match(error.message, /it needs x-key, which is not entered/);
    return true;
  });
  await assert.rejects(upstream.subscribe('a://1', peer()), { problem: 'unauthorized' });
  assert.equal(raw.got.length, 0);
  assert.deepEqual(upstream.status(), { state: 'needs-secret', error: 'it needs x-key, which is not entered on this computer' });
  await secrets.set(server, 'x-key', key);
  assert.equal(text(await upstream.call(tool('x'))), `s1 ${mirrored(key)}`);
  assert.equal(upstream.status().state, 'connected');
  await secrets.set(server, 'x-key', `${key}-2`);
  assert.equal(text(await upstream.call(tool('x'))), `s2 ${mirrored(`${key}-2`)}`);
  await secrets.clear(server, 'x-key');
  const before = raw.got.filter(({ method }) => method === 'POST').length;
  await assert.rejects(upstream.call(tool('x')), { problem: 'unauthorized' });
  assert.equal(raw.got.filter(({ method }) => method === 'POST').length, before);
  for (const { headers, message } of raw.got) assert.ok(String(headers['x-key']).startsWith(key), `${message?.method}`);
});

test('a query parameter is added to what the address has, encoded', async (t) => {
  const raw = await openRaw(t);
  const secret = wants('k', { in: 'query', name: 'api key', before: 'b-' });
  const server = entry({ url: `${raw.url}?v=1`, secrets: [secret] });
  const { upstream, secrets } = open(t, server);
  await secrets.set(server, 'k', 'a&b=c#d/é');
  await upstream.call(tool('x'));
  assert.ok(raw.paths.length > 0);
  for (const path of raw.paths) {
    assert.deepEqual(
      [...new URL(path, raw.url).searchParams],
      [
        ['v', '1'],
        ['api key', 'b-a&b=c#d/é'],
      ],
    );
  }
});

test('an optional one that is not there leaves out its place alone', async (t) => {
  const raw = await openRaw(t);
  const server = entry({
    url: raw.url,
    secrets: [wants('x-key', { in: 'header', name: 'X-Key' }, false), wants('q', { in: 'query', name: 'q' }, false)],
  });
  const { upstream, secrets } = open(t, server);
  assert.equal(text(await upstream.call(tool('x'))), 's1 none');
  assert.deepEqual([...new Set(raw.paths)], ['/mcp']);
  await secrets.set(server, 'x-key', key);
  assert.equal(text(await upstream.call(tool('x'))), `s2 ${mirrored(key)}`);
});

test('a call that runs when a value changes ends where it began', async (t) => {
  let finish = () => {};
  const raw = await startRaw(
    t,
    legacy((message, response, request) => {
      if (message?.method !== 'tools/call') return false;
      const answer = () => json(response, result(message.id, `${request.headers['mcp-session-id']} ${mirrored(request.headers['x-key'])}`));
      if (message.params.name === 'slow') finish = answer;
      else answer();
    }),
  );
  const server = entry({ url: raw.url, secrets: [wants('x-key', { in: 'header', name: 'X-Key' })] });
  const { upstream, secrets } = open(t, server);
  await secrets.set(server, 'x-key', key);
  const slow = upstream.call(tool('slow'));
  await until(() => raw.names().includes('tools/call'));
  await secrets.set(server, 'x-key', `${key}-2`);
  assert.equal(text(await upstream.call(tool('x'))), `s2 ${mirrored(`${key}-2`)}`);
  finish();
  assert.equal(text(await slow), `s1 ${mirrored(key)}`);
  await until(() => raw.got.some(({ method, headers }) => method === 'DELETE' && headers['mcp-session-id'] === 's1'));
});

test('a local server gets it by its environment alone; it is started when it is there, and anew only once it is idle', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'gatehouse-secrets-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const trace = join(dir, 'trace');
  const server = entry({
    launch: { command: 'node', args: [program], env: { TRACE: trace } },
    secrets: [wants('key', { in: 'environment', name: 'API_KEY', before: 'p:' })],
  });
  const starts = () => readFileSync(trace, { encoding: 'utf8', flag: 'a+' }).match(/^start/gm)?.length ?? 0;
  const { upstream, secrets } = open(t, server);
  await assert.rejects(upstream.call(tool('environment')), { problem: 'unauthorized' });
  assert.equal(starts(), 0, 'no process was started');
  await secrets.set(server, 'key', key);
  const environment = async () => text(await upstream.call(tool('echo', { text: 'x' })));
  await environment();
  assert.equal(starts(), 1);
  const pid = Number(/^start (\d+)/m.exec(readFileSync(trace, 'utf8'))![1]);
  if (process.platform === 'linux') {
    assert.ok(readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`API_KEY=p:${key}`));
    assert.ok(!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(key));
  }
  const stop = new AbortController();
  const slow = upstream.call(tool('hang', {}, { signal: stop.signal })).catch(() => {});
  await secrets.set(server, 'key', `${key}-2`);
  await environment();
  assert.equal(starts(), 1, 'a call is running on it');
  stop.abort();
  await slow;
  await environment();
  assert.equal(starts(), 2);
  await secrets.clear(server, 'key');
  await until(() => upstream.status().state === 'needs-secret');
  const second = Number([...readFileSync(trace, 'utf8').matchAll(/^start (\d+)/gm)][1]![1]);
  await until(() => {
    try {
      process.kill(second, 0);
      return false;
    } catch {
      return true;
    }
  });
});

test('what a server says of its key is masked: errors, results, handshakes, standard error, its status', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      const { name } = message.params;
      if (name === 'error')
        json(response, { jsonrpc: '2.0', id: message.id, error: { code: 1, message: `bad ${key}`, data: { [key]: [key] } } });
      else json(response, result(message.id, `your key is ${key}`));
    }),
  );
  const server = entry({ url: raw.url, secrets: [wants('x-key', { in: 'header', name: 'X-Key', before: 'Bearer ' })] });
  const { upstream, secrets } = open(t, server);
  await secrets.set(server, 'x-key', key);
  assert.deepEqual(await upstream.call(tool('error')), { error: { code: 1, message: 'bad [secret]', data: { '[secret]': ['[secret]'] } } });
  assert.equal(text(await upstream.call(tool('x'))), 'your key is [secret]');

  const refusing = await startRaw(t, (message, response) => {
    if (message?.id === undefined) return void response.writeHead(405).end();
    json(response, { jsonrpc: '2.0', id: message.id, error: { code: -32600, message: `no such key ${key}` } });
  });
  const other = entry({ url: refusing.url, secrets: server.secrets });
  const second = open(t, other);
  await second.secrets.set(other, 'x-key', key);
  await assert.rejects(second.upstream.call(tool('x')), (error: UpstreamError) => {
    assert.match(error.message, /no such key \[secret\]/);
    assert.ok(!String(error.stack).includes(key));
    return true;
  });
  assert.ok(!JSON.stringify([second.upstream.status(), second.statuses]).includes(key));

  const local = entry({
    launch: { command: 'node', args: [program], env: {} },
    secrets: [wants('key', { in: 'environment', name: 'API_KEY' })],
  });
  const third = open(t, local);
  await third.secrets.set(local, 'key', 'abcd');
  await third.upstream.call(tool('complain', { text: 'key abcd\n' }));
  await until(() => third.upstream.output().includes('key [secret]'));
  await assert.rejects(third.upstream.call(tool('crash', { why: 'abcd' })), /giving up because of \[secret\]/);
});

test('a redirect to another origin is not followed, whatever its status: the header and the query go nowhere else', async (t) => {
  const thief = await startRaw(t, (_message, response) => void response.writeHead(200).end());
  let status = 307;
  const paths: string[] = [];
  const raw = await startRaw(t, (_message, response, request) => {
    paths.push(request.url!);
    response.writeHead(status, { location: `${thief.url}${new URL(request.url!, 'http://a').search}` }).end();
  });
  const secret = { ...wants('k', { in: 'header', name: 'X-Key' }), where: [] as ServerEntry['secrets'][number]['where'] };
  secret.where.push({ in: 'header', name: 'X-Key', before: '', after: '' }, { in: 'query', name: 'k', before: '', after: '' });
  const server = entry({ url: raw.url, secrets: [secret] });
  const { upstream, secrets } = open(t, server);
  await secrets.set(server, 'k', key);
  for (status of [301, 302, 303, 307, 308]) {
    upstream.reset();
    await assert.rejects(upstream.call(tool('x')), (error: UpstreamError) => !error.message.includes(key));
  }
  assert.ok(paths.every((path) => path.includes(key)));
  assert.equal(thief.got.length, 0);
});

test('an event stream that sends its messages to another origin gets none there', async (t) => {
  const thief = await startRaw(t, (_message, response) => void response.writeHead(202).end());
  const raw = await startRaw(t, (_message, response, request) => {
    if (request.method !== 'GET') return void response.writeHead(404).end();
    sse(response).write(`event: endpoint\ndata: ${thief.url}\n\n`);
  });
  const server = entry({ url: raw.url, transport: 'sse', secrets: [wants('k', { in: 'header', name: 'X-Key' })] });
  const { upstream, secrets } = open(t, server);
  await secrets.set(server, 'k', key);
  await assert.rejects(upstream.call(tool('x')), /sent to another place/);
  assert.equal(thief.got.length, 0);
});

test('another server, person, company or sign-in provider that names the same secret gets nothing', async (t) => {
  const raw = await openRaw(t);
  const secrets = [wants('x-key', { in: 'header', name: 'X-Key' })];
  const mine = entry({ id: 'mine', url: raw.url, secrets });
  const made = open(t, mine);
  await made.secrets.set(mine, 'x-key', key);
  const state = (server: ServerEntry) => made.secrets.rows(server)[0]!.state;
  assert.equal(state(mine), 'set');
  const theirs = entry({ id: 'theirs', url: raw.url, secrets });
  const second = openUpstream(t, theirs, {}, { secrets: made.secrets, credentials: made.credentials });
  await assert.rejects(second.upstream.call(tool('x')), /it needs x-key/);
  assert.equal(state(theirs), 'missing');
  for (const at of [0, 1, 2, 3]) {
    made.whose.scope = ann.with(at, 'other') as unknown as typeof ann;
    await assert.rejects(made.upstream.call(tool('x')), /it needs x-key/, `other ${at}`);
  }
  made.whose.scope = undefined;
  await assert.rejects(made.upstream.call(tool('x')), /nobody is signed in/);
  assert.equal(raw.got.length, 0);
  made.whose.scope = ann;
  assert.equal(text(await made.upstream.call(tool('x'))), `s1 ${mirrored(key)}`);
});

test('whoever comes after another person calls on no session and no process of theirs, whatever still runs there', async (t) => {
  const bob: typeof ann = [ann[0], ann[1], ann[2], 'bob'];
  const raw = await openRaw(t);
  const remote = entry({ url: raw.url, secrets: [wants('x-key', { in: 'header', name: 'X-Key' })] });
  const first = open(t, remote);
  await first.secrets.set(remote, 'x-key', key);
  assert.equal(text(await first.upstream.call(tool('x'))), `s1 ${mirrored(key)}`);
  first.whose.scope = bob;
  await assert.rejects(first.upstream.call(tool('x')), /it needs x-key/);
  await first.secrets.set(remote, 'x-key', `${key}-bob`);
  assert.equal(text(await first.upstream.call(tool('x'))), `s2 ${mirrored(`${key}-bob`)}`);
  first.whose.scope = ann;
  assert.equal(text(await first.upstream.call(tool('x'))), `s3 ${mirrored(key)}`);

  const local = entry({
    launch: { command: 'node', args: [program], env: {} },
    secrets: [wants('key', { in: 'environment', name: 'API_KEY' }, false)],
  });
  const second = open(t, local);
  await second.secrets.set(local, 'key', key);
  const has = async () => 'API_KEY' in JSON.parse(text(await second.upstream.call(tool('environment'))));
  assert.equal(await has(), true);
  const running = second.upstream.call(tool('hang')).catch((error: UpstreamError) => error.problem);
  second.whose.scope = bob;
  assert.equal(await has(), false);
  assert.equal(await running, 'closed');
});

test('a server that is moved to another origin does not get what was entered for the first, and the person is told', async (t) => {
  const vault = memoryVault();
  const [first, second] = [await openRaw(t), await openRaw(t)];
  const secrets = [wants('x-key', { in: 'header', name: 'X-Key' })];
  const before = entry({ url: first.url, secrets });
  const after = entry({ url: second.url, secrets });
  const { upstreams, upstream, secrets: held } = open(t, before, vault);
  await held.set(before, 'x-key', key);
  await upstream.call(tool('x'));
  await upstreams.replace([after]);
  const words = new RegExp(
    `it was entered for ${new URL(first.url).origin}, and the company moved this server to ${new URL(second.url).origin}`,
  );
  await assert.rejects(upstreams.get('one')!.call(tool('x')), words);
  const [row] = held.rows(after);
  assert.deepEqual([row!.state, row!.goesTo], ['missing', new URL(second.url).origin]);
  assert.match(row!.why!, words);
  assert.equal(second.got.length, 0);
  // Also where only this was kept: the next start.
  const next = open(t, after, vault);
  await assert.rejects(next.upstream.call(tool('x')), words);
  await next.secrets.set(after, 'x-key', `${key}-2`);
  assert.equal(text(await next.upstream.call(tool('x'))), `s1 ${mirrored(`${key}-2`)}`);
  assert.deepEqual(
    second.got.filter(({ headers }) => headers['x-key'] !== `${key}-2`),
    [],
  );
});

test('a local server that is started otherwise does not get it; another version of its package does', async (t) => {
  const secrets = [wants('key', { in: 'environment', name: 'API_KEY' })];
  const launch = { command: 'npx', args: ['-y', '@acme/wiki@1.2.3', '--fast'], env: { API_URL: 'https://a.example' } };
  const mine = entry({ launch, secrets });
  const { secrets: held } = open(t, mine);
  await held.set(mine, 'key', key);
  const state = (change: object) => held.rows(entry({ launch: { ...launch, ...change }, secrets }))[0]!.state;
  assert.equal(state({}), 'set');
  assert.equal(state({ args: ['-y', '@acme/wiki@1.10.0-beta.1', '--fast'] }), 'set');
  for (const change of [
    { command: '/tmp/npx' },
    { command: 'node' },
    { args: ['-y', '@acme/wikis@1.2.3', '--fast'] },
    { args: ['-y', '@acme/wiki@npm:evil@1.2.3', '--fast'] },
    { args: ['-y', '@acme/wiki@1.2.3', '--fast', '--import=/tmp/a.js'] },
    { env: { API_URL: 'https://b.example' } },
    { env: { ...launch.env, NODE_OPTIONS: '--import /tmp/a.js' } },
    { cwd: '/tmp' },
  ])
    assert.equal(state(change), 'missing', JSON.stringify(change));
  const file = { command: 'node', args: ['tool@1.0.0'], env: {} };
  const plain = entry({ id: 'file', launch: file, secrets });
  await held.set(plain, 'key', key);
  const moved = entry({ id: 'file', launch: { ...file, args: ['tool@1.0.1'] }, secrets });
  assert.equal(held.rows(moved)[0]!.state, 'missing', 'a file may be named so');
});

test('a vault that cannot be opened is never one without the secret: nothing is sent, and it is said', async (t) => {
  const raw = await openRaw(t);
  const content = new Map<string, string>();
  const vault = memoryVault(content);
  const server = entry({ url: raw.url, secrets: [wants('x-key', { in: 'header', name: 'X-Key' }, false)] });
  const first = open(t, server, vault);
  await first.secrets.set(server, 'x-key', key);
  let locked = true;
  const clock = { now: Date.now() };
  const sealed = {
    ...vault,
    get: async (name: string) => (locked ? Promise.reject(new SealedAway('the keychain is locked')) : vault.get(name)),
  };
  const made = secretsOver(sealed, { now: () => clock.now });
  const opened = openUpstream(t, server, {}, { secrets: made.secrets, credentials: made.credentials });
  // Also where it is optional: the server would do something else without it.
  await assert.rejects(opened.upstream.call(tool('x')), /cannot be opened: the keychain is locked/);
  assert.equal(raw.got.length, 0);
  const [row] = made.secrets.rows(server);
  assert.equal(row!.state, 'unavailable');
  assert.match(row!.why!, /keychain is locked/);
  assert.equal(opened.upstream.status().state, 'failed');
  locked = false;
  clock.now += 6_000;
  assert.equal(text(await opened.upstream.call(tool('x'))), `s1 ${mirrored(key)}`);
  assert.equal(made.secrets.rows(server)[0]!.state, 'set');

  for (const name of content.keys()) content.set(name, `{"damaged":"${key}"}`);
  const third = open(t, server, memoryVault(content));
  await assert.rejects(third.upstream.call(tool('x')), (error: UpstreamError) => {
    assert.match(error.message, /what the vault holds is damaged/);
    return !error.message.includes(key);
  });
  await third.secrets.set(server, 'x-key', key);
  await third.upstream.call(tool('x'));
});

test('a vault that does not keep a value leaves everything as it was', async (t) => {
  const server = entry({ url: 'http://127.0.0.1:9/mcp', secrets: [wants('x-key', { in: 'header', name: 'X-Key' })] });
  const vault = memoryVault();
  const refuse = () => Promise.reject(new SealedAway('the keychain is locked'));
  const { secrets } = open(t, server, { ...vault, set: refuse, delete: refuse });
  await assert.rejects(secrets.set(server, 'x-key', key), { code: 'unavailable' });
  await secrets.lacking(server);
  assert.equal(secrets.rows(server)[0]!.state, 'missing');
  await assert.rejects(secrets.clear(server, 'x-key'), { code: 'unavailable' });
});

test('a value that cannot be carried is refused before it is stored, and is not in the message', async (t) => {
  const vault = memoryVault();
  const server = entry({
    url: 'http://127.0.0.1:9/mcp',
    secrets: [wants('h', { in: 'header', name: 'H' }), wants('q', { in: 'query', name: 'q' })],
  });
  const { secrets } = open(t, server, vault);
  const bad = [
    '',
    'abc',
    'x'.repeat(8193),
    'hunter2\r\nx-evil: 1',
    'hunter2\nb',
    'hunter2\0',
    'hunter2\u007f',
    'hunter2\u2028b',
    ' hunter2',
    'hunter2 ',
    'hunter2\ud800',
  ];
  for (const name of ['h', 'q'])
    for (const value of bad)
      await assert.rejects(secrets.set(server, name, value), (error: Failure) => {
        assert.equal(error.code, 'bad-input');
        assert.ok(!error.message.includes('hunter2') && !error.fix!.includes('hunter2'));
        return true;
      });
  await assert.rejects(secrets.set(server, 'h', 'hunter2€'), /HTTP header cannot carry/);
  await secrets.set(server, 'q', 'hunter2€');
  await assert.rejects(secrets.set(server, 'other', key), { code: 'not-found' });
  assert.equal(vault.content.size, 1);
  assert.ok(![...vault.content.keys()].some((name) => name.includes('ann') || name.includes('q-')), 'names tell nothing');
});
