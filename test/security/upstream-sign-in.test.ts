// What a server, its authorization server, a web page or another program could do to a sign-in at an upstream.
import assert from 'node:assert/strict';
import type http from 'node:http';
import { test } from 'node:test';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { raw } from '../support/gateway.ts';
import { serveNoting } from '../support/noting-server.ts';
import { openSigningIn } from '../support/signing-in.ts';

const json = (response: http.ServerResponse, body: unknown) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const metadata = (issuer: string, more: object = {}) => ({
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  registration_endpoint: `${issuer}/reg`,
  code_challenge_methods_supported: ['S256'],
  response_types_supported: ['code'],
  ...more,
});

type Lie = (issuer: string, response: http.ServerResponse, other: string) => unknown;
const resourceAt = '/.well-known/oauth-protected-resource/mcp';
const serverAt = '/.well-known/oauth-authorization-server';

const lies: Record<string, { at: string; lie: Lie; says: RegExp }> = {
  'names the metadata service of a cloud': {
    at: resourceAt,
    lie: (issuer, response) => json(response, { resource: `${issuer}/mcp`, authorization_servers: ['http://169.254.169.254/latest'] }),
    says: /does not go to/,
  },
  'names an address of the company network in the clear': {
    at: resourceAt,
    lie: (issuer, response) => json(response, { resource: `${issuer}/mcp`, authorization_servers: ['http://10.0.0.1/'] }),
    says: /does not go to/,
  },
  'names another scheme': {
    at: resourceAt,
    lie: (issuer, response) => json(response, { resource: `${issuer}/mcp`, authorization_servers: ['file:///etc/passwd'] }),
    says: /cannot be read/,
  },
  'speaks for another server': {
    at: resourceAt,
    lie: (issuer, response, other) => json(response, { resource: `${other}/mcp`, authorization_servers: [issuer] }),
    says: /another server/,
  },
  'speaks for a server below it': {
    at: resourceAt,
    lie: (issuer, response) => json(response, { resource: `${issuer}/mcp/other`, authorization_servers: [issuer] }),
    says: /another server/,
  },
  'sends elsewhere for its metadata': {
    at: resourceAt,
    lie: (_issuer, response, other) => response.writeHead(302, { location: other }).end(),
    says: /sends elsewhere/,
  },
  'answers without an end': {
    at: resourceAt,
    lie: (_issuer, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(' '.repeat(50_000_000)),
    says: /could not be reached/,
  },
  'says that it is another authorization server': {
    at: serverAt,
    lie: (_issuer, response, other) => json(response, metadata(other)),
    says: /says that it is/,
  },
  'would have the code redeemed elsewhere in the clear': {
    at: serverAt,
    lie: (issuer, response) => json(response, metadata(issuer, { token_endpoint: 'http://evil.example/token' })),
    says: /in the clear/,
  },
  'opens something that is no web page': {
    at: serverAt,
    lie: (issuer, response) => json(response, metadata(issuer, { authorization_endpoint: 'ms-msdt:/id' })),
    says: /cannot be read/,
  },
  'registers at the metadata service of a cloud': {
    at: serverAt,
    lie: (issuer, response) => json(response, metadata(issuer, { registration_endpoint: 'https://169.254.169.254/reg' })),
    says: /does not go to/,
  },
  'offers no PKCE': {
    at: serverAt,
    lie: (issuer, response) => json(response, metadata(issuer, { code_challenge_methods_supported: ['plain'] })),
    says: /PKCE/,
  },
  'says nothing of PKCE': {
    at: serverAt,
    lie: (issuer, response) => json(response, metadata(issuer, { code_challenge_methods_supported: undefined })),
    says: /PKCE/,
  },
  'is in trouble, so that the next place would be asked': {
    at: serverAt,
    lie: (_issuer, response) => response.writeHead(503).end(),
    says: /problem of its own/,
  },
  'says something that is not JSON': { at: serverAt, lie: (_issuer, response) => response.writeHead(200).end('<html>'), says: /not JSON/ },
};

for (const [what, { at, lie, says }] of Object.entries(lies))
  test(`a server that ${what} gets nobody's sign-in: the page says why, and nothing is opened`, async (t) => {
    const other = await serveNoting(t);
    const { upstream, signIns, server } = await openSigningIn(t, {
      instead(path, issuer, _request, response) {
        if (path !== at) return false;
        lie(issuer, response, other.origin);
        return true;
      },
    });
    const { url } = await signIns.begin(server);
    const page = await raw(url, { method: 'GET' });
    assert.equal(page.status, 400);
    assert.match(page.text, says);
    assert.equal(page.headers.location, undefined);
    assert.deepEqual(other.seen, []);
    assert.equal(upstream.count('/token'), 0);
  });

test('an authorization server that the company states is the only one: a server that names another is refused', async (t) => {
  const { signIns, server } = await openSigningIn(t, { auth: { issuer: 'http://127.0.0.1:9' } });
  const { url } = await signIns.begin(server);
  assert.match((await raw(url, { method: 'GET' })).text, /which your company states/);
});

/** Goes to the sign-in as far as the answer that the browser is sent back with, and does not follow it. */
async function toTheAnswer(link: string, account: string): Promise<{ callback: string; cookie: string }> {
  const first = await raw(link, { method: 'GET' });
  const cookie = String(first.headers['set-cookie']?.[0]).split(';')[0]!;
  let callback = '';
  const { fetch } = globalThis;
  globalThis.fetch = (async (input: URL | string, init?: RequestInit) => {
    if (!String(input).includes('/oauth/callback/')) return fetch(input, init);
    callback = String(input);
    return new Response('<h1>held</h1>');
  }) as typeof fetch;
  try {
    await driveSignIn(String(first.headers.location), account);
  } finally {
    globalThis.fetch = fetch;
  }
  return { callback, cookie };
}

const get = (url: string, headers: Record<string, string> = {}) => raw(url, { method: 'GET', headers });

test('an answer is taken once, from the browser that began, at the server that it is for, and as it was sent', async (t) => {
  const { signIns, server, upstream, call } = await openSigningIn(t);
  const { url } = await signIns.begin(server);
  const { callback, cookie } = await toTheAnswer(url, 'ann');
  const [place, query] = callback.split('?') as [string, string];
  const state = new URLSearchParams(query).get('state')!;
  const stranger = `${cookie.split('=')[0]}=${'x'.repeat(32)}`;
  const wrong: [string, string, Record<string, string>][] = [
    ['another browser', callback, {}],
    ['a cookie that was made up', callback, { cookie: stranger }],
    ['another state', callback.replace(state, `${state.slice(0, -1)}_`), { cookie }],
    ['no state', `${place}?code=x`, { cookie }],
    ['two states', `${callback}&state=${state}`, { cookie }],
    ['another server', callback.replace('/oauth/callback/own', '/oauth/callback/other'), { cookie }],
    ['an image of a page', callback, { cookie, 'sec-fetch-dest': 'image' }],
    ['a frame', callback, { cookie, 'sec-fetch-dest': 'iframe' }],
    ['a prefetch', callback, { cookie, 'sec-purpose': 'prefetch' }],
  ];
  for (const [what, address, headers] of wrong) {
    const { status } = await get(address, headers);
    assert.ok(status >= 400, what);
  }
  assert.equal((await raw(callback, { method: 'POST', headers: { cookie } })).status, 405);
  assert.ok((await get(callback, { cookie, host: 'evil.example' })).status >= 400, 'DNS rebinding');
  assert.ok((await get(callback, { cookie, origin: 'https://evil.example' })).status >= 400);
  assert.equal(upstream.count('/token'), 0, 'no code was redeemed');
  assert.equal((await get(callback, { cookie })).status, 200);
  assert.equal(upstream.count('/token'), 1);
  assert.ok((await get(callback, { cookie })).status >= 400, 'not a second time');
  assert.equal(upstream.count('/token'), 1);
  assert.deepEqual(await call(), { failed: false, text: 'ann' });
});

test('an answer of another authorization server (mix-up), or without saying whose it is, is not redeemed', async (t) => {
  for (const change of [
    (query: URLSearchParams) => query.set('iss', 'https://evil.example'),
    (query: URLSearchParams) => query.delete('iss'),
  ]) {
    const { signIns, server, upstream } = await openSigningIn(t);
    const { url } = await signIns.begin(server);
    const { callback, cookie } = await toTheAnswer(url, 'ann');
    const [place, query] = callback.split('?') as [string, string];
    const changed = new URLSearchParams(query);
    change(changed);
    const page = await get(`${place}?${changed}`, { cookie });
    assert.equal(page.status, 400);
    assert.equal(upstream.count('/token'), 0);
  }
});

test('the link begins nothing for a page that is not opened as one, and is worthless to the next person', async (t) => {
  const { signIns, server, who } = await openSigningIn(t);
  const { url } = await signIns.begin(server);
  for (const headers of [{ 'sec-fetch-dest': 'image' }, { 'sec-fetch-dest': 'iframe' }, { purpose: 'prefetch' }] as Record<
    string,
    string
  >[])
    assert.ok((await get(url, headers)).status >= 400);
  assert.equal((await get(`${url.slice(0, -1)}_`)).status, 404);
  const page = await get(url);
  assert.equal(page.status, 302);
  assert.match(String(page.headers['set-cookie']), /HttpOnly; SameSite=Lax/);
  who.sub = 'lee';
  assert.equal((await get(url)).status, 404);
});

test('who signs in to Gatehouse in the middle does not get the token of the one before', async (t) => {
  const { signIns, server, who, upstream, call } = await openSigningIn(t);
  const { url } = await signIns.begin(server);
  const { callback, cookie } = await toTheAnswer(url, 'ann');
  who.sub = 'lee';
  assert.equal((await get(callback, { cookie })).status, 400);
  assert.equal(upstream.count('/token'), 0);
  assert.ok((await call()).failed);
});

test('what pages and agents are told holds nothing secret, and no markup of a server', async (t) => {
  const { signIns, server, call, house } = await openSigningIn(t, {
    instead(path, _issuer, _request, response) {
      if (path !== '/token') return false;
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: 'invalid_grant', error_description: '<script>alert(1)</script> code=SECRET' }));
      return true;
    },
  });
  const { url } = await signIns.begin(server);
  const { callback, cookie } = await toTheAnswer(url, 'ann');
  const page = await get(callback, { cookie });
  assert.match(page.text, /invalid_grant/);
  assert.ok(!/script|SECRET/.test(page.text));
  assert.match(String(page.headers['content-security-policy']), /frame-ancestors 'none'/);
  assert.ok(!JSON.stringify(await house.records()).includes(new URLSearchParams(callback.split('?')[1]).get('code')!));
  assert.ok((await call()).failed);
});
