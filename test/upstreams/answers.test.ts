// What servers and the proxies before them do to answers: send them elsewhere on the same origin, pack them, mark their byte order, keep silent.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, constants, createGzip, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { type UpstreamError, UpstreamError as UpstreamErrorClass } from '../../src/upstreams/upstream.ts';
import { entry, open, text, tool } from '../support/upstreams/open.ts';
import { event, json, legacy, type Message, result, sse, startRaw } from '../support/upstreams/raw.ts';

const packers: Record<string, (body: string) => Buffer> = {
  gzip: (body) => gzipSync(body),
  'x-gzip': (body) => gzipSync(body),
  deflate: (body) => deflateSync(body),
  br: (body) => brotliCompressSync(body),
  zstd: (body) => zstdCompressSync(body),
};
const discovered = (id: unknown) => ({ jsonrpc: '2.0', id, result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } } });

/** A server in either era whose every answer leaves through `send`. */
function answering(
  t: TestContext,
  era: 'legacy' | 'modern',
  send: (response: ServerResponse, body: object, request: IncomingMessage) => void,
) {
  const call = (message: Message, response: ServerResponse, request: IncomingMessage) =>
    message?.method === 'tools/call' ? send(response, result(message.id, `${message.params.name} well`), request) : false;
  return startRaw(t, (message, response, request, raw) => {
    if (era === 'legacy') return legacy(call)(message, response, request, raw);
    if (message?.method === 'server/discover') return send(response, discovered(message.id), request);
    call(message, response, request);
  });
}

for (const era of ['legacy', 'modern'] as const) {
  for (const status of [307, 308])
    test(`${era}: ${status} within the origin is followed, method and body kept`, async (t) => {
      const raw = await startRaw(t, (message, response, request, self) => {
        if (request.url === '/mcp?key=1') return void response.writeHead(status, { location: '/mcp/?key=1' }).end('moved');
        assert.equal(request.url, '/mcp/?key=1');
        if (era === 'modern' && message?.method === 'server/discover') return json(response, discovered(message.id));
        if (message?.method === 'tools/call') return json(response, result(message.id, JSON.stringify(message.params.arguments)));
        return legacy(() => false)(message, response, request, self);
      });
      const { upstream } = open(t, entry({ url: `${raw.url}?key=1` }));
      assert.equal(text(await upstream.call(tool('echo', { a: 'ü' }))), '{"a":"ü"}');
      assert.equal(upstream.status().era, era);
    });

  for (const [encoding, pack] of Object.entries(packers))
    test(`${era}: an answer in ${encoding} is read, whole and as a stream`, async (t) => {
      let streamed = false;
      const raw = await answering(t, era, (response, body) => {
        const headers = { 'content-encoding': encoding, 'content-type': streamed ? 'text/event-stream' : 'application/json' };
        response.writeHead(200, headers).end(pack(streamed ? event(body) : JSON.stringify(body)));
      });
      const { upstream } = open(t, entry({ url: raw.url }));
      assert.equal(text(await upstream.call(tool('whole'))), 'whole well');
      assert.equal(raw.got.at(-1)!.headers['accept-encoding'], 'gzip, br, zstd');
      for (const { method, headers } of raw.got) if (method === 'GET') assert.equal(headers['accept-encoding'], 'identity');
      streamed = true;
      assert.equal(text(await upstream.call(tool('stream'))), 'stream well');
    });
}

const call = (behave: (response: ServerResponse, message: Message) => void) =>
  legacy((message, response) => (message?.method === 'tools/call' ? behave(response, message) : false));

test('of a packed stream each event is handed on when it is said, not at the end', async (t) => {
  let release = () => {};
  const raw = await startRaw(
    t,
    call((response, message) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/event-stream' });
      const gzip = createGzip();
      gzip.pipe(response);
      gzip.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: message.id, progress: 1 } }));
      gzip.flush(constants.Z_SYNC_FLUSH);
      release = () => void gzip.end(event(result(message.id, 'later')));
    }),
  );
  const { upstream } = open(t, entry({ url: raw.url }));
  const answer = upstream.call(tool('slow', {}, { onProgress: () => release() }));
  assert.equal(text(await answer), 'later');
});

async function failsWith(t: TestContext, behave: (response: ServerResponse, message: Message) => void): Promise<UpstreamError> {
  const raw = await startRaw(
    t,
    call((response, message) => (message.params.name === 'well' ? json(response, result(message.id, 'well')) : behave(response, message))),
  );
  const { upstream } = open(t, entry({ url: raw.url }), { messageBytes: 100_000, messagesPerCall: 1000 });
  const error = await upstream.call(tool('bad')).then(
    () => assert.fail('it was answered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof UpstreamErrorClass);
  assert.equal(text(await upstream.call(tool('well'))), 'well', 'the next call is served');
  return error;
}

test('a bomb is unpacked no further than a message may be long, in every encoding', async (t) => {
  const zeros = '0'.repeat(200_000_000);
  for (const name of ['gzip', 'br', 'zstd']) {
    const body = packers[name]!(zeros);
    const before = process.memoryUsage().arrayBuffers;
    const error = await failsWith(
      t,
      (response) => void response.writeHead(200, { 'content-encoding': name, 'content-type': 'application/json' }).end(body),
    );
    assert.deepEqual([error.problem, /more than 100000 bytes/.test(error.message)], ['too-large', true], name);
    assert.ok(process.memoryUsage().arrayBuffers - before < 50_000_000, name);
  }
  const many = gzipSync(event({ jsonrpc: '2.0', method: 'notifications/progress', params: {} }).repeat(500_000));
  const flood = await failsWith(t, (response) => void sse(response.setHeader('content-encoding', 'gzip')).end(many));
  assert.deepEqual([flood.problem, /flood/.test(flood.message)], ['too-large', true]);
});

test('what is packed in no way that is known, or wrongly, is a bad answer; a broken stream is broken', async (t) => {
  const cases: [string, Buffer, RegExp][] = [
    ['rot13', Buffer.from('x'), /encoding that Gatehouse does not read/],
    ['gzip, gzip', gzipSync(gzipSync('{}')), /encoding that Gatehouse does not read/],
    ['gzip', Buffer.from('{"not":"packed"}'), /cannot be unpacked/],
    ['br', Buffer.from('\xff\xff\xff\xff', 'latin1'), /cannot be unpacked/],
    ['gzip', gzipSync(JSON.stringify(result(1, 'x'))).subarray(0, 20), /not JSON|empty answer/],
  ];
  for (const [name, body, words] of cases) {
    const error = await failsWith(
      t,
      (response) => void response.writeHead(200, { 'content-encoding': name, 'content-type': 'application/json' }).end(body),
    );
    assert.deepEqual([error.problem, words.test(error.message)], ['bad-answer', true], `${name}: ${error.message}`);
  }
  const broken = await failsWith(t, (response) => {
    sse(response.setHeader('content-encoding', 'gzip')).write(gzipSync(': nothing yet\n\n').subarray(0, 20));
    setTimeout(() => response.destroy(), 5);
  });
  assert.equal(broken.problem, 'closed');
});

test('a redirect to elsewhere, of another kind or without end is no way to anywhere', async (t) => {
  let elsewhere = 0;
  const other = await startRaw(t, (_message, response) => {
    elsewhere++;
    response.writeHead(200).end();
  });
  const cases: [number, string][] = [
    [307, other.url],
    [308, `//127.0.0.1:${new URL(other.url).port}/mcp`],
    [307, 'https://127.0.0.1/mcp'],
    [307, 'javascript:alert(1)'],
    [301, '/mcp/'],
    [302, '/mcp/'],
    [303, '/mcp/'],
    [307, '/mcp'],
  ];
  for (const [status, location] of cases) {
    const error = await failsWith(t, (response) => void response.writeHead(status, { location }).end());
    assert.deepEqual([error.problem, new RegExp(`HTTP ${status}: redirects`).test(error.message)], ['bad-answer', true], error.message);
  }
  const endless = await failsWith(t, (response) => void response.writeHead(307, { location: '/mcp' }).end('x'.repeat(1_000_000)));
  assert.equal(endless.problem, 'too-large');
  assert.equal(elsewhere, 0);
});

test('a byte order mark before a message is no part of it: in an answer, in a stream, before an error', async (t) => {
  const mark = Buffer.from([0xef, 0xbb, 0xbf]);
  const raw = await startRaw(t, (message, response, request, self) => {
    const { method, params, id } = message ?? {};
    if (method !== 'tools/call') return legacy(() => false)(message, response, request, self);
    if (params.name === 'stream') return void sse(response).end(Buffer.concat([mark, Buffer.from(event(result(id, 'streamed')))]));
    const body = params.name === 'refuse' ? { jsonrpc: '2.0', id, error: { code: -32050, message: 'No.' } } : result(id, 'x'.repeat(5000));
    response.writeHead(params.name === 'refuse' ? 400 : 200, { 'content-type': 'application/json' });
    response.end(Buffer.concat([mark, Buffer.from(JSON.stringify(body))]));
  });
  const { upstream } = open(t, entry({ url: raw.url }));
  const whole = await upstream.call(tool('whole'));
  assert.equal(text(whole), 'x'.repeat(5000));
  assert.ok('text' in whole && JSON.parse(String(whole.text)).content[0].text === 'x'.repeat(5000), 'what goes on is without it');
  assert.equal(text(await upstream.call(tool('stream'))), 'streamed');
  assert.deepEqual(await upstream.call(tool('refuse')), { error: { code: -32050, message: 'No.' } });
});

test('a server that says nothing to server/discover is a legacy one; one that was only slow to wake is what it is', async (t) => {
  const silent = await startRaw(t, (message, response, request, self) => {
    if (message?.method === 'server/discover') return;
    return call((answer, { id }) => json(answer, result(id, 'well')))(message, response, request, self);
  });
  const opened = open(t, entry({ id: 'silent', url: silent.url }), { probeMs: 100 });
  assert.equal(text(await opened.upstream.call(tool('x'))), 'well');
  assert.equal(opened.upstream.status().era, 'legacy');
  let asked = 0;
  const slow = await startRaw(t, (message, response) => {
    if (message?.method === 'server/discover') return asked++ > 0 ? json(response, discovered(message.id)) : undefined;
    if (message?.method === 'initialize')
      return json(
        response,
        { jsonrpc: '2.0', id: message.id, error: { code: -32022, message: 'Unsupported', data: { supported: ['2026-07-28'] } } },
        {},
        400,
      );
    json(response, result(message.id, 'awake'));
  });
  const two = open(t, entry({ id: 'slow', url: slow.url }), { probeMs: 100 });
  assert.equal(text(await two.upstream.call(tool('x'))), 'awake');
  assert.equal(two.upstream.status().era, 'modern');
});

test('what is packed ends with the HTTP message: whatever goes on behind its end is cut, and a late end of the message does no harm', async (t) => {
  for (const [name, pack] of Object.entries(packers)) {
    const closed = Promise.withResolvers<void>();
    const error = await failsWith(t, (response, message) => {
      response.writeHead(200, { 'content-encoding': name, 'content-type': 'application/json' });
      response.write(pack(JSON.stringify(result(message.id, 'packed'))));
      // Padding of zeros is what readers of gzip pass over.
      const timer = setInterval(() => response.write(Buffer.alloc(16 * 1024)), 5);
      response.on('close', () => {
        clearInterval(timer);
        closed.resolve();
      });
    });
    assert.deepEqual(
      [error.problem, /behind its end|cannot be unpacked/.test(error.message)],
      ['bad-answer', true],
      `${name}: ${error.message}`,
    );
    await closed.promise;
    const raw = await startRaw(
      t,
      call((response, message) => {
        response.writeHead(200, { 'content-encoding': name, 'content-type': 'application/json' });
        response.write(pack(JSON.stringify(result(message.id, 'late'))));
        setTimeout(() => response.end(), 50);
      }),
    );
    const { upstream } = open(t, entry({ url: raw.url }));
    assert.equal(text(await upstream.call(tool('late'))), 'late', name);
  }
});
