import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silent as log } from '../../src/base/log.ts';
import type { View } from '../../src/contract/view.ts';
import { openWeb } from '../../src/headless/web.ts';
import { launchToken } from '../../src/headless/web-session.ts';
import { readRenderer } from '../../src/shell/renderer-files.ts';
import { folder } from '../shell/folder.ts';
import { smallCore } from './small-core.ts';

async function open(t: TestContext) {
  const dir = join(folder(t), 'renderer');
  mkdirSync(join(dir, 'assets'), { recursive: true });
  writeFileSync(join(dir, 'index.html'), '<!doctype html><title>Gatehouse</title>');
  writeFileSync(join(dir, 'assets', 'index-D3b9_xYz.js'), 'export {}');
  writeFileSync(join(dir, '..', 'secret.js'), 'secret');
  symlinkSync(join(dir, '..', 'secret.js'), join(dir, 'link.js'));
  const core = smallCore({ 'agent-add': (input) => ({ name: String(input.name), token: 'T', url: 'U' }) });
  const token = launchToken();
  const web = await openWeb({ core, port: 0, token, files: await readRenderer(dir), log });
  t.after(() => web.close());
  return { core, token, web, base: `http://127.0.0.1:${web.port}` };
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** As bytes on the wire: `fetch` would tidy up paths and refuse a Host of one's own. */
function send(
  port: number,
  options: { method?: string; path?: string; headers?: Record<string, string>; body?: string | Buffer },
): Promise<Answer> {
  return new Promise((done, fail) => {
    const outgoing = request(
      { port, host: '127.0.0.1', method: options.method ?? 'GET', path: options.path ?? '/', headers: options.headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => done({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() }));
      },
    );
    outgoing.on('error', fail);
    outgoing.end(options.body);
  });
}

const json = { 'content-type': 'application/json' };

/** Cookie and key, as headers. */
async function signIn(port: number, token: string) {
  const answer = await send(port, { method: 'POST', path: '/session', headers: json, body: JSON.stringify({ token }) });
  assert.equal(answer.status, 200);
  const cookie = String(answer.headers['set-cookie']);
  assert.match(cookie, /^gatehouse_session=[\w-]+\.[\w-]+; HttpOnly; SameSite=Strict; Path=\/$/);
  return { cookie: cookie.split(';')[0]!, 'x-gatehouse-key': JSON.parse(answer.text).key as string };
}

test('the window is served with strict headers, hashed files for ever', async (t) => {
  const { web } = await open(t);
  const page = await send(web.port, {});
  assert.equal(page.status, 200);
  const policy = String(page.headers['content-security-policy']);
  for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"])
    assert.ok(policy.includes(part), part);
  assert.equal(page.headers['x-content-type-options'], 'nosniff');
  assert.equal(page.headers['referrer-policy'], 'no-referrer');
  assert.equal(page.headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(page.headers['cross-origin-resource-policy'], 'same-origin');
  assert.equal(page.headers['cache-control'], 'no-cache');
  const script = await send(web.port, { path: '/assets/index-D3b9_xYz.js' });
  assert.match(String(script.headers['cache-control']), /immutable/);
  assert.match(String(script.headers['content-type']), /^text\/javascript/);
});

test('no trick with a path leaves the map of files', async (t) => {
  const { web } = await open(t);
  for (const path of [
    '/../secret.js',
    '/assets/../../secret.js',
    '/%2e%2e/secret.js',
    '/..%2fsecret.js',
    '//secret.js',
    '/link.js',
    '/assets/',
    '/assets\\..\\..\\secret.js',
    'http://127.0.0.1/secret.js',
  ]) {
    const answer = await send(web.port, { path });
    assert.equal(answer.status, 404, path);
    assert.ok(!answer.text.includes('secret'), path);
  }
});

test('a wrong Host, Origin or site is refused on every path, and there is never a CORS header', async (t) => {
  const { web, token } = await open(t);
  const access = await signIn(web.port, token);
  const bad = [
    { host: `evil.example:${web.port}` },
    { host: '127.0.0.1' },
    { host: `127.0.0.1.nip.io:${web.port}` },
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: `http://127.0.0.1:${web.port + 1}` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of bad) {
    const answer = await send(web.port, {
      method: 'POST',
      path: '/call',
      headers: { ...json, ...access, ...headers } as Record<string, string>,
      body: '{"command":"status"}',
    });
    assert.equal(answer.status, 403, JSON.stringify(headers));
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  }
  // Neither minds case.
  const shouted = { host: `LocalHost:${web.port}`, origin: `HTTP://LOCALHOST:${web.port}` };
  const answer = await send(web.port, {
    method: 'POST',
    path: '/call',
    headers: { ...json, ...access, ...shouted },
    body: '{"command":"status"}',
  });
  assert.notEqual(answer.status, 403);
  const preflight = await send(web.port, { method: 'OPTIONS', path: '/session', headers: { 'access-control-request-method': 'POST' } });
  assert.equal(preflight.status, 405);
  assert.ok(!Object.keys(preflight.headers).some((name) => name.startsWith('access-control')));
});

test('without the cookie nothing is told; a wrong, forged or older one is none', async (t) => {
  const { web, token } = await open(t);
  const access = await signIn(web.port, token);
  const forged = access.cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  const older = await open(t);
  const foreign = (await signIn(older.web.port, older.token)).cookie;
  for (const value of ['', 'gatehouse_session=', 'gatehouse_session=x.y', forged, foreign, `gatehouse_session=${token}`]) {
    const call = await send(web.port, {
      method: 'POST',
      path: '/call',
      headers: { ...json, ...access, cookie: value },
      body: '{"command":"status"}',
    });
    assert.equal(call.status, 401, value);
    assert.ok(!('ok' in JSON.parse(call.text)));
    assert.equal((await send(web.port, { path: '/watch', headers: { ...access, cookie: value } })).status, 401);
    assert.equal((await send(web.port, { method: 'HEAD', path: '/watch', headers: { ...access, cookie: value } })).status, 401);
  }
  for (const wrong of [token.slice(1), '', 1, null, ['x']]) {
    const answer = await send(web.port, { method: 'POST', path: '/session', headers: json, body: JSON.stringify({ token: wrong }) });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers['set-cookie'], undefined);
  }
  assert.equal((await send(web.port, { method: 'HEAD', path: '/watch', headers: access })).status, 200);
});

test('the cookie alone opens nothing: cookies know no ports, so every web server on this machine may come to see it', async (t) => {
  const { web, token } = await open(t);
  const { cookie, 'x-gatehouse-key': key } = await signIn(web.port, token);
  const other = (await signIn(web.port, token))['x-gatehouse-key'];
  const call = (headers: Record<string, string>, path = '/call') =>
    send(web.port, { method: 'POST', path, headers: { ...json, cookie, ...headers }, body: '{"command":"status"}' });
  for (const headers of [{}, { 'x-gatehouse-key': '' }, { 'x-gatehouse-key': token }, { 'x-gatehouse-key': other }])
    assert.equal((await call(headers as Record<string, string>)).status, 401, JSON.stringify(headers));
  assert.equal((await call({}, `/call?key=${key}`)).status, 401, 'in the address only where there is no other way');
  assert.equal((await send(web.port, { method: 'HEAD', path: '/watch', headers: { cookie } })).status, 401);
  assert.equal((await send(web.port, { method: 'HEAD', path: `/watch?key=${other}`, headers: { cookie } })).status, 401);
  assert.equal((await send(web.port, { method: 'HEAD', path: `/watch?key=${key}` })).status, 401);
  assert.equal((await send(web.port, { method: 'HEAD', path: `/watch?key=${key}`, headers: { cookie } })).status, 200);
  assert.equal((await call({ 'x-gatehouse-key': key })).status, 200);
});

test('a call is answered by the core, also when the core refuses', async (t) => {
  const { web, token } = await open(t);
  const headers = { ...json, ...(await signIn(web.port, token)), origin: `http://127.0.0.1:${web.port}` };
  const call = async (body: unknown) =>
    JSON.parse((await send(web.port, { method: 'POST', path: '/call', headers, body: JSON.stringify(body) })).text);
  assert.deepEqual(await call({ command: 'agent-add', input: { name: 'one' } }), {
    ok: true,
    value: { name: 'one', token: 'T', url: 'U' },
  });
  assert.equal((await call({ command: 'agent-add', input: { nam: 'one' } })).error.code, 'bad-input');
  assert.equal((await call({ command: '__proto__' })).error.code, 'bad-input');
});

test('a body that is not JSON, of another type or too large is refused, and the server lives on', async (t) => {
  const { web, token } = await open(t);
  const access = await signIn(web.port, token);
  const post = (headers: Record<string, string>, body: string) =>
    send(web.port, { method: 'POST', path: '/call', headers: { ...access, ...headers }, body });
  assert.equal((await post(json, '{"command"')).status, 400);
  assert.equal((await post(json, 'null')).status, 400);
  assert.equal((await post(json, '[]')).status, 400);
  assert.equal((await post({ 'content-type': 'text/plain' }, '{"command":"status"}')).status, 415);
  assert.equal((await post({ 'content-type': 'application/x-www-form-urlencoded' }, 'command=status')).status, 415);
  assert.equal((await post({}, '{}')).status, 415);
  const large = JSON.stringify({ command: 'status', input: 'x'.repeat(1024 * 1024) });
  assert.equal((await post(json, large)).status, 413);
  assert.equal((await send(web.port, { path: '/call', headers: access })).status, 405);
  assert.equal((await send(web.port, { method: 'DELETE', path: '/' })).status, 405);
  assert.equal((await post(json, '{"command":"status"}')).status, 200);
});

test('a watcher gets the present View at once, then the newest, and leaves no trace', async (t) => {
  const { web, token, core, base } = await open(t);
  const access = await signIn(web.port, token);
  const stop = new AbortController();
  const response = await fetch(`${base}/watch`, { headers: access, signal: stop.signal });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const views: View[] = [];
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  const next = async () => {
    for (;;) {
      const end = buffer.indexOf('\n\n');
      if (end >= 0) {
        const event = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        if (event.startsWith('data: ')) return views.push(JSON.parse(event.slice(6)) as View);
        continue;
      }
      buffer += (await reader.read()).value ?? '';
    }
  };
  await next();
  for (let calls = 1; calls <= 100; calls++) core.show({ today: { calls, denied: 0, errors: 0 } });
  while (views.at(-1)!.today.calls < 100) await next();
  assert.ok(views.length <= 3, `a hundred changes came as ${views.length} Views`);
  stop.abort();
  while (core.watchers > 0) await new Promise((done) => setTimeout(done, 5));
});

test('watchers are bounded', async (t) => {
  const { web, token, base } = await open(t);
  const access = await signIn(web.port, token);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const statuses = [];
  for (let count = 0; count < 33; count++) statuses.push((await fetch(`${base}/watch`, { headers: access, signal: stop.signal })).status);
  assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.at(-1)], [32, 503]);
});

test('a taken port is a clear error', async (t) => {
  const { web } = await open(t);
  await assert.rejects(openWeb({ core: smallCore(), port: web.port, token: launchToken(), files: new Map(), log }), {
    code: 'conflict',
    message: new RegExp(`Port ${web.port}`),
    fix: /--ui-port/,
  });
});

test('without a built window the page says how to build it', async (t) => {
  const web = await openWeb({ core: smallCore(), port: 0, token: launchToken(), files: await readRenderer('/nonexistent'), log });
  t.after(() => web.close());
  assert.match((await send(web.port, {})).text, /npm run build/);
});
