import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { readDocument } from '../../src/agents/clients/edit/edit.ts';
import { commandUrl } from '../../src/agents/clients/programs/command-url.ts';
import { clients } from '../../src/agents/clients/programs/table.ts';
import { tryConnection } from '../../src/agents/clients/verify.ts';
import { fileIn, homeOf, resetFile, systems, usedFile } from '../support/homes.ts';
import { connectionsIn, type Gate, openGate } from './connect-setup.ts';

let gate: Gate;
before(async () => {
  gate = await openGate();
});
after(() => gate.close());

/** Without the entry, as lines. */
const others = (text: string) => text.split('\n').filter((line) => line.trim() !== '');

for (const client of clients)
  for (const system of systems) {
    const { id, config } = client;
    test(`${id} on ${system}: connect, verify, an update that drops the entry, repair, undo`, async (t) => {
      const machine = homeOf(t, system);
      let at = Date.now();
      const { connections, notes, bridge } = connectionsIn(t, gate, machine, { now: () => at });
      const url = config.startsBridge ? commandUrl(bridge) : gate.url;
      const state = () => connections.detect().find((each) => each.id === id)!;
      assert.equal(state().installed, false);
      const original = usedFile(config.language, config.container);
      const file = fileIn(config, machine, original);
      assert.ok(file.startsWith(machine.home));
      assert.deepEqual([state().installed, state().state, state().file], [true, 'not-connected', file]);

      const shown = connections.preview(id, gate.url);
      assert.equal(readFileSync(file, 'utf8'), original, 'a preview changes nothing');
      assert.match(shown.diff, config.startsBridge ? /^\+.*"bridge"/m : /^\+.*127\.0\.0\.1/m);
      assert.ok(!shown.diff.includes('sk-other') && !/gha_/.test(shown.diff), shown.diff);
      const known = gate.agents.list().length;
      const done = await connections.connect(id, gate.url, { planned: shown.planned });
      assert.deepEqual([done.file, done.entry, done.already], [file, 'gatehouse', false]);
      assert.equal(state().state, 'connected');
      const text = readFileSync(file, 'utf8');
      const place = { path: file, language: config.language, container: config.container };
      const entry = readDocument(text, place).servers['gatehouse'];
      const said = config.read(entry)!;
      assert.equal(said.url, url);
      if (config.startsBridge)
        assert.deepEqual([said.token, done.agent, done.tools, gate.agents.list().length], [undefined, undefined, undefined, known]);
      else {
        assert.deepEqual(gate.agents.verify(said.token!), { name: done.agent });
        assert.equal(await tryConnection(said.url, said.token!, '0'), done.tools);
      }
      const lines = others(text);
      for (const line of others(original)) assert.ok(lines.includes(line), line);
      assert.equal((await connections.connect(id, gate.url)).already, true);
      assert.equal(readFileSync(file, 'utf8'), text);

      writeFileSync(file, resetFile[config.language]);
      await connections.check();
      assert.equal(state().state, 'connected', state().why);
      const repaired = readFileSync(file, 'utf8');
      for (const line of others(resetFile[config.language])) assert.ok(others(repaired).includes(line), line);
      const again = config.read(readDocument(repaired, place).servers['gatehouse'])!;
      assert.equal(again.token, said.token, 'an agent that runs goes on');
      assert.equal(notes.length, 1);
      if (said.token) assert.ok(!notes[0]!.includes(said.token));

      at += 1;
      assert.equal((await connections.disconnect(id)).restored, 'whole');
      assert.equal(readFileSync(file, 'utf8'), resetFile[config.language]);
      if (said.token) assert.equal(gate.agents.verify(said.token), undefined);
      assert.equal(state().state, 'not-connected');
    });

    test(`${id} on ${system}: a file is made for our entry alone, readable by its owner, and is gone after undo`, async (t) => {
      const machine = homeOf(t, system);
      const { connections } = connectionsIn(t, gate, machine);
      const file = config.files(machine)[0]!;
      const shown = connections.preview(id, gate.url);
      assert.match(shown.diff, /^--- \/dev\/null$/m);
      await connections.connect(id, gate.url);
      if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal((await connections.disconnect(id)).restored, 'whole');
      assert.equal(existsSync(file), false);
    });

    test(`${id} on ${system}: undo after the agent wrote its file takes out our entry and nothing else`, async (t) => {
      const machine = homeOf(t, system);
      const { connections } = connectionsIn(t, gate, machine);
      const original = usedFile(config.language, config.container);
      const file = fileIn(config, machine, original);
      await connections.connect(id, gate.url);
      const note = config.language === 'jsonc' ? '// later\n' : '# later\n';
      writeFileSync(file, note + readFileSync(file, 'utf8'));
      assert.equal((await connections.disconnect(id)).restored, 'entry');
      assert.equal(readFileSync(file, 'utf8'), note + original);
    });
  }

test('what an agent with no file of its own is known by: a program on PATH, also with the endings of Windows', (t) => {
  const linux = homeOf(t, 'linux');
  mkdirSync(join(linux.home, 'bin'));
  writeFileSync(join(linux.home, 'bin', 'codex'), '');
  const windows = homeOf(t, 'win32');
  mkdirSync(join(windows.home, 'bin'));
  writeFileSync(join(windows.home, 'bin', 'goose.exe'), '');
  const installed = (machine: typeof linux) =>
    connectionsIn(t, gate, machine)
      .connections.detect()
      .filter((row) => row.installed)
      .map((row) => row.id);
  assert.deepEqual(installed(linux), ['codex']);
  assert.deepEqual(installed(windows), ['goose']);
});

test('the Store build of Claude Desktop is found in its package', (t) => {
  const machine = homeOf(t, 'win32');
  mkdirSync(join(machine.env['LOCALAPPDATA']!, 'Packages', 'Claude_pzs8sxrjxfjjc', 'LocalCache', 'Roaming', 'Claude'), { recursive: true });
  const { connections } = connectionsIn(t, gate, machine);
  assert.deepEqual(
    connections
      .detect()
      .filter((row) => row.installed)
      .map((row) => row.id),
    ['claude-desktop'],
  );
});

test('the environment names other places, absolute ones only', (t) => {
  const { home } = homeOf(t, 'linux');
  const at = (id: string, env: Record<string, string>) =>
    clients.find((client) => client.id === id)!.config.files({ home, env, platform: 'linux' })[0];
  assert.equal(at('codex', { CODEX_HOME: '/elsewhere' }), '/elsewhere/config.toml');
  assert.equal(at('codex', { CODEX_HOME: 'elsewhere' }), join(home, '.codex', 'config.toml'));
  assert.equal(at('claude-code', { CLAUDE_CONFIG_DIR: '/c' }), '/c/.claude.json');
  assert.equal(at('zed', { XDG_CONFIG_HOME: '/x' }), '/x/zed/settings.json');
  assert.equal(at('goose', { GOOSE_PATH_ROOT: '/g' }), '/g/config/config.yaml');
});

test('where an agent may look at several files, the one that is there is edited', async (t) => {
  const machine = homeOf(t, 'linux');
  const { connections } = connectionsIn(t, gate, machine);
  const [preferred, other] = clients.find(({ id }) => id === 'opencode')!.config.files(machine);
  mkdirSync(dirname(other!), { recursive: true });
  writeFileSync(other!, '{}');
  assert.equal((await connections.connect('opencode', gate.url)).file, other);
  assert.equal(existsSync(preferred!), false);
});

test('an agent that signs in by itself is connected without a token, if it is asked for; the token that it had ends', async (t) => {
  const machine = homeOf(t, 'linux');
  const { connections, vault } = connectionsIn(t, gate, machine);
  const codex = clients.find(({ id }) => id === 'codex')!.config;
  const text = 'model = "x"\n';
  const file = fileIn(codex, machine, text);
  const place = { path: file, language: codex.language, container: codex.container };
  const written = () => codex.read(readDocument(readFileSync(file, 'utf8'), place).servers['gatehouse']);
  await connections.connect('codex', gate.url);
  const { token } = written()!;
  await assert.rejects(connections.connect('codex', 'http://127.0.0.1:1/mcp', { oauth: true }), { code: 'unavailable' });
  assert.deepEqual([written()!.token, gate.agents.verify(token!) !== undefined], [token, true], 'a failure changes nothing');
  chmodSync(file, 0o644);
  assert.equal(connections.preview('codex', gate.url).warnings.length, process.platform === 'win32' ? 0 : 1);
  assert.deepEqual(
    [connections.preview('codex', gate.url, { oauth: true })].map(({ hasToken, warnings }) => [hasToken, warnings]),
    [[false, []]],
  );
  const done = await connections.connect('codex', gate.url, { oauth: true });
  assert.deepEqual([done.agent, done.tools, done.already], [undefined, undefined, false]);
  assert.deepEqual(written(), { url: gate.url });
  assert.deepEqual([gate.agents.verify(token!), vault.content.has('connection-codex')], [undefined, false]);
  assert.equal((await connections.connect('codex', gate.url)).already, true, 'it stays without one');
  writeFileSync(file, resetFile.toml);
  await connections.check();
  assert.deepEqual(written(), { url: gate.url }, 'put back without one, too');
  await connections.disconnect('codex');
  assert.equal(readFileSync(file, 'utf8'), resetFile.toml);
  for (const { id, config } of clients)
    if (!config.signsIn) assert.throws(() => connections.preview(id, gate.url, { oauth: true }), { code: 'bad-input' }, id);
});

test('an entry may do without a token: the agent then signs in by itself', () => {
  for (const { id, config } of clients) {
    if (config.startsBridge) continue;
    const entry = config.entry('http://127.0.0.1:4283/mcp');
    assert.deepEqual(config.read(entry), { url: 'http://127.0.0.1:4283/mcp' }, id);
    assert.doesNotMatch(JSON.stringify(entry), /Bearer|undefined/);
  }
});
