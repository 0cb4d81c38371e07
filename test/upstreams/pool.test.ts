import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { openUpstreams } from '../../src/upstreams/pool.ts';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';
import { json, legacy, result, startRaw } from '../support/upstreams/raw.ts';

const server = () =>
  legacy((message, response, request) =>
    message?.method === 'tools/call' ? json(response, result(message.id, String(request.headers['mcp-session-id']))) : false,
  );

test('a change of bundle keeps what is reached as before, and closes what is gone or different', async (t) => {
  const [a, b, c] = await Promise.all([startRaw(t, server()), startRaw(t, server()), startRaw(t, server())]);
  const original = entry({ id: 'one', url: a.url });
  const { upstreams } = open(t, original);
  await upstreams.replace([original, entry({ id: 'two', url: b.url })]);
  const kept = upstreams.get('one')!;
  await kept.call(tool('x'));
  const gone = upstreams.get('two')!;
  await gone.call(tool('x'));
  const renamed = entry({
    id: 'one',
    url: a.url,
    title: 'Another title',
    owner: 'someone',
    tools: { x: { readOnly: true, destructive: false, openWorld: false, tags: [] } },
  });
  await upstreams.replace([renamed, entry({ id: 'two', url: c.url })]);
  assert.equal(upstreams.get('one'), kept);
  assert.notEqual(upstreams.get('two'), gone);
  await assert.rejects(gone.call(tool('x')), { problem: 'closed' });
  assert.equal(b.names().at(-1), 'DELETE');
  await upstreams.get('two')!.call(tool('x'));
  assert.equal(text(await kept.call(tool('x'))), 's1', 'the same session as before');
  await upstreams.replace([]);
  assert.equal(upstreams.get('one'), undefined);
  assert.equal(a.names().at(-1), 'DELETE');
});

test('nobody there: calls fail at once until the next attempt, reset tries now, and one that comes back is used', async (t) => {
  const first = await startRaw(t, server());
  const port = Number(new URL(first.url).port);
  const { upstream, statuses } = open(t, entry({ url: first.url }), {}, { now: () => 0 });
  await upstream.call(tool('x'));
  await first.close();
  await assert.rejects(
    async () => {
      // What was pooled may still break once before the connection itself is refused.
      await upstream.call(tool('x')).catch((error) => assert.equal(error.problem, 'closed'));
      await upstream.call(tool('x'));
    },
    { problem: 'unreachable', message: /nothing answers at http:\/\/127\.0\.0\.1/ },
  );
  const status = upstream.status();
  assert.equal(status.state, 'backing-off');
  assert.ok(status.retryAt! >= 250 && status.retryAt! <= 500);
  await assert.rejects(upstream.call(tool('x')), /next attempt is in 1 s/);
  const forgetful = legacy((message, response, request) => {
    if (message?.method !== 'tools/call') return false;
    if (!seen.has(request.headers['mcp-session-id'])) return response.writeHead(404).end();
    json(response, result(message.id, 'back'));
  });
  const seen = new Set<unknown>();
  const second = await startRaw(
    t,
    (message, response, request, raw) => {
      if (message?.method === 'initialize') queueMicrotask(() => seen.add('s1'));
      forgetful(message, response, request, raw);
    },
    port,
  );
  await assert.rejects(upstream.call(tool('x')), /next attempt/, 'not tried before its time');
  assert.equal(second.got.length, 0);
  upstream.reset();
  assert.equal(text(await upstream.call(tool('x'))), 'back');
  assert.equal(upstream.status().state, 'connected');
  assert.deepEqual([...new Set(statuses.map(({ state }) => state))], ['connecting', 'connected', 'backing-off', 'idle']);
});

test('failures in a row wait longer and longer', async (t) => {
  let now = 0;
  const { upstream } = open(t, entry({ url: 'http://127.0.0.1:9/mcp' }), {}, { now: () => now });
  const waits: number[] = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    await assert.rejects(upstream.call(tool('x')), { problem: 'unreachable' });
    waits.push(upstream.status().retryAt! - now);
    now = upstream.status().retryAt!;
  }
  waits.forEach((wait, index) => {
    const whole = Math.min(60_000, 500 * 2 ** index);
    assert.ok(wait >= whole / 2 && wait <= whole, `${wait} of ${whole}`);
  });
});

test('a server that does not finish its handshake is given up; an agent that goes away does not end the attempt for others', async (t) => {
  let release = () => {};
  const session = server();
  const raw = await startRaw(t, (message, response, request, self) => {
    if (message?.method === 'server/discover') release = () => session(message, response, request, self);
    else session(message, response, request, self);
  });
  const { upstream } = open(t, entry({ url: raw.url }), { connectMs: 1500 });
  await assert.rejects(upstream.call(tool('x')), { problem: 'unreachable', message: /no connection within 1\.5 s|in time|no answer/ });
  upstream.reset();
  const stop = new AbortController();
  const leaving = upstream.call(tool('x', {}, { signal: stop.signal }));
  const staying = upstream.call(tool('x'));
  await until(() => raw.got.length === 2);
  stop.abort();
  await assert.rejects(leaving, { problem: 'cancelled' });
  release();
  assert.match(text(await staying), /^s\d$/);
});

test('closing ends what is in flight, connecting and waiting, and refuses what comes after', async (t) => {
  const hangs = await startRaw(
    t,
    legacy((message) => (message?.method === 'tools/call' ? undefined : false)),
  );
  const never = await startRaw(t, () => {});
  const upstreams = openUpstreams({
    entries: [entry({ id: 'hangs', url: hangs.url }), entry({ id: 'never', url: never.url }), entry({ id: 'idle', url: never.url })],
    log: silent,
    clientInfo: { name: 'gatehouse', version: '0' },
    events: { onStatus() {}, onResourceUpdated() {} },
  });
  t.after(() => upstreams.close());
  const hanging = upstreams.get('hangs')!;
  const calls = [
    hanging.call(tool('x')),
    hanging.call(tool('x', {}, { peer: peer({ id: 'own', capabilities: { elicitation: {} } }), onRequest: async () => ({ result: {} }) })),
    upstreams.get('never')!.call(tool('x')),
  ];
  await until(() => hangs.names().filter((name) => name === 'tools/call').length === 2 && never.got.length === 1);
  const settled = Promise.allSettled(calls);
  await upstreams.close();
  assert.ok((await settled).every(({ status }) => status === 'rejected'));
  assert.equal(hangs.names().filter((name) => name === 'DELETE').length, 2);
  await assert.rejects(hanging.call(tool('x')), { problem: 'closed' });
});

test("beyond loopback the system's proxy is used, on loopback never", async (t) => {
  const raw = await startRaw(t, server());
  const asked: string[] = [];
  const forward = (target: net.Socket) => target.pipe(net.connect(Number(new URL(raw.url).port), '127.0.0.1')).pipe(target);
  const proxy = http.createServer((request, response) => {
    asked.push(request.url ?? '');
    request.pipe(
      http.request(raw.url, { method: request.method!, headers: request.headers }, (answer) =>
        answer.pipe(response.writeHead(answer.statusCode!, answer.headers)),
      ),
    );
  });
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    forward(socket as net.Socket).on('error', () => {});
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
    delete process.env['http_proxy'];
  });
  process.env['http_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const near = open(t, entry({ url: raw.url }));
  await near.upstream.call(tool('x'));
  assert.equal(asked.length, 0);
  const far = open(t, entry({ url: 'http://tickets.example/mcp' }));
  assert.match(text(await far.upstream.call(tool('x'))), /^s\d$/);
  assert.ok(asked.length > 0 && asked.every((address) => address.includes('tickets.example')), asked.join());
});

test('twenty thousand calls leave nothing behind', async (t) => {
  const raw = await startRaw(t, server());
  const { upstream } = open(t, entry({ url: raw.url }));
  const { signal } = new AbortController();
  const run = async (calls: number) => {
    for (let call = 0; call < calls; call++) await upstream.call(tool('x', {}, { signal }));
    raw.got.length = 0;
  };
  const { default: v8 } = await import('node:v8');
  const { default: vm } = await import('node:vm');
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as () => void;
  const used = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  await run(5000);
  const before = used();
  await run(15_000);
  assert.ok(used() - before < 2_000_000, `${used() - before} bytes more`);
});

test('a call that finds its server taken away in the middle of connecting is told so: neither it nor the server is to blame', async (t) => {
  const raw = await startRaw(
    t,
    (message, response, request, self) => message?.method === 'notifications/initialized' || server()(message, response, request, self),
  );
  const { upstreams, upstream } = open(t, entry({ id: 'one', url: raw.url }), { drainMs: 50 });
  const call = assert.rejects(upstream.call(tool('x')), { problem: 'unreachable', message: 'Gatehouse has closed it' });
  await until(() => raw.names().includes('notifications/initialized'));
  await upstreams.replace([]);
  await call;
});
