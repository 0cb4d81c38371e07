// Attacks on sign-ins at upstreams that once succeeded: each of these failed before its mechanism was changed.
import assert from 'node:assert/strict';
import dns from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { kindOf } from '../../src/base/address-kind.ts';
import { guardedFetch } from '../../src/base/guarded-fetch.ts';
import type { Vault } from '../../src/base/host.ts';
import { openLog, silent } from '../../src/base/log.ts';
import type { ServerEntry } from '../../src/bundle/schema.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { memoryVault } from '../../src/shell/vault.ts';
import { sendMessage } from '../../src/upstreams/http/legacy-messages.ts';
import type { HttpTarget } from '../../src/upstreams/http/target.ts';
import { readChallenge } from '../../src/upstreams/oauth/challenge.ts';
import { discover } from '../../src/upstreams/oauth/discovery.ts';
import { type Kept, storeName } from '../../src/upstreams/oauth/kept.ts';
import { openSignIns } from '../../src/upstreams/oauth/sign-ins.ts';
import { Tickets } from '../../src/upstreams/oauth/tickets.ts';
import { SignInNeeded } from '../../src/upstreams/upstream.ts';
import { allowAll, entry, makeBundle, modernRequest, raw } from '../support/gateway.ts';
import { lockable } from '../support/host.ts';
import { serveNoting } from '../support/noting-server.ts';
import { openSigningIn } from '../support/signing-in.ts';

type House = Awaited<ReturnType<typeof openSigningIn>>;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
async function until(done: () => boolean, ms = 3000): Promise<void> {
  for (const end = Date.now() + ms; !done() && Date.now() < end; ) await pause(10);
  assert.ok(done(), 'it did not come to that');
}
const get = (url: string, headers: Record<string, string> = {}) => raw(url, { method: 'GET', headers });
const linkIn = (text: string): string | undefined => /http:\S+\/sign-in\/[\w-]+/.exec(text)?.[0];
const json = (response: http.ServerResponse, status: number, body: unknown, headers: http.OutgoingHttpHeaders = {}): true => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  return true;
};
/** Holds whoever waits for it. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, open: resolve };
}

/** Rejections that nobody handles: Node ends the process at the first. */
function unhandled(t: TestContext): unknown[] {
  const crashes: unknown[] = [];
  const note = (error: unknown) => crashes.push(error);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  return crashes;
}

/** A legacy agent that can send its person to an address, and says at once that they went there. */
async function asking(t: TestContext, { house }: House, asked: (url: string) => unknown) {
  const client = new Client({ name: 'agent', version: '1.0.0' }, { capabilities: { elicitation: { url: {} } } });
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    await asked((params as { url: string }).url);
    return { action: 'accept' };
  });
  const requestInit = { headers: { authorization: `Bearer ${house.token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(house.url), { requestInit }) as unknown as Transport);
  t.after(() => client.close());
  return (name: string, signal?: AbortSignal) =>
    client.callTool({ name: `own__${name}`, arguments: {} }, undefined, { timeout: 20_000, ...(signal ? { signal } : {}) }) as Promise<{
      isError?: boolean;
      content: { text: string }[];
    }>;
}

// ---- Whose token is used

test('a call that one person began, and that the server refuses after another one came, is not made again with the token of the other one', async (t) => {
  const held = gate();
  let holds = false;
  const at = await openSigningIn(t, {
    instead: async (path, _issuer, request, response) => {
      if (!holds || path !== '/mcp' || request.method !== 'POST') return false;
      holds = false;
      await held.promise;
      response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
      return true;
    },
  });
  at.who.sub = 'lee';
  await at.call();
  await at.signIn('bob');
  at.who.sub = 'pat';
  await at.signIn('ann');
  assert.equal((await at.call()).text, 'ann');
  holds = true;
  const pats = at.call('write');
  await until(() => !holds);
  at.who.sub = 'lee';
  held.open();
  await pats;
  assert.deepEqual(
    at.upstream.log.map(({ sub }) => sub),
    ['ann'],
    "Pat's call was carried out as Lee's account",
  );
});

test('a call that waits for the sign-in of one person does not go on as the next person', async (t) => {
  const at = await openSigningIn(t);
  at.who.sub = 'lee';
  await at.call();
  await at.signIn('bob');
  at.who.sub = 'pat';
  let asked = 0;
  const callTool = await asking(t, at, () => asked++);
  const pats = callTool('write').catch(() => undefined);
  await until(() => asked === 1);
  await pause(100);
  at.who.sub = 'lee';
  // Whatever Lee does first ends Pat's ticket, and with it the waiting of Pat's call.
  at.signIns.state(at.server);
  await Promise.race([pats, pause(2000)]);
  assert.deepEqual(
    at.upstream.log.map(({ sub }) => sub),
    [],
    "Pat's call was carried out as Lee's account",
  );
});

test('a call that waits for a sign-in is decided again when it goes on: the rules may have changed in ten minutes', async (t) => {
  const at = await openSigningIn(t);
  let asked = 0;
  const callTool = await asking(t, at, () => asked++);
  const waiting = callTool('write').catch(() => undefined);
  await until(() => asked === 1);
  await pause(100);
  const policies = `${allowAll}\n@id("no") @reason("test") forbid(principal, action, resource == Tool::"own/write");`;
  await at.house.apply(makeBundle({ servers: [at.server], version: 2, policies }));
  await at.signIn('ann');
  await Promise.race([waiting, pause(3000)]);
  assert.equal(at.upstream.log.length, 0, 'a forbidden call was carried out');
});

test('a call that waits for a sign-in ends when its server is taken out of the bundle', async (t) => {
  const at = await openSigningIn(t);
  let asked = 0;
  const callTool = await asking(t, at, () => asked++);
  const waiting = callTool('who').catch(() => undefined);
  await until(() => asked === 1);
  await pause(100);
  at.entries.present = [];
  await at.house.apply(makeBundle({ servers: [], version: 2 }));
  await at.signIns.follow([]);
  assert.notEqual(await Promise.race([waiting.then(() => 'ended'), pause(2000).then(() => 'waits')]), 'waits');
});

test('a call whose own sign-in was made goes on, whatever another call waits for at that server', async (t) => {
  const at = await openSigningIn(t, { scopes: { write: 'w:all' } });
  const answered = gate();
  let url = '';
  const callTool = await asking(t, at, async (address) => {
    url = address;
    await answered.promise;
  });
  const first = callTool('who').catch(() => undefined);
  await until(() => url !== '');
  await driveSignIn(url, 'ann');
  assert.ok(linkIn((await at.call('write')).text), 'another call needs more scope, and nobody gives it');
  answered.open();
  assert.notEqual(await Promise.race([first.then(() => 'ended'), pause(2000).then(() => 'waits')]), 'waits');
});

// ---- Unavailable is not absent

test('an authorization server that is away for a moment while the server refuses the token ends no sign-in', async (t) => {
  let away = false;
  const at = await openSigningIn(t, {
    instead: (path, _issuer, _request, response) => away && path === '/token' && json(response, 503, {}),
  });
  await at.signIn();
  assert.ok(!(await at.call()).failed);
  away = true;
  at.upstream.state.refuses = true;
  await at.call();
  await at.call();
  assert.equal(at.signIns.state(at.server)?.state, 'signed-in', 'the refresh token is as good as before');
  away = false;
  at.upstream.state.refuses = false;
  at.forward(6_000);
  assert.deepEqual(await at.call(), { failed: false, text: 'ann' });
});

test('a client that the authorization server does not know any more (401 with WWW-Authenticate, RFC 6749 section 5.2) asks for a new sign-in', async (t) => {
  let gone = false;
  const at = await openSigningIn(t, {
    lifetime: 60,
    instead: (path, _issuer, _request, response) =>
      gone && path === '/token' && json(response, 401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic realm="as"' }),
  });
  await at.signIn();
  gone = true;
  at.forward(61_000);
  await at.call();
  at.forward(6_000);
  const { text } = await at.call();
  assert.ok(linkIn(text), `nobody can ever call it again: ${text}`);
});

test('a revocation that is answered with 503 is made later', async (t) => {
  let away = true;
  let tries = 0;
  const at = await openSigningIn(t, {
    instead: (path, _issuer, _request, response) => {
      if (path !== '/token/revocation') return false;
      tries++;
      return away && json(response, 503, {});
    },
  });
  await at.signIn();
  await at.signIns.signOut('own');
  await until(() => tries === 1);
  away = false;
  await until(() => tries > 1, 5000);
});

// ---- Rotation and the vault

test('one refresh token is never used twice, also where people take turns while a refresh is under way', async (t) => {
  const held = gate();
  let slow = false;
  const used: string[] = [];
  const at = await openSigningIn(t, {
    lifetime: 60,
    instead: async (path) => {
      if (path === '/token' && slow) {
        used.push('refresh');
        await held.promise;
      }
      return false;
    },
  });
  await at.signIn();
  assert.ok(!(await at.call()).failed);
  at.forward(61_000);
  slow = true;
  const first = at.call();
  await until(() => used.length === 1);
  at.who.sub = 'lee';
  at.signIns.state(at.server);
  at.who.sub = 'pat';
  const second = at.call();
  await pause(300);
  held.open();
  await Promise.all([first, second]);
  assert.equal(used.length, 1, 'the second one replays the token: the server ends the whole sign-in');
});

const another = (t: TestContext, vault: Vault, server: ServerEntry, sub = 'pat') => {
  const signIns = openSignIns({
    vault,
    log: silent,
    now: Date.now,
    origin: () => 'http://127.0.0.1:1',
    person: () => ({ sub, account: `idp ${sub}` }),
    entry: () => server,
    changed() {},
    reset() {},
  });
  t.after(() => signIns.close());
  return signIns;
};

test('a sign-out that the vault did not take is no sign-out: it says so, or is made good later', async (t) => {
  const { vault, state } = lockable(memoryVault());
  const at = await openSigningIn(t, { vault });
  await at.signIn();
  state.locked = true;
  const said = await at.signIns.signOut('own').then(
    () => 'signed out',
    () => 'failed',
  );
  state.locked = false;
  await pause(500);
  const after = await another(t, vault, at.server).credentials.headers(at.server, 'pat', AbortSignal.timeout(1000));
  assert.ok(
    said === 'failed' || after.length === 0,
    'the person was told that they are signed out, and after a restart they are signed in',
  );
});

test('a rotated token whose storing failed is stored as soon as the vault takes it', async (t) => {
  const { vault, state } = lockable(memoryVault());
  const at = await openSigningIn(t, { vault, lifetime: 60 });
  await at.signIn();
  state.locked = true;
  at.forward(61_000);
  assert.ok(!(await at.call()).failed);
  state.locked = false;
  for (let n = 0; n < 5; n++) await at.call();
  await pause(500);
  const stored = JSON.parse((await vault.get(storeName('idp pat')))!) as { servers: Record<string, Kept> };
  const [used] = at.upstream.asked
    .filter(({ body }) => body.get('grant_type') === 'refresh_token')
    .map(({ body }) => body.get('refresh_token'));
  assert.notEqual(stored.servers['own']!.refreshToken, used, 'a restart replays a used refresh token');
});

test('who signs out of Gatehouse before anything was called leaves no sign-in behind', async (t) => {
  const vault = memoryVault();
  const at = await openSigningIn(t, { vault });
  await at.signIn();
  const next = another(t, vault, at.server);
  await next.leave();
  assert.equal(await vault.get(storeName('idp pat')), undefined);
});

test('a server whose revocation hangs does not keep the sign-ins at others alive when the person signs out of Gatehouse', async (t) => {
  const vault = memoryVault();
  let hangs = false;
  const at = await openSigningIn(t, {
    vault,
    instead: async (path) => {
      if (path === '/token/revocation' && hangs) await pause(3000);
      return false;
    },
  });
  await at.signIn();
  // A second server of the same person.
  const stored = JSON.parse((await vault.get(storeName('idp pat')))!) as { format: number; servers: Record<string, Kept> };
  stored.servers['other'] = { ...stored.servers['own']!, url: 'https://other.example/mcp' };
  await vault.set(storeName('idp pat'), JSON.stringify(stored));
  hangs = true;
  const next = another(t, vault, at.server);
  await next.credentials.headers(at.server, 'pat', AbortSignal.timeout(1000));
  const leaving = next.leave();
  await pause(1500);
  const left = await vault.get(storeName('idp pat'));
  await leaving;
  assert.equal(left, undefined, 'a program that ends now leaves them there');
});

test('an authorization server that cannot be reached holds up the revocations at no other one', async (t) => {
  const vault = memoryVault();
  const at = await openSigningIn(t, { vault });
  await at.signIn();
  const stored = JSON.parse((await vault.get(storeName('idp pat')))!) as { format: number; servers: Record<string, Kept> };
  const own = stored.servers['own']!;
  // First the one that is away: nothing listens on this port.
  const metadata = { ...own.metadata, revocation_endpoint: 'http://127.0.0.1:9/revoke' };
  stored.servers = { away: { ...own, url: 'https://away.example/mcp', metadata }, own };
  await vault.set(storeName('idp pat'), JSON.stringify(stored));
  const next = another(t, vault, at.server);
  await next.credentials.headers(at.server, 'pat', AbortSignal.timeout(1000));
  await next.leave();
  await until(() => at.upstream.count('/token/revocation') === 1, 3000);
});

// ---- What a token belongs to

test('a token belongs to an issuer: where the company states another one, the former token is not sent any more', async (t) => {
  const at = await openSigningIn(t);
  await at.signIn();
  assert.ok(!(await at.call()).failed);
  const moved: ServerEntry = { ...at.server, auth: { type: 'oauth', issuer: 'https://new.example' } };
  at.entries.present = [moved];
  await at.house.apply(makeBundle({ servers: [moved], version: 2 }));
  await at.signIns.follow([moved]);
  const before = at.upstream.log.length;
  await at.call();
  assert.equal(at.upstream.log.length, before, 'the token of the former issuer was used');
});

test("where `resource` is not sent, the server does not choose by its scopes for which other service the person's token is good", async (t) => {
  const at = await openSigningIn(t, {
    auth: { resource: false, scope: 'mcp' },
    instead: (path, issuer, request, response) => {
      if (path !== '/mcp' || request.headers.authorization !== undefined) return false;
      const about = `resource_metadata="${issuer}/.well-known/oauth-protected-resource/mcp"`;
      response.writeHead(401, { 'www-authenticate': `Bearer scope="mcp https://graph.example/Mail.ReadWrite", ${about}` }).end();
      return true;
    },
  });
  const link = linkIn((await at.call()).text)!;
  const page = await get(link);
  const asked = new URL(page.headers.location!).searchParams.get('scope')!;
  assert.ok(!asked.includes('graph.example'), asked);
});

test('a name that its owner points at this machine opens no way into this machine', async (t) => {
  const { seen, origin } = await serveNoting(t);
  const real = dns.lookup;
  // Its owner's DNS, which answers each question as they like.
  dns.lookup = (async (name: string, options: object) =>
    name === 'evil.example' ? [{ address: '127.0.0.1', family: 4 }] : real(name, options)) as typeof dns.lookup;
  syncBuiltinESMExports();
  t.after(() => {
    dns.lookup = real;
    syncBuiltinESMExports();
  });
  const server = entry({ id: 'evil', url: 'https://evil.example/mcp', auth: { type: 'oauth' } });
  const heard = { resourceMetadata: `${origin}/admin/delete-everything` };
  await discover(server, { type: 'oauth' }, heard).catch(() => {});
  assert.deepEqual(seen, [], 'a request of ours reached a service on this machine');
});

test("whatever a bundle says, a person's token goes out over TLS or stays on this machine, and beside no other Authorization", async (t) => {
  const vault = memoryVault();
  const at = await openSigningIn(t, { vault });
  await at.signIn();
  const stored = JSON.parse((await vault.get(storeName('idp pat')))!) as { format: number; servers: Record<string, Kept> };
  stored.servers['own']!.url = 'http://10.1.2.3/mcp';
  await vault.set(storeName('idp pat'), JSON.stringify(stored));
  const clear: ServerEntry = { ...at.server, url: 'http://10.1.2.3/mcp' };
  const headers = async () => await another(t, vault, clear).credentials.headers(clear, 'pat', AbortSignal.timeout(1000));
  await assert.rejects(headers(), 'the token goes out in the clear');
});

// ---- Who signs in, and for how often

test('a second visit of the link (the agent, a preview) does not end the sign-in that the person is in the middle of, nor register another client', async (t) => {
  const at = await openSigningIn(t);
  const { url } = await at.signIns.begin(at.server);
  const first = await get(url);
  const cookie = String(first.headers['set-cookie']?.[0]).split(';')[0]!;
  for (let n = 0; n < 5; n++) await get(url);
  const state = new URL(first.headers.location!).searchParams.get('state')!;
  const redirect = new URL(first.headers.location!).searchParams.get('redirect_uri')!;
  const answer = await get(`${redirect}?error=access_denied&state=${state}&iss=${encodeURIComponent(at.upstream.issuer)}`, { cookie });
  assert.match(answer.text, /access_denied/, 'the answer that the person comes back with is not known any more');
  assert.equal(at.upstream.count('/reg'), 1);
});

test('a server that wants ever more scopes by 401 gets no more step-ups than one that does it by 403', async (t) => {
  let wanted = 0;
  const given = new Set<number>();
  const at = await openSigningIn(t, {
    era: 'modern',
    instead: async (path, issuer, request, response) => {
      if (path !== '/mcp' || request.headers['mcp-method'] !== 'tools/call' || wanted === 0) return false;
      given.add(wanted);
      const about = `resource_metadata="${issuer}/.well-known/oauth-protected-resource/mcp"`;
      response.writeHead(401, { 'www-authenticate': `Bearer error="invalid_token", scope="mcp s${wanted}", ${about}` }).end();
      return true;
    },
  });
  await at.signIn();
  assert.ok(!(await at.call()).failed);
  let links = 0;
  for (wanted = 1; wanted < 8; wanted++) {
    const link = linkIn((await at.call()).text);
    if (link === undefined) break;
    links++;
    await driveSignIn(link, 'ann').catch(() => {});
  }
  assert.ok(links <= 3, `the person was asked ${links} times`);
});

/** A sign-in whose code is on its way to the token endpoint, which answers when `held` is opened. */
async function redeeming(t: TestContext) {
  const held = gate();
  let redeems = 0;
  const at = await openSigningIn(t, {
    instead: async (path) => {
      if (path === '/token') {
        redeems++;
        await held.promise;
      }
      return false;
    },
  });
  const signing = at.signIn().catch(() => {});
  await until(() => redeems === 1);
  return { at, held, signing };
}

test('a sign-out while the code is redeemed stays a sign-out', async (t) => {
  const { at, held, signing } = await redeeming(t);
  await at.signIns.signOut('own');
  held.open();
  await signing;
  assert.equal(at.signIns.state(at.server)?.state, 'signed-out');
});

test('a token that came too late to be kept is revoked', async (t) => {
  const { at, held, signing } = await redeeming(t);
  at.who.sub = 'lee';
  held.open();
  await signing;
  await until(() => at.upstream.count('/token/revocation') === 1, 1500);
});

test('a new sign-in is not ended by the revocation of the one before, where the server keeps one grant for a person and a client (RFC 7009 section 2.1)', async (t) => {
  let revokes = false;
  const at = await openSigningIn(t, {
    scopes: { write: 'w:all' },
    instead: (path, _issuer, _request, response) => {
      if (revokes && path === '/token/revocation') {
        // "the authorization server SHOULD also invalidate all access tokens based on the same authorization grant"
        at.upstream.state.refuses = true;
        response.writeHead(200).end();
        return true;
      }
      return revokes && at.upstream.state.refuses && path === '/token' && json(response, 400, { error: 'invalid_grant' });
    },
  });
  await at.signIn();
  await at.call();
  const link = linkIn((await at.call('write')).text)!;
  revokes = true;
  await driveSignIn(link, 'ann');
  await pause(300);
  assert.deepEqual(await at.call('write'), { failed: false, text: 'ann' });
});

test('no session that was begun with one account is used with the token of another one, also where a call was under way', async (t) => {
  const held = gate();
  let holds = false;
  const sessions = new Map<string, string | undefined>();
  const mixed: string[] = [];
  const at = await openSigningIn(t, {
    instead: async (path, _issuer, request, response) => {
      if (path !== '/mcp') return false;
      const bearer = request.headers.authorization;
      const id = request.headers['mcp-session-id'];
      if (id === undefined && bearer !== undefined && request.method === 'POST') {
        const fresh = `s${sessions.size}`;
        sessions.set(fresh, bearer);
        response.setHeader('mcp-session-id', fresh);
      }
      if (typeof id === 'string' && request.method === 'POST' && bearer !== undefined && sessions.get(id) !== bearer) mixed.push(id);
      if (holds && request.method === 'POST' && id !== undefined) {
        holds = false;
        await held.promise;
      }
      return false;
    },
  });
  await at.signIn('ann');
  assert.equal((await at.call()).text, 'ann');
  holds = true;
  const long = at.call();
  await until(() => !holds);
  await at.signIns.signOut('own');
  await at.signIn('bob');
  await at.call();
  held.open();
  await long;
  assert.deepEqual(mixed, []);
});

// ---- Bounds

test('what a server asks for in its 403s does not add up without an end', async () => {
  const tickets = new Tickets(Date.now);
  const scope = Array.from({ length: 45 }, (_, n) => `${n}`.padEnd(160, 'x')).join(' ');
  for (let n = 0; n < 500; n++) tickets.for('own', 'pat', { scope });
  const { length } = tickets.of('own')!.scope;
  tickets.clear();
  assert.ok(length < 20_000, `${length} characters after 500 refused calls`);
});

test('no WWW-Authenticate keeps everybody waiting', () => {
  const header = `Bearer${' '.repeat(8100)}"`;
  readChallenge(header);
  const start = performance.now();
  for (let n = 0; n < 5; n++) readChallenge(header);
  const each = (performance.now() - start) / 5;
  assert.ok(each < 5, `${each.toFixed(1)} ms for one header`);
});

test('a page says nothing of a server but a code', async (t) => {
  const at = await openSigningIn(t, {
    instead: (path, issuer, _request, response) =>
      path === '/.well-known/oauth-authorization-server' &&
      json(response, 200, {
        issuer: 'Your computer is locked. Call 0800 12345',
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        code_challenge_methods_supported: ['S256'],
      }),
  });
  const { url } = await at.signIns.begin(at.server);
  const { text } = await get(url);
  assert.ok(!text.includes('0800'), text.slice(-400));
});

test('IPv4 addresses in the translated form of IPv6 (SIIT, `::ffff:0:0:0/96`) are of the kind of what they stand for', () => {
  assert.notEqual(kindOf('::ffff:0:127.0.0.1'), 'public');
  assert.notEqual(kindOf('::ffff:0:a9fe:a9fe'), 'public');
});

// ---- The process, the record and the person

test('a call that waits for a sign-in and is cancelled does not end the process', async (t) => {
  const crashes = unhandled(t);
  const at = await openSigningIn(t);
  let asked = 0;
  const callTool = await asking(t, at, () => asked++);
  const cancel = new AbortController();
  const waiting = callTool('who', cancel.signal).catch(() => {});
  await until(() => asked === 1);
  await pause(150);
  cancel.abort();
  await waiting;
  await pause(1500);
  assert.deepEqual(crashes.map(String), [], 'a rejection that nobody handles: Node ends the process');
});

test('an issuer of its own that the company states opens the inside to no server that is outside', async (t) => {
  const { seen, origin } = await serveNoting(t);
  const auth = { type: 'oauth', issuer: 'http://127.0.0.1:9' } as const;
  const server = entry({ id: 'public', url: 'https://1.1.1.1/mcp', auth });
  await discover(server, auth, { resourceMetadata: `${origin}/admin` }).catch(() => {});
  assert.deepEqual(seen, [], 'a server in the internet had us ask a service on this machine');
});

test('many calls of one agent that miss the same sign-in put one question to its person', async (t) => {
  const at = await openSigningIn(t);
  let asked = 0;
  const callTool = await asking(t, at, () => asked++);
  const calls = Array.from({ length: 10 }, () => callTool('who').catch(() => {}));
  await until(() => asked > 0);
  await pause(1000);
  await at.signIn('ann');
  await Promise.all(calls);
  assert.equal(asked, 1);
});

test('a log at its finest level holds no link of a sign-in', async (t) => {
  const file = join(await mkdtemp(join(tmpdir(), 'gatehouse-test-')), 'log');
  t.after(() => rm(dirname(file), { recursive: true, force: true }));
  const log = openLog(file, 'debug');
  const target = {
    credential: () =>
      Promise.reject(new SignInNeeded('it wants the person to sign in', 'http://127.0.0.1:1/sign-in/SECRET-TICKET', 'name')),
  } as unknown as HttpTarget;
  sendMessage(target, [], { method: 'notifications/cancelled' }, { log, server: 'own' });
  await pause(500);
  const text = await readFile(file, 'utf8');
  assert.match(text, /did not reach/);
  assert.ok(!text.includes('SECRET-TICKET'), text);
});

test('a sign-in whose token has ended, and cannot be refreshed, is not shown as one', async (t) => {
  const at = await openSigningIn(t, {
    lifetime: 60,
    instead: async (path, _issuer, request, response) => {
      if (path !== '/token') return false;
      // An authorization server that gives no refresh token.
      const end = response.end.bind(response);
      response.end = ((body: Buffer | string) => {
        const { refresh_token: _token, ...rest } = JSON.parse(String(body)) as Record<string, unknown>;
        const text = JSON.stringify(rest);
        response.setHeader('content-length', Buffer.byteLength(text));
        return end(text);
      }) as typeof response.end;
      return request.destroyed;
    },
  });
  await at.signIn();
  assert.equal(at.signIns.state(at.server)?.state, 'signed-in');
  at.forward(61_000);
  assert.ok((await at.call()).failed);
  assert.equal(at.signIns.state(at.server)?.state, 'signed-out');
});

test('a server that the company moved away from does not choose where people sign in to the new one', async (t) => {
  const evil = http.createServer((request, response) => {
    const origin = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
    if (request.url === '/about') json(response, 200, { resource: `${next.url}`, authorization_servers: [origin] });
    else if (request.url === '/.well-known/oauth-authorization-server')
      json(response, 200, {
        issuer: origin,
        authorization_endpoint: `${origin}/auth`,
        token_endpoint: `${origin}/token`,
        registration_endpoint: `${origin}/reg`,
        code_challenge_methods_supported: ['S256'],
      });
    else if (request.url === '/reg') json(response, 201, { client_id: 'x' });
    else response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${origin}/about"` }).end();
  });
  evil.listen(0, '127.0.0.1');
  await once(evil, 'listening');
  t.after(() => evil.close());
  const at = await openSigningIn(t);
  const next = at.server;
  const former: ServerEntry = { ...next, url: `http://127.0.0.1:${(evil.address() as AddressInfo).port}/mcp` };
  at.entries.present = [former];
  await at.house.apply(makeBundle({ servers: [former], version: 2 }));
  const link = linkIn((await at.call()).text)!;
  at.entries.present = [next];
  await at.house.apply(makeBundle({ servers: [next], version: 3 }));
  await at.signIns.follow([next]);
  const page = await get(link);
  if (page.status === 302) assert.equal(new URL(page.headers.location!).origin, at.upstream.issuer);
});

test('behind a proxy, no spelling of this machine is passed to it for a server that is outside', async (t) => {
  const asked: string[] = [];
  const proxy = http.createServer().on('connect', (request, socket) => {
    asked.push(request.url!);
    socket.destroy();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const before = process.env['https_proxy'];
  process.env['https_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  t.after(() => {
    if (before === undefined) delete process.env['https_proxy'];
    else process.env['https_proxy'] = before;
    proxy.close();
  });
  for (const url of ['https://localhost/', 'https://localhost./', 'https://x.localhost./', 'https://[::ffff:0:7f00:1]/'])
    await guardedFetch('public')(url).catch(() => {});
  assert.deepEqual(asked, []);
});

test('a server that refuses its stream (GET) with 401 ends no sign-in whose token it takes for calls', async (t) => {
  const at = await openSigningIn(t, {
    instead: (path, issuer, request, response) => {
      if (path !== '/mcp' || request.method !== 'GET') return false;
      const about = `resource_metadata="${issuer}/.well-known/oauth-protected-resource/mcp"`;
      response.writeHead(401, { 'www-authenticate': `Bearer error="invalid_token", ${about}` }).end();
      return true;
    },
  });
  await at.signIn();
  await at.call();
  await pause(1000);
  assert.deepEqual(await at.call(), { failed: false, text: 'ann' });
  assert.equal(at.signIns.state(at.server)?.state, 'signed-in');
});

test('a tool that answers 401 ends no sign-in whose token the server takes for other tools', async (t) => {
  const at = await openSigningIn(t, {
    era: 'modern',
    instead: (path, issuer, request, response) => {
      if (path !== '/mcp' || request.headers['mcp-name'] !== 'admin') return false;
      const about = `resource_metadata="${issuer}/.well-known/oauth-protected-resource/mcp"`;
      response.writeHead(401, { 'www-authenticate': `Bearer error="invalid_token", ${about}` }).end();
      return true;
    },
  });
  await at.signIn();
  assert.ok(!(await at.call()).failed);
  await at.call('admin');
  assert.deepEqual(await at.call(), { failed: false, text: 'ann' }, 'any agent can have its person sign in again and again');
});

test('an agent that is revoked while its call waits for a sign-in does not end the process', async (t) => {
  const crashes = unhandled(t);
  const at = await openSigningIn(t);
  let asked = 0;
  const callTool = await asking(t, at, () => asked++);
  void callTool('who').catch(() => {});
  await until(() => asked === 1);
  await pause(150);
  at.house.gateway.dismiss('Tester');
  await pause(1500);
  assert.deepEqual(crashes.map(String), []);
});

test('who quits while a token is renewed keeps the sign-in: the new refresh token is stored before the end', async (t) => {
  const vault = memoryVault();
  let rotated = 0;
  let slow = false;
  const at = await openSigningIn(t, {
    vault,
    lifetime: 60,
    instead: (path, _issuer, _request, response) => {
      if (path !== '/token' || !slow) return false;
      // It has rotated, and its answer is on the way.
      const end = response.end.bind(response);
      response.end = ((body: Buffer | string) => {
        rotated++;
        setTimeout(() => end(body), 400);
        return response;
      }) as typeof response.end;
      return false;
    },
  });
  await at.signIn();
  await at.call();
  slow = true;
  at.forward(61_000);
  void at.call();
  await until(() => rotated === 1);
  await (at.signIns.close() as unknown as Promise<void>);
  const stored = JSON.parse((await vault.get(storeName('idp pat')))!) as { servers: Record<string, Kept> };
  const [used] = at.upstream.asked
    .filter(({ body }) => body.get('grant_type') === 'refresh_token')
    .map(({ body }) => body.get('refresh_token'));
  await pause(600);
  const [sent] = at.upstream.asked
    .filter(({ body }) => body.get('grant_type') === 'refresh_token')
    .map(({ body }) => body.get('refresh_token'));
  assert.notEqual(stored.servers['own']!.refreshToken, used ?? sent, 'the next start replays it, and the server ends the whole sign-in');
});

test('a token is asked for the server itself, and not for all that share its origin (RFC 9728 section 3.3)', async (t) => {
  const at = await openSigningIn(t, {
    instead: (path, issuer, _request, response) =>
      path === '/.well-known/oauth-protected-resource/mcp' &&
      json(response, 200, { resource: `${issuer}/`, authorization_servers: [issuer] }),
  });
  const { url } = await at.signIns.begin(at.server);
  const { location } = (await get(url)).headers;
  assert.equal(location === undefined ? at.upstream.url : new URL(location).searchParams.get('resource'), at.upstream.url);
});

test('a call that was cancelled before its server is connected to does not end the process', async (t) => {
  const crashes = unhandled(t);
  const at = await openSigningIn(t);
  const peer = { id: 'x', era: 'legacy' as const, capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const call = { method: 'tools/call', params: { name: 'who', arguments: {} }, peer, signal: AbortSignal.abort() };
  await assert.rejects(at.house.upstreams.get('own')!.call(call));
  await pause(800);
  assert.deepEqual(crashes.map(String), []);
});

test('a call that is cancelled while it waits for a sign-in is not carried out', async (t) => {
  const at = await openSigningIn(t, { era: 'modern' });
  const meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } };
  const first = (await modernRequest(at.house.url, at.house.token, 'tools/call', { name: 'own__who', arguments: {} }, { meta })).json();
  const { inputRequests, requestState } = first['result'] as {
    inputRequests: Record<string, { params: { url: string } }>;
    requestState: string;
  };
  const before = at.upstream.log.length;
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'own__who',
      arguments: {},
      inputResponses: { signIn: { action: 'accept' } },
      requestState,
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'agent', version: '1' },
        ...meta,
      },
    },
  });
  const request = http.request(at.house.url, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: `Bearer ${at.house.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'own__who',
    },
  });
  request.on('error', () => {});
  let early = '';
  request.on('response', (response) => response.on('data', (chunk) => (early += String(chunk))));
  request.end(body);
  await pause(400);
  assert.equal(early, '', 'it waits');
  request.destroy();
  await pause(200);
  await driveSignIn(inputRequests['signIn']!.params.url, 'ann');
  await pause(500);
  assert.equal(at.upstream.log.length, before, 'the agent had taken it back');
});
