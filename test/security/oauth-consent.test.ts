import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { makeBundle, openTestGateway, raw } from '../support/gateway.ts';
import { oauthAgent, pkce } from '../support/oauth-agent.ts';

/** Attacks on the way to the person's word: web pages, other programs, redirects, floods. */

async function open(t: TestContext) {
  const clock = { now: Date.now() };
  const gateway = await openTestGateway(makeBundle({ servers: [] }), { now: () => clock.now });
  t.after(() => gateway.close());
  const { origin } = new URL(gateway.url);
  const agent = oauthAgent(origin, gateway.authorization);
  const ask = (fields: Record<string, string | undefined>, headers?: Record<string, string>) =>
    agent.authorize({ code_challenge: pkce().challenge, ...fields }, headers);
  return { ...gateway, clock, origin, agent, ask, pending: () => gateway.authorization.pending() };
}

const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

test('a web page that opens the authorization URL gets no consent, nor a question to the person', async (t) => {
  const { ask, agent, pending, origin } = await open(t);
  const client_id = await agent.registered();
  for (const site of ['cross-site', 'same-site'])
    for (let time = 0; time < 50; time++) {
      const { status, text, headers } = await ask({ client_id }, { ...navigation, 'sec-fetch-site': site });
      assert.equal(status, 200);
      assert.match(text, /nothing has happened/);
      assert.doesNotMatch(text, /<script|<form|<button/);
      assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/);
      assert.match(text, /href="\/authorize\?response_type=code&#38;/);
    }
  for (const [mode, dest] of [
    ['no-cors', 'image'],
    ['navigate', 'iframe'],
    ['navigate', 'embed'],
    ['cors', 'empty'],
    ['no-cors', 'script'],
  ])
    assert.equal(
      (await ask({ client_id }, { 'sec-fetch-mode': mode!, 'sec-fetch-dest': dest!, 'sec-fetch-site': 'cross-site' })).status,
      403,
    );
  for (const header of ['sec-purpose', 'purpose'])
    assert.equal((await ask({ client_id }, { ...navigation, 'sec-fetch-site': 'none', [header]: 'prefetch;prerender' })).status, 403);
  assert.equal(pending().length, 0);
  // The person follows the link, or the agent opened the browser: now there is a question, and still no answer.
  for (const site of ['same-origin', 'none']) {
    const { status, headers } = await ask({ client_id }, { ...navigation, 'sec-fetch-site': site });
    assert.equal(status, 303);
    const wait = await raw(`${origin}${headers.location}`, { method: 'GET' });
    assert.doesNotMatch(wait.text, /<form|<button|<input/);
  }
  assert.equal(pending().length, 2);
});

test('the page that waits cannot be framed, read from elsewhere, or made to allow', async (t) => {
  const { ask, agent, origin, pending, authorization } = await open(t);
  const { headers: begun } = await ask({ client_id: await agent.registered({ client_name: '<script>alert(1)</script>' }) });
  const wait = String(begun.location);
  const { headers, text } = await raw(`${origin}${wait}`, { method: 'GET' });
  assert.equal(headers['x-frame-options'], 'DENY');
  assert.equal(headers['access-control-allow-origin'], undefined);
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.equal(headers['cache-control'], 'no-store');
  const policy = String(headers['content-security-policy']);
  for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"])
    assert.ok(policy.includes(part));
  assert.doesNotMatch(policy, /unsafe/);
  assert.doesNotMatch(text, /alert\(1\)/);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    for (const path of [wait, `${wait}/outcome`, `${wait}/allow`, '/authorize'])
      assert.equal((await raw(`${origin}${path}`, { method, body: 'allow=true' })).status, 405);
  for (const site of ['cross-site', 'same-site', 'none']) assert.equal((await agent.outcome(wait, { 'sec-fetch-site': site })).status, 403);
  assert.equal((await agent.outcome(wait, { origin: 'https://evil.example' })).status, 403);
  for (const guess of ['', 'x', 'A'.repeat(43), `${wait.slice(0, -1)}!`]) {
    const path = guess.startsWith('/') ? guess : `/authorize/wait/${guess}`;
    assert.equal((await raw(`${origin}${path}`, { method: 'GET' })).status, 404);
    assert.equal((await agent.outcome(path)).status, 404);
  }
  assert.equal(pending().length, 1);
  authorization.deny(pending()[0]!.id);
});

test('where the browser goes on is told once', async (t) => {
  const { ask, agent, pending, authorization, origin } = await open(t);
  const { headers } = await ask({ client_id: await agent.registered() });
  const wait = String(headers.location);
  const waiting = agent.outcome(wait);
  await new Promise((done) => setTimeout(done, 50));
  authorization.allow(pending()[0]!.id, {});
  const to = new URL((await waiting).json()['to'] as string);
  assert.equal(to.origin, 'http://127.0.0.1:7777');
  assert.match(to.searchParams.get('code')!, /^ghc_/);
  assert.equal((await agent.outcome(wait)).status, 404);
  assert.equal((await raw(`${origin}${wait}`, { method: 'GET' })).status, 404);
  assert.deepEqual(pending(), []);
});

test('a denial is told to the agent; it gives no code', async (t) => {
  const { agent, authorization } = await open(t);
  const client_id = await agent.registered();
  const to = await agent.sentTo({ client_id, code_challenge: pkce().challenge }, (id) => authorization.deny(id));
  assert.deepEqual(
    [to.searchParams.get('error'), to.searchParams.get('code'), to.searchParams.get('state'), to.searchParams.get('iss')],
    ['access_denied', null, 'a state', new URL(agent.authorizeUrl({})).origin],
  );
});

test('a redirect to another place than the client declared is refused on our own page', async (t) => {
  const { ask, agent, pending } = await open(t);
  const client_id = await agent.registered({
    redirect_uris: [
      'http://127.0.0.1:7777/callback',
      'https://agent.example/cb',
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'http://localhost/cb?x=1',
    ],
  });
  for (const redirect_uri of [
    'https://evil.example/callback',
    'http://evil.example/callback',
    'http://127.0.0.1:7777/other',
    'http://127.0.0.1:7777/callback/',
    'http://127.0.0.1:7777/callback?more=1',
    'http://localhost:7777/callback',
    'http://[::1]:7777/callback',
    'http://127.0.0.1.evil.example/callback',
    'http://127.0.0.1@evil.example/callback',
    'http://user:pass@127.0.0.1:7777/callback',
    'http://127.0.0.1:7777/callback#',
    'http://2130706433:7777/callback#x',
    'http://127.0.0.1\\@evil.example/callback',
    'https://agent.example:444/cb',
    'https://agent.example/cb/',
    'https://agent.example.evil.example/cb',
    'https://127.0.0.1:7777/callback',
    'cursor://anysphere.cursor-mcp/oauth/callback?x',
    'cursor://anysphere.cursor-mcp:1/oauth/callback',
    'http://localhost:9/cb?x=2',
    'javascript:alert(1)',
    'data:text/html,x',
    '',
  ]) {
    const { status, headers } = await ask({ client_id, redirect_uri });
    assert.deepEqual([status, headers.location], [400, undefined], redirect_uri);
  }
  assert.equal(pending().length, 0);
});

test('the port is free on loopback, and only there', async (t) => {
  const { ask, agent, authorization, pending } = await open(t);
  const client_id = await agent.registered({
    redirect_uris: ['http://127.0.0.1/callback', 'http://localhost:1/callback', 'http://[::1]:5/callback', 'https://agent.example/cb'],
  });
  for (const [redirect_uri, reach] of [
    ['http://127.0.0.1:50000/callback', 'machine'],
    ['http://localhost:50000/callback', 'machine'],
    ['http://localhost/callback', 'machine'],
    ['http://[::1]:50000/callback', 'machine'],
    ['https://agent.example/cb', 'web'],
  ]) {
    assert.equal((await ask({ client_id, redirect_uri: redirect_uri! })).status, 303, redirect_uri);
    const [request] = pending();
    assert.equal(request!.redirect.reach, reach);
    authorization.deny(request!.id);
  }
});

test('redirect URIs that could start something are not registered', async (t) => {
  const { agent } = await open(t);
  for (const uri of [
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'ms-msdt:/id',
    'search-ms:query=x',
    'vbscript:x',
    'blob:https://a/b',
    'ftp://a.example/',
    'mailto:a@b.example',
    'unknown://x',
    'http://evil.example/cb',
    'http://192.168.0.1/cb',
    'http://127.0.0.1:1/cb#x',
    'http://a@127.0.0.1:1/cb',
    'http://127.0.0.1:1/\u202ecb',
    ' http://127.0.0.1/cb',
    'no uri',
    '',
    `https://a.example/${'x'.repeat(2048)}`,
  ]) {
    const { status, json } = await agent.register({ redirect_uris: [uri] });
    assert.deepEqual([status, json()['error']], [400, 'invalid_redirect_uri'], uri);
  }
  for (const redirect_uris of [[], 'http://127.0.0.1/', Array(11).fill('http://127.0.0.1/cb'), [1], undefined])
    assert.equal((await agent.register({ redirect_uris })).json()['error'], 'invalid_redirect_uri');
  assert.equal((await agent.register({ redirect_uris: ['com.example.agent:/oauth'] })).status, 201);
});

test('what is wrong with a request is told to an agent on this machine, and never carries anybody to a page on the web', async (t) => {
  const { ask, agent, pending, origin } = await open(t);
  const client_id = await agent.registered({ redirect_uris: ['http://127.0.0.1:7777/callback', 'https://agent.example/cb'] });
  for (const [change, error] of [
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ code_challenge: undefined }, 'invalid_request'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge_method: undefined }, 'invalid_request'],
    [{ code_challenge: 'short' }, 'invalid_request'],
    [{ response_mode: 'form_post' }, 'invalid_request'],
    [{ resource: 'https://example.com/mcp' }, 'invalid_target'],
    [{ resource: `${origin}/health` }, 'invalid_target'],
    [{ resource: `${origin}/mcp#x` }, 'invalid_target'],
    [{ resource: `${origin.replace('http', 'https')}/mcp` }, 'invalid_target'],
    [{ resource: 'http://127.0.0.1:1/mcp' }, 'invalid_target'],
    [{ resource: `http://evil@${origin.slice(7)}/mcp` }, 'invalid_target'],
  ] as const) {
    const { status, headers } = await ask({ client_id, ...change });
    const to = new URL(String(headers.location));
    assert.deepEqual([status, to.searchParams.get('error'), to.searchParams.get('iss')], [303, error, origin], JSON.stringify(change));
    const web = await ask({ client_id, ...change, redirect_uri: 'https://agent.example/cb' });
    assert.deepEqual([web.status, web.headers.location], [400, undefined], JSON.stringify(change));
  }
  for (const client of ['nobody', '', undefined]) assert.equal((await ask({ client_id: client })).status, 400);
  assert.equal(pending().length, 0);
});

test('a rebound name reaches nothing of it', async (t) => {
  const { agent, origin, gateway } = await open(t);
  const client_id = await agent.registered();
  for (const host of [
    `evil.example:${gateway.port}`,
    'evil.example',
    `127.0.0.1.evil.example:${gateway.port}`,
    '127.0.0.1',
    `127.0.0.1:${gateway.port + 1}`,
  ]) {
    for (const path of [
      '/.well-known/oauth-authorization-server',
      '/.well-known/oauth-protected-resource/mcp',
      new URL(agent.authorizeUrl({ client_id, code_challenge: pkce().challenge })).href.slice(origin.length),
    ])
      assert.equal((await raw(`${origin}${path}`, { method: 'GET', headers: { host } })).status, 403, `${host} ${path}`);
    for (const path of ['/token', '/register', '/revoke']) assert.equal((await raw(`${origin}${path}`, { headers: { host } })).status, 403);
  }
});

test('a web page cannot post to any endpoint: its Origin gives it away', async (t) => {
  const { origin } = await open(t);
  for (const from of ['https://evil.example', 'null', 'http://localhost:1'])
    for (const [path, type] of [
      ['/register', 'application/json'],
      ['/register', 'text/plain'],
      ['/token', 'application/x-www-form-urlencoded'],
      ['/revoke', 'application/x-www-form-urlencoded'],
    ])
      assert.equal((await raw(`${origin}${path}`, { headers: { origin: from, 'content-type': type! }, body: '{}' })).status, 403);
});

test('a program that opens the authorization URL in a loop fills nothing: the newest of a client stay, and others wait', async (t) => {
  const { ask, agent, pending, authorization, clock } = await open(t);
  const noisy = await agent.registered();
  const seen = new Set<string>();
  for (let time = 0; time < 20; time++) {
    await ask({ client_id: noisy });
    seen.add(pending().at(-1)!.id);
  }
  assert.deepEqual([pending().length, seen.size], [3, 20]);
  const quiet = await agent.registered();
  assert.equal((await ask({ client_id: quiet })).status, 303);
  // As many as a minute lets pass; then it says so to the agent.
  let refused = 0;
  for (let time = 0; time < 30; time++)
    if ((await ask({ client_id: noisy })).headers.location?.includes('temporarily_unavailable')) refused++;
  assert.ok(refused >= 20, `${refused}`);
  assert.equal(pending().length, 4);
  clock.now += 61_000;
  for (let time = 0; time < 12; time++) await ask({ client_id: await agent.registered() });
  assert.equal(pending().length, 12);
  for (const { id } of pending()) authorization.deny(id);
});

test('a flood of registrations pushes out neither agents that got in nor the one that is signing in now', async (t) => {
  const { agent, clock, ask, authorization } = await open(t);
  const { client, tokens } = await agent.signIn();
  let { refresh_token } = await tokens();
  let mine = await agent.registered();
  let limited = 0;
  for (let minute = 0; minute < 12; minute++) {
    clock.now += 61_000;
    if (minute === 9) mine = await agent.registered();
    for (let time = 0; time < 40; time++) if ((await agent.register({ client_name: 'x'.repeat(200) })).status === 429) limited++;
  }
  assert.ok(limited >= 120);
  assert.equal((await ask({ client_id: mine })).status, 303);
  assert.equal((await ask({ client_id: client })).status, 303);
  for (const { id } of authorization.pending()) authorization.deny(id);
  // One that never completed is gone a day later; one that did is not, nor one that is used for half a year without a sign-in.
  clock.now += 2 * 86_400_000;
  await agent.register();
  assert.equal((await ask({ client_id: mine })).status, 400);
  assert.equal((await ask({ client_id: client })).status, 303);
  for (let month = 0; month < 8; month++) {
    clock.now += 27 * 86_400_000;
    refresh_token = ((await agent.refresh(refresh_token, client)).json() as { refresh_token: string }).refresh_token;
  }
  await agent.register();
  assert.equal((await agent.refresh(refresh_token, client)).status, 200);
});

test('the program that listens where the answer goes is looked for, and named in the question', async (t) => {
  const clock = { now: Date.now() };
  const looked: string[] = [];
  const house = await openTestGateway(makeBundle({ servers: [] }), {
    now: () => clock.now,
    listensAt: async (address, port) => {
      looked.push(`${address} ${port}`);
      if (port === 7001) throw new Error('not on this system');
      if (port === 7002) return `the program "${address === '::1' ? 'other' : 'robot'}"`;
      if (port === 7003) return 'the program "robot"';
      return address === '::1' ? 'the program "robot" (process 7)' : undefined;
    },
  });
  t.after(() => house.close());
  const agent = oauthAgent(new URL(house.url).origin);
  const redirect_uris = ['http://localhost/cb', 'http://127.0.0.1/cb', 'https://agent.example:7/cb', 'cursor://x:7/cb'];
  const client_id = await agent.registered({ redirect_uris });
  for (const [redirect_uri, program] of [
    ['http://localhost:7000/cb', 'the program "robot" (process 7)'],
    ['http://localhost:7002/cb', 'the program "robot" or the program "other"'],
    ['http://localhost:7003/cb', 'the program "robot"'],
    ['http://127.0.0.1:7000/cb', undefined],
    ['http://127.0.0.1:7001/cb', undefined],
    ['http://127.0.0.1/cb', undefined],
    ['https://agent.example:7/cb', undefined],
    ['cursor://x:7/cb', undefined],
  ]) {
    assert.equal((await agent.authorize({ client_id, redirect_uri, code_challenge: pkce().challenge })).status, 303);
    const [request] = house.authorization.pending();
    assert.equal(request!.program, program, redirect_uri);
    house.authorization.deny(request!.id);
  }
  assert.deepEqual(
    looked,
    ['127.0.0.1 7000', '::1 7000', '127.0.0.1 7002', '::1 7002', '127.0.0.1 7003', '::1 7003', '127.0.0.1 7000', '127.0.0.1 7001'],
    'a browser may take either address of localhost, so both are looked at',
  );
});

test('a request is over after ten minutes by the clock, also where the machine slept and no timer ran', async (t) => {
  const { agent, ask, pending, authorization, clock } = await open(t);
  await ask({ client_id: await agent.registered() });
  const [request] = pending();
  clock.now = Date.parse(request!.expiresAt);
  assert.throws(() => authorization.allow(request!.id, {}), { code: 'not-found' });
  assert.deepEqual(pending(), []);
});

test('no answer goes to the gateway itself: a denial would ask the next question without a link between', async (t) => {
  const { agent, pending, origin } = await open(t);
  const { port } = new URL(origin);
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
    const next = `http://${host}:${port}/authorize?client_id=x`;
    for (const redirect_uris of [[next], [`http://${host}/authorize?client_id=x`]]) {
      const client_id = await agent.registered({ redirect_uris });
      const answer = await agent.authorize({ client_id, redirect_uri: next, code_challenge: pkce().challenge });
      assert.deepEqual([answer.status, answer.headers.location], [400, undefined], next);
    }
  }
  assert.deepEqual(pending(), []);
});

test('a form that is too large is told so', async (t) => {
  const { agent } = await open(t);
  for (const path of ['/token', '/revoke'])
    for (const size of [17_000, 3_000_000]) assert.equal((await agent.form(path, { token: 'x'.repeat(size) })).status, 413);
});

test('a registration has bounds, and a name from a stranger is one plain line', async (t) => {
  const { agent, ask, pending } = await open(t);
  assert.equal((await agent.register({ client_name: 'x'.repeat(20_000) })).status, 413);
  assert.equal((await agent.register({ client_name: 'x'.repeat(201) })).status, 400);
  assert.equal((await agent.register({ grant_types: ['client_credentials'] })).status, 400);
  const client_id = await agent.registered({ client_name: `  \u001b]0;x\u0007Claude\u202e\n\tCode\u0000 ${'y'.repeat(100)}` });
  await ask({ client_id });
  const { client, name } = pending()[0]!;
  assert.match(client.name, /^Claude Code y{48}$/);
  assert.match(name, /^Claude Code y+$/);
});
