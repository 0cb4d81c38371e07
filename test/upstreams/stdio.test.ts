import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { UpstreamLimits } from '../../src/upstreams/connection/link.ts';
import { UpstreamError, type UpstreamProblem } from '../../src/upstreams/upstream.ts';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';

const program = fileURLToPath(new URL('../support/upstreams/stdio-server.ts', import.meta.url));

function start(t: TestContext, env: Record<string, string> = {}, limits: Partial<UpstreamLimits> = {}, timeoutMs = 60_000) {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-stdio-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'trace');
  const server = entry({ timeoutMs, launch: { command: 'node', args: [program], env: { TRACE: file, ...env }, cwd: folder } });
  let now = 0;
  const opened = open(t, server, limits, { now: () => now });
  return {
    ...opened,
    later: () => {
      now += 61_000;
    },
    soon: () => {
      now += 10_000;
    },
    trace: () => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []),
    pids: (kind: string) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(kind))
        .map((line) => Number(line.split(' ')[1])),
  };
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    // A zombie that nobody has waited for yet is no process that runs.
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

for (const [mode, era, messages] of [
  ['legacy', 'legacy', ['server/discover', 'initialize', 'notifications/initialized']],
  ['modern', 'modern', ['server/discover']],
  ['dual', 'modern', ['server/discover']],
  ['silent', 'legacy', ['server/discover', 'initialize', 'notifications/initialized']],
] as const)
  test(`a ${mode} server is found to be ${era}, on one and the same process, and only once`, async (t) => {
    const { upstream, trace, upstreams } = start(t, { MODE: mode }, mode === 'silent' ? { probeMs: 300 } : {});
    await Promise.all([
      upstream.call(tool('echo')),
      upstream.call(tool('echo')),
      upstream.call(tool('echo', {}, { peer: peer({ id: 'other' }) })),
    ]);
    assert.equal(upstream.status().era, era);
    assert.deepEqual(trace().slice(1, 1 + messages.length), messages);
    assert.equal(trace().filter((line) => line.startsWith('start')).length, 1, 'one process for all agents');
    await upstreams.close();
  });

test('a server that falls over a probe is started again and met with the handshake, in the first call, and from then on at once', async (t) => {
  const { upstream, statuses, trace, later } = start(t, { MODE: 'crash-on-probe' });
  const messages = () => trace().map((line) => line.split(' ', 1)[0]);
  const [first, second] = await Promise.all([upstream.call(tool('echo')), upstream.call(tool('echo'))]);
  for (const outcome of [first, second]) assert.match(text(outcome), /"name":"echo"/);
  const begun = ['start', 'initialize', 'notifications/initialized', 'tools/call'];
  assert.deepEqual(messages(), ['start', 'server/discover', ...begun, 'tools/call']);
  assert.ok(!statuses.some(({ state }) => state === 'backing-off' || state === 'failed'));
  await assert.rejects(upstream.call(tool('crash', { why: 'asked' })), { problem: 'closed' });
  later();
  await upstream.call(tool('echo'));
  assert.deepEqual(messages().slice(7), ['tools/call', ...begun]);
});

test('a server that only ends is started no more than twice for a call, and says why it ended', async (t) => {
  for (const [options, starts] of [
    [{ era: 'auto' }, 2],
    [{ era: 'legacy' }, 1],
    [{ era: 'modern' }, 1],
  ] as const) {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-stdio-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'trace');
    const script = `require('fs').appendFileSync(${JSON.stringify(file)}, 's'); console.error('no token'); process.exit(4)`;
    const { upstream } = open(t, entry({ ...options, launch: { command: 'node', args: ['-e', script], env: {} } }));
    await assert.rejects(upstream.call(tool('echo')), { problem: 'unreachable', message: /exit code 4.*no token/ });
    assert.equal(readFileSync(file, 'utf8').length, starts, options.era);
  }
});

test('the envelope of the modern era goes with each request, nothing of it in the legacy one', async (t) => {
  for (const MODE of ['modern', 'legacy']) {
    const { upstream } = start(t, { MODE });
    const params = JSON.parse(
      text(await upstream.call(tool('', {}, { params: { name: 'echo', arguments: { a: 1 }, _meta: { 'vendor/x': 1 } } }))),
    );
    if (MODE === 'legacy') {
      const { progressToken, ...meta } = params._meta;
      assert.equal(typeof progressToken, 'number');
      assert.deepEqual({ ...params, _meta: meta }, { name: 'echo', arguments: { a: 1 }, _meta: { 'vendor/x': 1 } });
    } else assert.equal(params._meta['io.modelcontextprotocol/protocolVersion'], '2026-07-28');
  }
});

test('only what is on the list, and what its entry states, is in its environment', async (t) => {
  process.env['GATEHOUSE_TEST_SECRET'] = 'x';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'x';
  t.after(() => {
    delete process.env['GATEHOUSE_TEST_SECRET'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
  });
  const { upstream } = start(t, { STATED: 'yes' });
  const environment = JSON.parse(text(await upstream.call(tool('environment'))));
  assert.equal(environment.STATED, 'yes');
  assert.equal(environment.PATH, process.env['PATH']);
  assert.equal(environment.GATEHOUSE_TEST_SECRET, undefined);
  assert.equal(environment.AWS_SECRET_ACCESS_KEY, undefined);
});

const nasty: [name: string, args: object, problem: UpstreamProblem, words: RegExp][] = [
  ['crash', { why: 'secret-from-the-registry' }, 'closed', /exit code 7: .*giving up because of \[secret\]/],
  ['huge', { size: 300_000 }, 'too-large', /100000 bytes/],
  ['endless', {}, 'too-large', /100000 bytes/],
  ['flood', {}, 'closed', /flooded/],
  ['hang', {}, 'timed-out', /0\.5 s/],
];
for (const [name, args, problem, words] of nasty)
  test(`a local server that does "${name}" fails the call with ${problem}, and is there again afterwards`, async (t) => {
    const { upstream, soon } = start(
      t,
      { GIVEN: 'secret-from-the-registry' },
      { messageBytes: 100_000, unaskedPerTenSeconds: 1000 },
      name === 'hang' ? 500 : 20_000,
    );
    await assert.rejects(upstream.call(tool(name, { ...args })), (error) => {
      assert.ok(error instanceof UpstreamError);
      assert.deepEqual([error.problem, words.test(error.message)], [problem, true], error.message);
      return true;
    });
    soon();
    assert.match(text(await upstream.call(tool('echo', {}, { timeoutMs: 60_000 }))), /echo/);
    assert.equal(upstream.status().state, 'connected');
  });

test('lines that are no messages, and answers to nobody, are ignored', async (t) => {
  const { upstream } = start(t);
  assert.equal(text(await upstream.call(tool('rubbish'))), 'well');
  assert.equal(text(await upstream.call(tool('foreign'))), 'well');
});

test('a crash fails what is in flight at once; five within a minute end the attempts until somebody says so', async (t) => {
  const { upstream, soon, statuses } = start(t);
  const hanging = upstream.call(tool('hang'));
  await Promise.all([
    assert.rejects(upstream.call(tool('crash', { why: 'a' })), { problem: 'closed' }),
    assert.rejects(hanging, { problem: 'closed' }),
  ]);
  for (let crash = 2; crash <= 5; crash++) {
    await assert.rejects(upstream.call(tool('echo')), { problem: 'unreachable', message: /next attempt is in/ });
    soon();
    await assert.rejects(upstream.call(tool('crash', { why: 'again' })), { problem: 'closed' });
  }
  assert.equal(upstream.status().state, 'failed');
  assert.equal(statuses.at(-1)!.state, 'failed');
  soon();
  await assert.rejects(upstream.call(tool('echo')), { problem: 'unreachable', message: /ended too often/ });
  upstream.reset();
  assert.match(text(await upstream.call(tool('echo'))), /echo/);
});

for (const MODE of ['legacy', 'modern']) {
  test(`${MODE}: progress, messages, cancellation and updates`, async (t) => {
    const { upstream, trace, updates } = start(t, { MODE });
    const seen: unknown[] = [];
    const hooks = {
      onProgress: ({ progressToken: _token, ...params }: Record<string, unknown>) => seen.push(params),
      onNotification: ({ method }: { method: string }) => seen.push(method),
    };
    await upstream.call(tool('progress', {}, { ...hooks, peer: peer({ logLevel: 'info' }) }));
    await upstream.call(tool('progress', {}, hooks));
    assert.deepEqual(seen, [{ progress: 1 }, 'notifications/message', { progress: 1 }]);

    const stop = new AbortController();
    const hanging = upstream.call(tool('hang', {}, { signal: stop.signal }));
    await upstream.call(tool('echo'));
    stop.abort();
    await assert.rejects(hanging, { problem: 'cancelled' });
    await until(() => trace().includes('notifications/cancelled'));

    const release = await upstream.subscribe('a://1', peer());
    await upstream.call(tool('update'));
    await until(() => updates.length === 1);
    assert.deepEqual(updates, [{ uri: 'a://1', ...(MODE === 'legacy' ? { _meta: {} } : {}) }]);
    release();
    const last = MODE === 'legacy' ? 'resources/unsubscribe' : 'notifications/cancelled';
    await until(() => trace().at(-1) === last);
  });
}

test('a question goes to the agent whose call is running, and to nobody where that is unclear', async (t) => {
  const { upstream } = start(t);
  const onRequest = async () => ({ result: { action: 'accept' } });
  const asking = (id: string) => ({ peer: peer({ id, capabilities: { elicitation: {} } }), onRequest });
  assert.deepEqual(JSON.parse(text(await upstream.call(tool('ask', {}, asking('a'))))).result, { action: 'accept' });
  assert.equal(JSON.parse(text(await upstream.call(tool('ask')))).error.code, -32601);
  const stop = new AbortController();
  const other = upstream.call(tool('hang', {}, { ...asking('b'), signal: stop.signal }));
  assert.equal(JSON.parse(text(await upstream.call(tool('ask', {}, asking('a'))))).error.code, -32601);
  stop.abort();
  await assert.rejects(other);
});

test('what cannot be started says why', async (t) => {
  const { upstream } = open(t, entry({ launch: { command: 'no-such-program-here', args: [], env: {} } }));
  await assert.rejects(upstream.call(tool('x')), { problem: 'unreachable', message: /"no-such-program-here" was not found/ });
});

test('closing ends the whole group, also one that ignores being asked', async (t) => {
  const { upstream, upstreams, pids, trace } = start(t, { IGNORE_SIGTERM: '1', GRANDCHILD: '1', STAY: '1' });
  await upstream.call(tool('echo'));
  const all = [...pids('start'), ...pids('grandchild')];
  assert.equal(all.length, 2);
  assert.ok(all.every(alive));
  const hanging = upstream.call(tool('hang'));
  await Promise.all([assert.rejects(hanging, { problem: 'closed' }), upstreams.close()]);
  await until(() => !all.some(alive));
  assert.ok(trace().includes('sigterm'));
  await assert.rejects(upstream.call(tool('echo')), { problem: 'closed' });
});

test('what left its group and holds its output open keeps nobody waiting for its end', {
  skip: process.platform === 'win32',
}, async (t) => {
  const { upstream, pids, later } = start(t, { GRANDCHILD: 'detached' });
  try {
    await upstream.call(tool('echo'));
    await assert.rejects(upstream.call(tool('crash', { why: 'it likes to' })), { problem: 'closed', message: /exit code 7/ });
    assert.ok(pids('grandchild').every(alive), 'it is not ours any more');
    later();
    await upstream.call(tool('echo'));
  } finally {
    for (const pid of pids('grandchild')) process.kill(pid, 'SIGKILL');
  }
});

const bin = (name: string) => createRequire(import.meta.url).resolve(`@modelcontextprotocol/${name}/dist/index.js`);
for (const [name, args, call, expected] of [
  ['server-everything', ['stdio'], tool('get-sum', { a: 2, b: 3 }), /5/],
  ['server-filesystem', [tmpdir()], tool('list_allowed_directories'), /Allowed directories/],
  ['server-memory', [], tool('read_graph'), /entities/],
] as const)
  test(`${name} answers over stdio`, async (t) => {
    const { upstream } = open(t, entry({ launch: { command: 'node', args: [bin(name), ...args], env: {} } }));
    assert.match(text(await upstream.call(call)), expected);
    assert.equal(upstream.status().era, 'legacy');
  });
