import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Failure } from '../../src/base/errors.ts';
import { silent as log } from '../../src/base/log.ts';
import { report } from '../../src/cli/ledger.ts';
import type { Activity } from '../../src/contract/activity.ts';
import type { Outputs } from '../../src/contract/contract.ts';
import type { Explanation } from '../../src/contract/explanation.ts';
import type { ToolRow } from '../../src/contract/servers.ts';
import { openHeadless } from '../../src/headless/headless.ts';
import { smallCore } from '../headless/small-core.ts';
import { folder } from '../shell/folder.ts';
import { detail } from '../web/scene-servers.ts';
import { gatehouse } from './command.ts';

const access: Explanation = {
  effect: 'deny',
  rule: 'PAY-2',
  reason: 'Salaries are for \u001b[31mFinance\u001b[0m alone.',
  visible: false,
  bundleVersion: 7,
};
const row: ToolRow = {
  server: 'payroll',
  name: 'pay',
  exposedName: 'payroll__pay',
  readOnly: false,
  destructive: true,
  openWorld: false,
  tags: [],
  unchecked: 'The arguments are checked but for #/properties/to/pattern.',
  access,
  conditional: false,
};
const record = (seq: number): Activity => ({
  seq,
  at: '2026-11-23T10:00:00.000Z',
  person: 'ada',
  agent: 'claude',
  server: 'crm',
  method: 'tools/call',
  target: 'find',
  decision: 'allow',
  rule: 'R-1',
  reason: 'ok',
  bundleVersion: 7,
  outcome: 'ok',
  totalMs: 3,
  upstreamMs: 2,
  requestBytes: 1,
  responseBytes: 1,
  argumentHash: '',
  hash: '',
  previousHash: '',
});

const verdicts = {
  whole: { ok: true, records: 3, vault: { upTo: 3 }, central: { upTo: 2 } },
  changed: { ok: false, records: 3, problem: { seq: 2, message: 'changed' }, vault: { upTo: 3 }, central: { why: 'not there' } },
  alone: { ok: false, records: 3, loss: { seq: 1, message: 'gone' }, vault: { why: 'no keychain' }, central: { why: 'none' } },
};

async function running(t: TestContext, whole = true, dataDir = folder(t)) {
  const said: unknown[] = [];
  const core = smallCore(
    {
      'agent-add': ({ name }) => {
        if (name === 'taken') throw new Failure('conflict', 'There is an agent "taken" already.', 'Choose another name.');
        return { name: String(name), token: 'gth_secret', url: 'http://127.0.0.1:4283/mcp' };
      },
      'agent-revoke': () => ({}),
      'agent-limit': (input) => {
        said.push(input);
        return {};
      },
      'consent-allow': (input) => {
        said.push(input);
        if (input.id === 'NONE') throw new Failure('not-found', 'No agent waits under this code.', 'Let the agent sign in again.');
        return { name: 'Robot' };
      },
      'consent-deny': (input) => {
        said.push(input);
        return {};
      },
      'agent-configs': ({ name, token }) => ({
        configs: [{ id: 'claude-code', title: 'Claude Code', language: 'shell', text: `claude mcp add ${name} ${token}` }],
      }),
      'ledger-verify': () => verdicts[whole ? 'whole' : 'changed'],
      'activity-list': ({ after = 0, limit }) => ({
        items: [3, 2, 1]
          .filter((seq) => seq > Number(after))
          .slice(0, Number(limit))
          .map(record),
      }),
      'ledger-export': ({ format, before = 4 }) => {
        const seqs = [3, 2, 1].filter((seq) => seq < Number(before)).slice(0, 2);
        const lines = format === 'csv' ? ['seq,at', ...seqs.map((seq) => `${seq},x`)] : seqs.map((seq) => JSON.stringify(record(seq)));
        return { text: `${lines.join('\n')}\n`, ...(seqs.at(-1)! > 1 ? { next: seqs.at(-1)! } : {}) };
      },
      'tools-list': () => ({ tools: [row] }),
      'server-get': ({ server }) => detail(String(server)),
      'server-stderr': ({ server }) => ({ lines: server === 'quiet' ? [] : ['one', 'two'] }),
      'tools-search': ({ text, limit, agent }) => {
        if (agent === 'Nobody') throw new Failure('not-found', 'There is no agent named "Nobody".', 'See your agents.');
        const hit = {
          server: 'crm',
          name: 'find\u001b[31m',
          title: `${text} ${limit} ${agent}`,
          effect: 'allow' as const,
          conditional: true,
        };
        return { tools: text === 'nothing' ? [] : [hit] };
      },
      'tool-call': ({ tool, arguments: args }) => ({
        result: { content: [{ type: 'text', text: JSON.stringify(args) }], ...(tool === 'pay' ? { isError: true } : {}) },
      }),
      'tool-explain': () => access,
      'sign-out': () => ({}),
    },
    {
      agents: [
        { name: 'claude', createdAt: '2026-11-23T10:00:00.000Z', sessions: 1, callsToday: 2, servers: ['crm'] },
        { name: 'gone', createdAt: '2026-11-23T10:00:00.000Z', sessions: 0, callsToday: 0, signIn: { client: 'x', open: false } },
        { name: 'late', createdAt: '2026-11-23T10:00:00.000Z', sessions: 0, callsToday: 0, expiresAt: '2026-11-24T10:00:00.000Z' },
      ],
      consents: [
        {
          id: 'KQ7-3MX',
          at: '2026-11-23T10:00:00.000Z',
          expiresAt: '2026-11-23T10:10:00.000Z',
          client: { name: 'Claude\u001b[31m Code', host: 'claude.ai' },
          redirect: { place: 'localhost', reach: 'machine' },
          program: 'the program "claude" (process 42)',
          name: 'Claude Code',
        },
        {
          id: 'BBB-CCC',
          at: '2026-11-23T10:00:00.000Z',
          expiresAt: '2026-11-23T10:10:00.000Z',
          client: { name: 'Robot' },
          redirect: { place: 'agent.example', reach: 'web' },
          server: 'crm',
          name: 'Robot',
        },
      ],
    },
  );
  const settings = { central: undefined, port: 0, maxBodyBytes: 1, maxDepth: 1, maxConnections: 16, headerTimeoutMs: 1, pollMinutes: 1 };
  const headless = await openHeadless({
    dataDir,
    log,
    ui: true,
    settingsFor: async () => ({ core: settings, uiPort: 0, startAtLogin: false, refresh: async () => {}, close() {} }),
    openCore: async () => core,
  });
  t.after(() => headless.close());
  return { core, said, dataDir, headless, run: (...args: string[]) => gatehouse([...args, '--data', dataDir]) };
}

test('agents: the token is printed once, as a person or a program wants it', async (t) => {
  const { run } = await running(t);
  const json = await run('agents', 'add', 'one', '--json');
  assert.deepEqual([json.code, json.err], [0, '']);
  assert.equal(json.out, '{"name":"one","token":"gth_secret","url":"http://127.0.0.1:4283/mcp"}\n');
  const human = await run('agents', 'add', 'one');
  assert.match(human.out, /claude mcp add one gth_secret/);
  assert.match((await run('agents', 'list')).out, /^NAME +STATE[\s\S]*claude +active/);
  assert.equal((await run('agents', 'revoke', 'one')).code, 0);
});

test('agents that sign in: who waits, allowed or denied by code; what an agent reaches', async (t) => {
  const { run, said } = await running(t);
  const waiting = await run('agents', 'requests');
  assert.match(waiting.out, /KQ7-3MX +Claude Code +claude\.ai +the program "claude" \(process 42\) +all servers/);
  assert.match(waiting.out, /BBB-CCC +Robot +itself only +agent\.example +crm/);
  assert.equal((JSON.parse((await run('agents', 'requests', '--json')).out) as unknown[]).length, 2);
  assert.match((await run('agents', 'allow', 'KQ7-3MX')).out, /It is called Robot/);
  assert.equal(
    (await run('agents', 'allow', 'kq73mx', '--name', 'Mine', '--server', 'crm', '--server', 'hr', '--days', '7', '--json')).out,
    '{"name":"Robot"}\n',
  );
  assert.match((await run('agents', 'deny', 'BBB-CCC')).out, /Denied/);
  assert.match((await run('agents', 'limit', 'claude', '--server', 'crm')).out, /only crm/);
  assert.match((await run('agents', 'limit', 'claude', '--all')).out, /all that/);
  assert.deepEqual(said, [
    { id: 'KQ7-3MX' },
    { id: 'kq73mx', name: 'Mine', servers: ['crm', 'hr'], days: 7 },
    { id: 'BBB-CCC' },
    { name: 'claude', servers: ['crm'] },
    { name: 'claude' },
  ]);
  assert.equal((await run('agents', 'allow', 'NONE')).code, 6);
  const listed = (await run('agents', 'list')).out;
  assert.match(listed, /claude +active +crm/);
  assert.match(listed, /gone +signed out +all/);
  assert.match(listed, /late +over +all/);
  for (const wrong of [
    ['allow'],
    ['deny'],
    ['limit', 'claude'],
    ['limit', 'claude', '--server', 'crm', '--all'],
    ['allow', 'X', '--days', '367'],
    ['allow', 'X', '--server', 'crm', '--all'],
    ['allow', 'X', '--days', 'soon'],
    ['list', '--server', 'crm'],
    ['revoke', 'claude', '--all'],
    ['requests', 'claude'],
    ['constructor', 'claude'],
  ])
    assert.equal((await run('agents', ...wrong)).code, 2, wrong.join(' '));
});

test('a refusal by the host keeps its code, words and exit code; standard output stays empty', async (t) => {
  const { run } = await running(t);
  const human = await run('agents', 'add', 'taken');
  assert.deepEqual([human.code, human.out], [8, '']);
  assert.match(human.err, /already\.\n {2}Choose another name\./);
  const json = await run('agents', 'add', 'taken', '--json');
  assert.deepEqual(JSON.parse(json.err), {
    error: { code: 'conflict', message: 'There is an agent "taken" already.', fix: 'Choose another name.' },
  });
  assert.deepEqual([json.code, json.out], [8, '']);
});

test('ledger verify: whole is 0, changed is 9', async (t) => {
  const good = await (await running(t)).run('ledger', 'verify', '--json');
  assert.deepEqual([good.code, JSON.parse(good.out)], [0, verdicts.whole]);
  const bad = await running(t, false);
  const changed = await bad.run('ledger', 'verify', '--json');
  assert.deepEqual([changed.code, JSON.parse(changed.out)], [9, verdicts.changed]);
  assert.match((await bad.run('ledger', 'verify')).out, /At record 2: changed/);
});

test('ledger verify says what it compared with; with nothing to compare it is 7, not ok', async (t) => {
  const lines: string[] = [];
  const io = { out: (text: string) => void lines.push(text), err() {}, colour: false, width: 80 };
  const show = (verdict: Outputs['ledger-verify']) => {
    lines.length = 0;
    return { code: report(verdict, false, io), text: lines.join('\n') };
  };
  const whole = show(verdicts.whole);
  assert.equal(whole.code, 0);
  assert.match(whole.text, /is whole\. 3 records[\s\S]*Compared with: the vault \(up to record 3\), the central API \(up to record 2\)\.$/);
  const alone = show(verdicts.alone);
  assert.equal(alone.code, 7);
  assert.match(
    alone.text,
    /^Not comparable\.[\s\S]*accepted, at record 1: gone\nNot compared with: the vault \(no keychain\), the central API \(none\)\.$/,
  );
  const { run } = await running(t);
  assert.match((await run('ledger', 'accept-loss')).err, /accept-loss --yes/);
});

test('ledger tail is oldest first; export goes through every page, with one head', async (t) => {
  const { run, dataDir } = await running(t);
  const tail = await run('ledger', 'tail', '--json');
  assert.deepEqual(
    tail.out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Activity).seq),
    [1, 2, 3],
  );
  assert.equal((await run('ledger', 'export', '--format', 'csv')).out, 'seq,at\n3,x\n2,x\n1,x\n');
  const file = join(dataDir, 'out.jsonl');
  assert.equal((await run('ledger', 'export', '--out', file)).code, 0);
  assert.equal(readFileSync(file, 'utf8').trim().split('\n').length, 3);
  assert.equal((await run('ledger', 'export', '--format', 'xml')).code, 2);
  assert.equal((await run('ledger', 'tail', '--limit', 'many')).code, 2);
});

test('call: a result is printed, a denial is 5; arguments may come from standard input', async (t) => {
  const { run, dataDir } = await running(t);
  const good = await run('call', 'crm', 'find', '{"name":"Ada"}');
  assert.deepEqual([good.code, good.out], [0, '{"name":"Ada"}\n']);
  const piped = await gatehouse(['call', 'crm', 'find', '-', '--data', dataDir], { input: '{"a":1}' });
  assert.equal(piped.out, '{"a":1}\n');
  assert.equal((await run('call', 'payroll', 'pay', '{}')).code, 5);
  assert.equal((await run('call', 'crm', 'find', '[1]')).code, 2);
  assert.equal((await run('call', 'crm', 'find', '{')).code, 2);
  assert.equal((await run('call', 'crm')).code, 2);
});

test('explain and tools say why, and what others wrote cannot rewrite the terminal', async (t) => {
  const { run } = await running(t);
  const why = await run('explain', 'payroll', 'pay');
  assert.match(why.out, /Decision +deny\nRule +PAY-2\nReason +Salaries are for Finance alone\./);
  assert.deepEqual(JSON.parse((await run('explain', 'payroll', 'pay', '--json')).out), access);
  const tools = await run('tools');
  assert.match(
    tools.out,
    /payroll +pay +deny +PAY-2 +Salaries are for Finance alone\. The arguments are checked but for #\/properties\/to\/pattern\./,
  );
  assert.ok(!why.out.includes('\u001b') && !tools.out.includes('\u001b'));
});

test('search: words as they stand, a limit, an agent; nothing found is no failure', async (t) => {
  const { run } = await running(t);
  const human = await run('search', 'close', 'a ticket', '--limit', '7');
  assert.deepEqual([human.code, human.err], [0, '']);
  assert.match(human.out, /^SERVER +TOOL +ACCESS +ABOUT\ncrm +find +allow \(depends\) +close a ticket 7 undefined\n$/);
  const json = await run('search', 'close', '--agent', 'Claude', '--json');
  assert.deepEqual(JSON.parse(json.out), [
    { server: 'crm', name: 'find\u001b[31m', title: 'close 20 Claude', effect: 'allow', conditional: true },
  ]);
  assert.deepEqual(await run('search', 'nothing'), { code: 0, out: 'No tool that you may see is like "nothing".\n', err: '' });
  assert.deepEqual((await run('search', 'nothing', '--json')).out, '[]\n');
  assert.equal((await run('search', 'close', '--agent', 'Nobody')).code, 6);
  for (const args of [
    [],
    [''],
    ['x'.repeat(201)],
    ['x', '--limit', '0'],
    ['x', '--limit', '101'],
    ['x', '--limit', 'ten'],
    ['x', '--agent', '/'],
  ]) {
    const { code, out, err } = await run('search', ...args);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, /Usage|needs|understood/, args.join(' '));
  }
});

test('login waits for the person and tells how it ended', async (t) => {
  const { run, core } = await running(t);
  const dispatch = core.dispatch;
  const answer = (state: 'signed-in' | 'signed-out') => {
    core.dispatch = async (command, input) => {
      if (command !== 'sign-in') return dispatch(command, input);
      core.show({ identity: { state: 'signing-in' } });
      const person = { sub: 'ada', name: 'Ada', groups: [] };
      setTimeout(
        () =>
          core.show({
            identity: state === 'signed-in' ? { state, person } : { state, error: { code: 'denied', message: 'The sign-in was refused.' } },
          }),
        20,
      );
      return { ok: true, value: { url: 'https://idp.example.com/device', userCode: 'ABCD-EFGH' } };
    };
  };
  answer('signed-in');
  const good = await run('login', '--device');
  assert.deepEqual([good.code, good.out], [0, 'Signed in as Ada.\n']);
  assert.match(good.err, /https:\/\/idp\.example\.com\/device\nCode +ABCD-EFGH/);
  answer('signed-out');
  const bad = await run('login', '--json');
  assert.deepEqual([bad.code, bad.out], [5, '']);
  assert.match(bad.err, /The sign-in was refused/);
});

test('status, servers and open', async (t) => {
  const { run, headless } = await running(t);
  assert.match((await run('status')).out, /Gateway +on +http:\/\/127\.0\.0\.1:4283\/mcp/);
  assert.equal((JSON.parse((await run('status', '--json')).out) as { app: { name: string } }).app.name, 'Gatehouse');
  assert.match((await run('servers')).out, /Nobody is signed in/);
  assert.deepEqual(JSON.parse((await run('open', '--json')).out), { url: headless.ui });
  assert.equal((await run('open', '--print')).out, `${headless.ui}\n`);
});

test('servers SERVER --stderr prints what a local server wrote, newest last', async (t) => {
  const { run } = await running(t);
  assert.deepEqual(await run('servers', 'files', '--stderr'), { code: 0, out: 'one\ntwo\n', err: '' });
  assert.equal((await run('servers', 'files', '--stderr', '--json')).out, '["one","two"]\n');
  const quiet = await run('servers', 'quiet', '--stderr');
  assert.deepEqual([quiet.code, quiet.out], [0, '']);
  assert.match(quiet.err, /written nothing/);
  const bad = await run('servers', '--stderr');
  assert.equal(bad.code, 2);
  assert.match(bad.err, /gatehouse servers SERVER --stderr/);
});

test('servers SERVER says what is known of one, and what of it is faulty and why', async (t) => {
  const { run } = await running(t);
  const { code, out } = await run('servers', 'tickets');
  assert.equal(code, 0);
  assert.match(out, /Server +tickets: Tickets\n/);
  assert.match(out, /Tools +6 of 9 may be used\n/);
  assert.doesNotMatch(out, /Left out/);
  const faulty = await run('servers', 'files');
  assert.match(faulty.out, /\nLeft out tools\[3\] grep_all: its inputSchema is missing\.\n/);
  assert.deepEqual(JSON.parse((await run('servers', 'files', '--json')).out), detail('files'));
});

test('without --data a verb finds the usual folder, or the demo where only that runs', async (t) => {
  const home = folder(t);
  const env = { XDG_DATA_HOME: home, LOCALAPPDATA: home, HOME: home };
  const { defaultDataDir } = await import('../../src/shell/data-dir.ts');
  const usual = defaultDataDir(env, process.platform, home);
  assert.equal((await gatehouse(['status'], { env })).code, 3);
  await running(t, true, join(usual, 'demo'));
  assert.equal((await gatehouse(['status'], { env })).code, 0);
  assert.equal((await gatehouse(['ledger', 'verify', '--json'], { env })).code, 0);
  await running(t, false, usual);
  assert.equal((await gatehouse(['ledger', 'verify', '--json'], { env })).code, 9);
});

test('without a host each verb says how to start one', async (t) => {
  const dataDir = folder(t);
  for (const verb of [
    ['status'],
    ['agents', 'list'],
    ['ledger', 'verify'],
    ['open'],
    ['login'],
    ['tools'],
    ['search', 'x'],
    ['ledger', 'export', '--out', join(dataDir, 'x')],
  ]) {
    const { code, out, err } = await gatehouse([...verb, '--data', dataDir]);
    assert.deepEqual([code, out], [3, ''], verb.join(' '));
    assert.match(err, /gatehouse serve/);
  }
  assert.ok(!existsSync(join(dataDir, 'x')));
});

test('help, version and what is not understood', async () => {
  assert.match((await gatehouse(['--help'])).out, /Usage: gatehouse VERB/);
  assert.match((await gatehouse(['agents', '--help'])).out, /gatehouse agents revoke NAME/);
  assert.match((await gatehouse(['version'])).out, /^\d+\.\d+\.\d+\n$/);
  assert.equal((await gatehouse([])).code, 2);
  for (const args of [
    ['dance'],
    ['constructor'],
    ['status', '--loud'],
    ['status', 'extra'],
    ['agents', 'add'],
    ['agents', 'dance', 'x'],
    ['ledger', 'dance'],
    ['serve', '--port', 'x'],
    ['serve', '--port', '70000'],
  ]) {
    const { code, out, err } = await gatehouse(args);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
    assert.match(err, /\n {2}\S|needs/, args.join(' '));
  }
});
