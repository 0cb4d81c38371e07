// The threat is a secret that is found where it has no business: everything that a real run leaves behind is searched for it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { catalogueHashes } from '../../src/central/content/definition-hash.ts';
import type { Activity } from '../../src/contract/activity.ts';
import type { ServerDetail } from '../../src/contract/servers.ts';
import type { View } from '../../src/contract/view.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { parcelsKey } from '../../src/demo/servers/parcels.ts';
import { eventually, startDemo } from '../support/demo.ts';
import { legacySession } from '../support/gateway.ts';
import { oauthAgent, type TokenAnswer } from '../support/oauth-agent.ts';
import { startRaw } from '../support/upstreams/raw.ts';

let dir: string;
let company: string;
let demo: Awaited<ReturnType<typeof startDemo>>;
let session: Awaited<ReturnType<typeof legacySession>>;
const localKey = 'wrench-4821-hollow-sparrow';
/** All that any process had as its arguments while the test ran. */
const seen = new Set<string>();
let watch: NodeJS.Timeout;
const printed: string[] = [];
/** What agents came in with: all that the gateway ever gave out, also what is over by the end. */
const issued: string[] = [];

const entryOf = (file: string) => JSON.parse(readFileSync(join(company, 'servers', file), 'utf8'));
const writeEntry = (file: string, content: unknown) => writeFileSync(join(company, 'servers', file), JSON.stringify(content, null, 2));

before(async () => {
  process.env['GATEHOUSE_LOG'] = 'trace';
  dir = await mkdtemp(join(tmpdir(), 'gatehouse-secrets-'));
  company = join(dir, 'company');
  cpSync(resolve('resources/demo'), company, { recursive: true });
  const parcels = entryOf('parcels.json');
  // The demo tells people its key; here nobody is told.
  parcels.remotes[0].headers[0].description = 'Your own key of the parcel service';
  writeEntry('parcels.json', parcels);
  const lists = {
    tools: ['echo', 'complain', 'crash'].map((name) => ({ name, inputSchema: { type: 'object' as const } })),
    prompts: [],
    resources: [],
    resourceTemplates: [],
  };
  writeEntry('bench.json', {
    name: 'example.lanternworks/bench',
    description: 'A local server with a key in its environment.',
    version: '1.0.0',
    _meta: {
      'dev.gatehouse/entry': {
        id: 'bench',
        launch: { command: 'node', args: [resolve('test/support/upstreams/stdio-server.ts')], env: { API_KEY: 'secret://bench-key' } },
        catalogue: { capabilities: { tools: {} }, ...lists, hashes: catalogueHashes(lists) },
      },
    },
  });
  writeFileSync(
    join(company, 'policies', 'bench.cedar'),
    '@id("BEN-1") @reason("A test.") permit (principal in Group::"staff", action, resource in Server::"bench");\n' +
      '@id("BEN-2") @reason("A test.") permit (principal in Group::"staff", action, resource in Server::"crm");\n',
  );
  watch = setInterval(() => {
    if (!existsSync('/proc/self/cmdline')) return;
    for (const pid of readdirSync('/proc')) if (/^\d+$/.test(pid)) seen.add(read(`/proc/${pid}/cmdline`));
  }, 5);
  demo = await startDemo({ account: 'engineer', company });
  const { token } = await demo.json<{ token: string }>('agents', 'add', 'tester');
  issued.push(token);
  session = await legacySession(demo.mcp, token);
});
after(async () => {
  clearInterval(watch);
  await demo?.stop();
  await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  delete process.env['GATEHOUSE_LOG'];
});

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

async function set(server: string, name: string, value: string): Promise<void> {
  const child = spawn(process.execPath, [resolve('dist/main/cli.js'), 'servers', 'secret', 'set', server, name, '--data', demo.dataDir]);
  child.stdout.on('data', (chunk) => printed.push(String(chunk)));
  child.stderr.on('data', (chunk) => printed.push(String(chunk)));
  child.stdin.end(`${value}\n`);
  const [code] = await once(child, 'close');
  assert.equal(code, 0, printed.join(''));
}

/** Their files are theirs: what they issue stands there in the clear. */
const providers = ['demo-idp', 'demo-vendor'];

function tokensIn(file: string): { model: string; id: string }[] {
  const store = new DatabaseSync(file, { readOnly: true });
  try {
    const kinds = "'RefreshToken', 'AccessToken', 'AuthorizationCode', 'DeviceCode'";
    return store.prepare(`SELECT model, id FROM item WHERE model IN (${kinds})`).all() as { model: string; id: string }[];
  } finally {
    store.close();
  }
}

/** Access tokens, ID tokens and exchanged tokens of the demo are JWTs, and are kept by nobody; so is a bundle, which is for everybody to read. */
const anyToken = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g;
const isToken = (jwt: string): boolean => {
  const claims = JSON.parse(Buffer.from(jwt.split('.')[1]!, 'base64url').toString()) as { sub?: unknown; exp?: unknown };
  return claims.sub !== undefined && claims.exp !== undefined;
};

interface Said {
  isError?: boolean;
  content: { text: string }[];
}
const call = async (name: string, args: object = {}) => {
  const answer = await session.send('tools/call', { name, arguments: args });
  const message = answer.text.startsWith('{') ? answer.json() : answer.events().at(-1)!;
  printed.push(answer.text);
  const said = message['result'] as unknown as Said;
  return { failed: said.isError === true, text: said.content.map(({ text }) => text).join('\n') };
};
const detail = (server: string) => demo.json<ServerDetail>('servers', server);
const newest = () => demo.json<Activity>('ledger', 'tail', '--limit', '1');

test('an agent is told what to do, and the record says why', async () => {
  const row = await detail('parcels');
  assert.equal(row.state, 'needs-secret');
  assert.deepEqual(
    row.secrets.map(({ name, required, state }) => [name, required, state]),
    [['X-Api-Key', true, 'missing']],
  );
  for (const [name, wanted] of [
    ['parcels__list_parcels', 'X-Api-Key'],
    ['bench__echo', 'bench-key'],
  ] as const) {
    const { failed, text } = await call(name);
    assert.ok(failed);
    assert.match(text, new RegExp(`needs ${wanted}.*Ask the person to open Gatehouse and enter it on the page of this server`));
    const { decision, rule, reason } = await newest();
    assert.deepEqual([decision, rule], ['deny', 'gatehouse:secret-missing']);
    assert.ok(reason.includes(wanted));
  }
});

test('entered on the command line, both servers work with it, and over a restart', async () => {
  await set('parcels', 'X-Api-Key', parcelsKey);
  await set('bench', 'bench-key', localKey);
  assert.match((await call('parcels__list_parcels')).text, /P-502/);
  assert.equal((await call('bench__echo')).failed, false);
  const pid = demo.hostPid();
  process.kill(pid, 'SIGKILL');
  await eventually(
    async () => {
      const answer = await call('parcels__track_parcel', { id: 'P-501' }).catch(() => undefined);
      return answer && !answer.failed && demo.hostPid() !== pid ? answer : undefined;
    },
    'the host is there again, and has the key',
    60_000,
  );
  assert.equal((await detail('parcels')).secrets[0]!.state, 'set');
});

test('a server that prints and tells its key tells nobody', async () => {
  assert.equal((await call('bench__complain', { text: `my key is ${localKey}\n` })).failed, false);
  assert.match((await demo.gatehouse('servers', 'bench', '--stderr')).stdout, /my key is \[secret\]/);
  const crashed = await call('bench__crash', { why: localKey });
  assert.ok(crashed.failed);
  assert.match(crashed.text, /giving up because of \[secret\]/);
  await set('parcels', 'X-Api-Key', 'a-wrong-key-6b1f');
  const refused = await call('parcels__list_parcels');
  assert.ok(refused.failed);
  assert.match(refused.text, /401/);
  await set('parcels', 'X-Api-Key', parcelsKey);
  assert.equal((await call('parcels__list_parcels')).failed, false);
});

test('a rule change that moves the server to another origin sends nothing there, and the person is asked again', async (t) => {
  const thief = await startRaw(t, (_message, response) => void response.writeHead(500).end());
  const entry = entryOf('parcels.json');
  const moved = structuredClone(entry);
  moved.remotes[0].url = thief.url;
  writeEntry('parcels.json', moved);
  await eventually(async () => ((await detail('parcels')).state === 'needs-secret' ? true : undefined), 'the bundle is here', 30_000);
  const { failed, text } = await call('parcels__list_parcels');
  assert.ok(failed);
  assert.match(text, /it was entered for http:\/\/127\.0\.0\.1:\d+, and the company moved this server to/i);
  assert.deepEqual(thief.got, []);
  writeEntry('parcels.json', entry);
  await eventually(async () => ((await detail('parcels')).state !== 'needs-secret' ? true : undefined), 'it is back', 30_000);
  assert.equal((await call('parcels__list_parcels')).failed, false);
});

test('the person signs in at one server, and another gets a token in exchange', async () => {
  const { url } = await demo.json<{ url: string }>('servers', 'tickets', '--sign-in');
  await driveSignIn(url, 'engineer');
  const tickets = await eventually(
    async () => {
      const answer = await call('tickets__list_tickets', { project: 'apollo' });
      return answer.failed ? undefined : answer;
    },
    'the server takes the person',
    30_000,
  );
  assert.match(tickets.text, /T-10/);
  const crm = await call('crm__search_customers', { query: 'a' });
  assert.equal(crm.failed, false, crm.text);
});

test('agents sign in, refresh, try a code again, and are limited and revoked', async () => {
  const agent = oauthAgent(new URL(demo.mcp).origin);
  const signIn = async () => {
    const signedIn = await agent.signIn({ decide: (id) => demo.json('agents', 'allow', id) });
    const tokens = await signedIn.tokens();
    issued.push(signedIn.code, tokens.access_token, tokens.refresh_token);
    return { ...signedIn, ...tokens };
  };
  const first = await signIn();
  const next = (await agent.refresh(first.refresh_token, first.client)).json() as unknown as TokenAnswer;
  issued.push(next.access_token, next.refresh_token);
  const open = await legacySession(demo.mcp, next.access_token);
  assert.equal((await open.send('tools/call', { name: 'bench__echo', arguments: {} })).status, 200);
  await demo.json('agents', 'limit', 'Robot', '--server', 'bench');
  assert.equal((await first.exchange()).status, 400);
  assert.equal((await open.send('tools/list')).status, 401, 'a code that came twice ends all that came of it');
  const last = await signIn();
  assert.equal((await legacySession(demo.mcp, last.access_token)).opened.status, 200);
  await demo.json(
    'agents',
    'revoke',
    (await demo.json<{ name: string; signIn?: { open: boolean } }[]>('agents', 'list')).find((row) => row.signIn?.open)!.name,
  );
  printed.push((await agent.refresh(last.refresh_token, last.client)).text);
  assert.equal(new Set(issued).size, 9);
});

test('nothing of all that is found anywhere: data folder, logs, ledger, View, answers, lists of processes', async () => {
  const tail = (await demo.gatehouse('ledger', 'tail', '--limit', '100')).stdout;
  assert.match(tail, /The person allowed "Robot" \(it registered itself\) to sign in as the agent "Robot"/);
  assert.match(tail, /The person lets the agent "Robot" use the servers bench\./);
  const shown = [
    tail,
    ...printed,
    JSON.stringify(await demo.json<View>('status')),
    JSON.stringify(await detail('parcels')),
    JSON.stringify(await detail('bench')),
    (await demo.gatehouse('ledger', 'export')).stdout,
    (await demo.gatehouse('servers', 'parcels')).stdout,
    demo.stderr(),
  ];
  await demo.stop({ keep: true });
  // What the two identity providers still know of: of the person's own sign-in and of the one at the server.
  for (const folder of providers) {
    const codes = tokensIn(join(demo.dataDir, folder, 'idp.sqlite'));
    assert.ok(
      codes.some(({ model }) => model === 'RefreshToken'),
      folder,
    );
    issued.push(...codes.map(({ id }) => id));
  }
  const files = readdirSync(demo.dataDir, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((file) => !providers.some((folder) => file.startsWith(join(demo.dataDir, folder))));
  assert.ok(files.some((file) => file.endsWith('vault.json')) && files.some((file) => file.includes('ledger.sqlite')));
  assert.ok(
    files.some((file) => file.includes('logs') && statSync(file).size > 1000),
    'there is a log',
  );
  const forms = [parcelsKey, localKey, 'a-wrong-key-6b1f', ...issued].flatMap((key) => [
    key,
    encodeURIComponent(key),
    // What begins at each place of three, without the kind of token, which all have.
    ...[4, 5, 6].flatMap((at) =>
      (['base64', 'base64url'] as const).map((form) => Buffer.from(key).subarray(at).toString(form).slice(0, 12)),
    ),
    ...[0, 1, 2].map((at) => Buffer.from(key).subarray(at).toString('base64').slice(0, 12)),
    Buffer.from(key).toString('hex'),
  ]);
  for (const file of files) {
    const content = read(file);
    for (const [jwt] of content.matchAll(anyToken)) assert.ok(!isToken(jwt), `${file} has a token`);
    for (const form of forms) assert.ok(!content.includes(form), `${file} has ${form}`);
  }
  // What the agent itself sent is in no answer either: it is not repeated.
  for (const text of [...shown, ...seen]) for (const [jwt] of text.matchAll(anyToken)) assert.ok(!isToken(jwt), text.slice(0, 400));
  for (const text of shown) for (const form of forms) assert.ok(!text.includes(form), text.slice(0, 400));
  if (process.platform === 'linux') {
    assert.ok(
      [...seen].some((line) => line.includes('secret\0set\0parcels')),
      'the list of processes was looked at meanwhile',
    );
    for (const line of seen) for (const form of forms) assert.ok(!line.includes(form), line);
  }
  await rm(demo.dataDir, { recursive: true, force: true, maxRetries: 5 });
});
