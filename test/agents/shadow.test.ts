import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { Machine } from '../../src/agents/clients/programs/client.ts';
import { clients } from '../../src/agents/clients/programs/table.ts';
import { scan } from '../../src/agents/shadow/scan.ts';
import { type ServerEntry, serverEntry } from '../../src/bundle/schema.ts';
import { fileIn, homeOf, systems, usedFile } from '../support/homes.ts';
import { connectionsIn, type Gate, openGate } from './connect-setup.ts';

let gate: Gate;
before(async () => {
  gate = await openGate();
});
after(() => gate.close());

/** A reference, as agents put the value of a variable in its place. */
const variable = (name: string) => ['$', '{', name, '}'].join('');

const entry = (id: string, reached: object): ServerEntry =>
  serverEntry.parse({ id, name: `com.example/${id}`, title: id, description: '', version: '1', catalogue: {}, tools: {}, ...reached });

const blessed = [
  entry('wiki', { url: 'https://wiki.example/mcp' }),
  entry('files', { launch: { command: 'npx', args: ['-y', 'files@2.0.0', '/srv'] } }),
  entry('clock', { launch: { command: 'uvx', args: ['mcp-server-time'] } }),
  entry('repo', { launch: { command: 'docker', args: ['run', '-i', '--rm', 'ghcr.io/acme/repo:1'] } }),
  entry('own', { launch: { command: '/opt/own', args: ['serve'] } }),
];

const scanned = (machine: Machine, options: { gateway?: string; own?: { file: string; entry: string; url: string }[] } = {}) =>
  scan({ machine, blessed, own: { entries: options.own ?? [], gateway: options.gateway } });

function write(file: string, text: string) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const cursor = (machine: Machine) => join(machine.home, '.cursor', 'mcp.json');
const json = (mcpServers: object) => JSON.stringify({ mcpServers });
const inCursor = (t: TestContext, mcpServers: object, options?: Parameters<typeof scanned>[1]) => {
  const machine = homeOf(t, 'linux');
  write(cursor(machine), json(mcpServers));
  return scanned(machine, options).servers;
};

for (const system of systems)
  test(`on ${system}: the server in each agent's file is found, with its equivalent and its secret, and the file stays as it is`, (t) => {
    const machine = homeOf(t, system);
    assert.deepEqual(scanned(machine), { servers: [], unread: [], files: 0, compared: true });
    const files = new Map<string, string>();
    for (const { id, config, alsoReads } of clients) {
      if (config) files.set(id, fileIn(config, machine, usedFile(config.language, config.container!)));
      else if (alsoReads) {
        const { file, language, path } = alsoReads(machine)[0]!;
        files.set(id, write(file, usedFile(language, path[0]!)));
      }
    }
    const texts = new Map([...files.values()].map((file) => [file, readFileSync(file, 'utf8')]));
    const { servers, unread, files: count } = scanned(machine);
    assert.deepEqual(unread, []);
    assert.equal(count, clients.length);
    assert.deepEqual(servers.map(({ id }) => id).toSorted(), clients.map(({ id }) => id).toSorted());
    for (const { id, file, name, target, secrets, equivalent } of servers) {
      // The used file in YAML names no package.
      const has = id === 'goose' ? { target: 'npx', same: undefined } : { target: 'npx -y files', same: 'files' };
      assert.deepEqual([file, name, target], [files.get(id), 'files', has.target], id);
      assert.deepEqual([secrets, equivalent?.id], [[{ where: 'env', name: 'API_KEY' }], has.same], id);
    }
    for (const [file, text] of texts) assert.equal(readFileSync(file, 'utf8'), text);
  });

test('more places: servers of a folder in Claude Code, and the settings of VS Code', (t) => {
  const machine = homeOf(t, 'linux');
  write(join(machine.home, '.claude.json'), JSON.stringify({ projects: { '/home/ada/app': { mcpServers: { x: { command: 'x' } } } } }));
  write(
    join(machine.home, '.config/Code/User/settings.json'),
    '{ "mcp": { "servers": { "y": { "url": "https://y.example/mcp" } } } } // old',
  );
  const { servers } = scanned(machine);
  assert.deepEqual(
    servers.map(({ id, name, project, target }) => [id, name, project, target]),
    [
      ['claude-code', 'x', '/home/ada/app', 'x'],
      ['vscode', 'y', undefined, 'https://y.example/mcp'],
    ],
  );
});

test('equivalents: the same address, package or command; and nothing that is only alike', (t) => {
  const servers = inCursor(t, {
    wiki: { url: 'https://WIKI.example:443/mcp/?k=1' },
    carried: { command: 'npx', args: ['-y', 'mcp-remote@latest', 'https://wiki.example/mcp'] },
    files: { command: 'C:\\node\\npx.cmd', args: ['files@latest', '/home'] },
    clock: { command: 'uvx', args: ['mcp_server.time==1.0'] },
    repo: { command: 'docker', args: ['run', '-e', 'TOKEN', '--rm', '-i', 'ghcr.io/acme/repo@sha256:'.concat('a'.repeat(64))] },
    own: { command: '/opt/own', args: ['serve'] },
    otherPath: { url: 'https://wiki.example/mcp2' },
    otherHost: { url: 'https://wiki.example.evil.example/mcp' },
    otherScheme: { url: 'http://wiki.example/mcp' },
    otherPackage: { command: 'npx', args: ['-y', 'files-evil'] },
    valueNotPackage: { command: 'npx', args: ['--registry', 'files', 'evil'] },
    otherRegistry: { command: 'docker', args: ['run', 'acme/repo'] },
    otherArguments: { command: '/opt/own', args: ['serve', '--all'] },
    nothing: 5,
  });
  const same = Object.fromEntries(servers.map(({ name, equivalent }) => [name, equivalent?.id]));
  for (const [name, id] of Object.entries({ wiki: 'wiki', carried: 'wiki', files: 'files', clock: 'clock', repo: 'repo', own: 'own' }))
    assert.equal(same[name], id, name);
  for (const name of [
    'otherPath',
    'otherHost',
    'otherScheme',
    'otherPackage',
    'valueNotPackage',
    'otherRegistry',
    'otherArguments',
    'nothing',
  ])
    assert.ok(name in same && same[name] === undefined, `${name}: ${same[name]}`);
});

test('without the company’s rules nothing is called blessed, and that is said', (t) => {
  const machine = homeOf(t, 'linux');
  write(cursor(machine), json({ wiki: { url: 'https://wiki.example/mcp' } }));
  const { servers, compared } = scan({ machine, blessed: undefined, own: { entries: [], gateway: undefined } });
  assert.deepEqual([servers[0]!.equivalent, compared], [undefined, false]);
});

test('our own entry is no finding; one that only has its name is', async (t) => {
  const machine = homeOf(t, 'linux');
  const { connections } = connectionsIn(t, gate, machine);
  await connections.connect('cursor', gate.url);
  const own = connections.entries();
  assert.deepEqual(scanned(machine, { own }).servers, []);
  const port = new URL(gate.url).port;
  assert.deepEqual(inCursor(t, { byHand: { url: `http://localhost:${port}/mcp/s/wiki` } }, { gateway: gate.url }), []);
  assert.deepEqual(inCursor(t, { bridge: { command: 'gatehouse', args: ['bridge'] } }), []);
  assert.equal(inCursor(t, { bridge: { command: '/tmp/gatehouse', args: ['bridge'] }, other: { command: 'gatehouse' } }).length, 2);
  const text = readFileSync(cursor(machine), 'utf8');
  writeFileSync(cursor(machine), text.replace('127.0.0.1', 'evil.example'));
  assert.deepEqual(
    scanned(machine, { own }).servers.map(({ name }) => name),
    ['gatehouse'],
  );
});

test('a file that is broken, closed, too large or elsewhere is named as not read, stays as it is, and keeps nothing else back', (t) => {
  const machine = homeOf(t, 'linux');
  const { home } = machine;
  const outside = homeOf(t, 'linux').home;
  const broken = write(cursor(machine), '{ "mcpServers": { "x": { "env": { "K": "sk-very-secret-1234567890" } } ');
  const list = write(join(home, '.gemini/settings.json'), '{ "mcpServers": ["x"] }');
  const large = write(join(home, '.codex/config.toml'), `# ${'x'.repeat(300 * 1024)}\n`);
  mkdirSync(join(home, '.copilot'));
  symlinkSync(write(join(outside, 'mcp.json'), json({ far: { command: 'x' } })), join(home, '.copilot/mcp-config.json'));
  mkdirSync(join(home, '.qwen/settings.json'), { recursive: true });
  write(join(home, '.lmstudio/real.json'), json({ near: { command: 'x' } }));
  symlinkSync(join(home, '.lmstudio/real.json'), join(home, '.lmstudio/mcp.json'));
  chmodSync(join(home, '.lmstudio/real.json'), 0o400);
  const texts = [broken, list, large].map((file) => [file, readFileSync(file, 'utf8')] as const);
  const found = scanned(machine);
  assert.deepEqual(
    found.servers.map(({ id, name }) => [id, name]),
    [['lm-studio', 'near']],
  );
  const why = Object.fromEntries(found.unread.map(({ id, why }) => [id, why]));
  assert.match(why['cursor']!, /is not JSON/);
  assert.match(why['gemini-cli'] ?? why['gemini']!, /no list of servers/);
  assert.match(why['codex']!, /more than the 256 KB/);
  assert.match(why['copilot-cli']!, /outside of/);
  assert.match(why['qwen-code']!, /is a folder/);
  assert.equal(found.unread.length, 5);
  assert.ok(!JSON.stringify(found).includes('sk-very'), 'what a parser says may quote the file');
  for (const [file, text] of texts) assert.equal(readFileSync(file, 'utf8'), text);
});

test('secrets are recognised by where they stand and how they look; a variable is none', (t) => {
  const servers = inCursor(t, {
    a: {
      url: 'https://u:p4ss@x.example/s/0123456789abcdef0123/mcp?api_key=zzz&page=2',
      headers: { 'X-Api-Key': 'k', Accept: 'text/html' },
    },
    b: { command: 'run', args: ['--token', 'abc', '--port', '80', '--api-key=q', 'Authorization: Bearer t', variable('API_KEY')] },
    c: {
      command: 'run',
      env: { GITHUB_TOKEN: variable('env:GITHUB_TOKEN'), DEBUG: '1', DB: 'postgres://me:pw@db/x', PLAIN: `ghp_${'a1'.repeat(18)}` },
    },
    d: { url: 'https://x.example/mcp', headers: { Authorization: `Bearer ${variable('input:key')}` } },
  });
  const by = Object.fromEntries(servers.map((server) => [server.name, server]));
  const secrets = (name: string) => by[name]!.secrets.map(({ where, name }) => `${where} ${name}`);
  assert.equal(by['a']!.target, 'https://x.example/s/••••/mcp?api_key=••••&page=••••');
  assert.deepEqual(secrets('a'), ['url user and password', 'url path', 'url api_key', 'header X-Api-Key']);
  assert.equal(by['b']!.target, 'run --token •••• --port •••• --api-key=•••• •••• ••••');
  assert.deepEqual(secrets('b'), ['argument token', 'argument api-key', 'argument ••••']);
  assert.deepEqual(secrets('c'), ['env DB', 'env PLAIN']);
  assert.deepEqual(secrets('d'), []);
});

test('a key of letters alone is no name: before a sign, in a command line, in a query without a value', (t) => {
  const servers = inCursor(t, {
    a: {
      command: 'run',
      args: ['swordfish=', 'swordfish: x', '-pswordfish', '-pswordfish=x', '-e', 'A_KEY=swordfish', '--header', 'X-Key: swordfish'],
    },
    b: { command: '/opt/run swordfish' },
    c: { url: 'https://x.example/mcp?swordfish' },
    d: { command: 'C:\\Program Files\\node\\node.exe', args: Array(9000).fill('swordfish') },
    e: { command: 'x', env: { A: `a://${':'.repeat(200_000)}` } },
  });
  assert.ok(!JSON.stringify(servers).includes('swordfish'), JSON.stringify(servers));
  assert.equal(servers[0]!.target, 'run •••• •••• •••• •••• -e A_KEY=•••• --header X-Key=••••');
  assert.match(servers[3]!.target, /^C:\\Program Files\\node\\node\.exe /);
  assert.equal(servers[3]!.target.length, 2000);
});

test('an entry that names two places is neither ours nor blessed: which of them its agent takes is not known', (t) => {
  const gateway = 'http://127.0.0.1:4283/mcp';
  const two = {
    both: { url: gateway, command: '/tmp/evil' },
    urls: { url: gateway, httpUrl: 'https://evil.example/mcp' },
    blessed: { url: 'https://wiki.example/mcp', serverUrl: 'https://evil.example/mcp' },
    command: { url: 'https://evil.example/mcp', command: '/opt/own', args: ['serve'] },
    bridge: { command: 'gatehouse', args: ['bridge'], env: { PATH: '/tmp/evil' } },
  };
  const servers = inCursor(t, two, { gateway });
  assert.deepEqual(
    servers.map(({ name }) => name),
    Object.keys(two),
  );
  assert.ok(servers.every(({ equivalent }) => equivalent === undefined));
});

test('whatever is put wherever a secret can stand, none of it comes out', (t) => {
  const machine = homeOf(t, 'linux');
  for (let round = 0; round < 400; round++) {
    const bytes = randomBytes(24);
    // Also short and wordy ones, which nothing but their place gives away.
    const secret = [
      `sk-${bytes.toString('hex')}`,
      `ghp_${bytes.toString('base64url')}`,
      bytes.toString('base64url'),
      bytes.toString('base64'),
      `zq${bytes.toString('hex').slice(0, 6)}`,
      `correct-horse-${bytes.toString('hex').slice(0, 4)}`,
    ][round % 6]!;
    const long = round % 6 < 2;
    const escaped = encodeURIComponent(secret);
    const servers = {
      env: { command: 'npx', args: ['-y', 'files'], env: { A: secret, API_KEY: secret } },
      header: { url: 'https://x.example/mcp', headers: { Authorization: `Bearer ${secret}`, A: secret } },
      query: { url: `https://${escaped}:${escaped}@x.example/mcp?a=${escaped}#${escaped}` },
      flags: { command: 'run', args: ['--token', secret, `--key=${secret}`, `-p${secret}`, secret, `A=${secret}`, `H: Bearer ${secret}`] },
      address: { command: 'npx', args: ['mcp-remote', `https://x.example/mcp?k=${escaped}`, '--header', `X:${secret}`] },
      docker: { command: 'docker', args: ['run', '-e', `A=${secret}`, '--env=B='.concat(secret), 'image', secret] },
      line: { command: `run --token ${secret}` },
      bare: { url: `https://x.example/mcp?${escaped}` },
      odd: { command: 'npx', args: ['--unknown', secret, 'files'] },
      typed: { url: secret, command: 5, args: [{ secret }], headers: [secret], env: secret },
      ...(long ? { [secret]: { command: `/opt/${secret}/x`, args: [secret], env: { [secret]: secret } } } : {}),
      ...(long ? { path: { url: `https://x.example/${secret}/mcp` }, pack: { command: 'npx', args: [secret.toLowerCase()] } } : {}),
    };
    write(cursor(machine), json(servers));
    const said = JSON.stringify(scanned(machine));
    assert.equal(scanned(machine).servers.length, Object.keys(servers).length);
    for (const form of [secret, secret.toLowerCase(), escaped, secret.slice(3)]) assert.ok(!said.includes(form), `${form} in ${said}`);
  }
});
