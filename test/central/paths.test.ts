import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openAcme } from './open.ts';

type Acme = Awaited<ReturnType<typeof openAcme>>;
const globals = [globalThis.Request, globalThis.Response];

/** fetch() would put the path in order, and would not send another host. */
async function raw(acme: Acme, path: string, { method = 'GET', headers = {} }: http.RequestOptions = {}) {
  const request = http.request({ port: acme.central().port, path, method, headers: { ...headers }, agent: false }).end();
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

test('a path is what was sent: nothing is put in order, and what no URL can be made of is 404 as JSON', async (t) => {
  const acme = await openAcme(t);
  const headers = { Authorization: `Bearer ${await acme.token(['staff'])}` };
  assert.equal((await raw(acme, '/v1/bundle', { headers })).status, 200);
  const absolute = `${acme.central().url}/v1/bundle`;
  for (const path of [
    '/v1/x/../bundle',
    '/v1/./bundle',
    '/v1/%62undle',
    '/v1%2Fbundle',
    '/v1/bundle/',
    '//v1/bundle',
    '/v1\\bundle',
    '*',
    absolute,
  ]) {
    const answer = await raw(acme, path, { headers });
    assert.equal(answer.status, 404, path);
    assert.equal((JSON.parse(answer.body) as { error: string }).error, 'not-found', path);
  }
});

test('no answer depends on the host that was asked for', async (t) => {
  const acme = await openAcme(t);
  for (const host of ['gatehouse.example', 'user@elsewhere', 'a b', '[::', '[0:0:0:0:0:0:0:1]:80', ''])
    assert.equal((await raw(acme, '/health', { headers: { Host: host } })).status, 200, host);
});

test('HEAD has the headers of GET, and 405 names what is allowed', async (t) => {
  const acme = await openAcme(t);
  const headers = { Authorization: `Bearer ${await acme.token(['staff'])}`, 'Accept-Encoding': 'identity' };
  for (const path of ['/v1/bundle', '/v0.1/servers', '/.well-known/gatehouse-configuration']) {
    const [get, head] = [await raw(acme, path, { headers }), await raw(acme, path, { headers, method: 'HEAD' })];
    assert.equal(head.body, '');
    assert.deepEqual({ ...head.headers, date: '' }, { ...get.headers, date: '' }, path);
    assert.equal(Number(head.headers['content-length']), get.body.length, path);
  }
  const allowed = { '/v1/ledger': 'POST, GET', '/v0.1/servers': 'GET, OPTIONS', '/v1/receipts': 'POST' };
  for (const [path, methods] of Object.entries(allowed)) {
    const answer = await raw(acme, path, { method: 'PUT' });
    assert.deepEqual([answer.status, answer.headers.allow], [405, methods]);
  }
});

test('an error closes the connection where a body was not read, and only there', async (t) => {
  const acme = await openAcme(t);
  const ask = async (request: string) => {
    const socket = connect(acme.central().port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.write(request);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return /^connection: (.*)$/im.exec(answer.toString())?.[1]?.trim();
  };
  const head = 'Host: a\r\nContent-Type: application/json\r\n';
  for (const path of ['/v1/requests', '/nowhere', '*']) {
    assert.equal(await ask(`POST ${path} HTTP/1.1\r\n${head}Content-Length: 50\r\n\r\n{`), 'close', path);
    assert.equal(await ask(`POST ${path} HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\n`), 'keep-alive', path);
  }
  assert.equal(await ask(`GET /v0.1/servers/%zz/versions HTTP/1.1\r\nHost: a\r\n\r\n`), 'keep-alive');
});

test('the globals of the process stay as they were', async (t) => {
  await openAcme(t);
  assert.deepEqual([globalThis.Request, globalThis.Response], globals);
});
