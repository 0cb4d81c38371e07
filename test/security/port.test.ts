// Whoever has the gateway's port is sent the agents' bearers: it must be noticed, told, remembered, and no further token given out.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, Server, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Core } from '../../src/app/core.ts';
import { describe } from '../../src/cli/status.ts';
import type { View } from '../../src/contract/view.ts';
import { fromLsof, fromNetstat, fromProc, fromTasklist, inWords } from '../../src/port/holder.ts';
import { whoAnswers } from '../../src/port/probe.ts';
import { ask, openLoneCore } from '../support/core.ts';
import { freePort, habits, squat, stranger } from '../support/squatter.ts';

const withSix = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
const linux = process.platform === 'linux';
const io = { out() {}, err() {}, colour: false, width: 200 };

/** The listener of our own process dies, as the system may let it. */
async function kill(port: number): Promise<void> {
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  for (const handle of handles) {
    if (!(handle instanceof Server)) continue;
    const address = handle.address();
    if (address !== null && typeof address === 'object' && address.port === port) await new Promise((done) => handle.close(done));
  }
}

/** Commands that could hand out a token while the port is another's. Nothing that they say may hold one. */
async function refused(core: Core, code: string): Promise<string[]> {
  const said: string[] = [];
  for (const [command, input] of [
    ['agent-add', { name: 'late' }],
    ['agent-configs', { name: 'first' }],
    ['agent-configs', { name: 'first', token: `gha_${'x'.repeat(49)}` }],
  ] as const) {
    const reply = await core.dispatch(command, input);
    assert.ok(!reply.ok, `${command} gave ${JSON.stringify(reply)}`);
    assert.equal(reply.error.code, code);
    assert.ok(reply.error.fix, 'it says what to do');
    said.push(JSON.stringify(reply));
  }
  return said;
}

const places = fc.constantFrom(
  ...(
    [
      { host: '127.0.0.1', takes: ['127.0.0.1'] },
      { host: '0.0.0.0', takes: ['127.0.0.1'] },
      { host: '::', takes: ['127.0.0.1', '[::1]'] },
      { host: '::', ipv6Only: true, takes: ['[::1]'] },
      { host: '::1', takes: ['[::1]'] },
    ] as { host: string; ipv6Only?: boolean; takes: string[] }[]
  ).filter(({ takes }) => withSix || takes[0] === '127.0.0.1'),
);

test('whoever takes the port, wherever, however it answers and whenever: told by name, no token given, its credentials listed until revoked', {
  skip: linux ? false : 'who may share a port with whom differs between systems; this is Linux',
}, async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      places,
      fc.constantFrom(...habits),
      fc.constantFrom('before the start', 'while running', 'between two starts'),
      fc.uniqueArray(fc.constantFrom('first', 'second', 'third', 'fourth'), { minLength: 1 }),
      fc.subarray(['first', 'second', 'third', 'fourth']),
      fc.boolean(),
      async (place, habit, moment, names, revoked, dismiss) => {
        const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-port-'));
        const port = await freePort();
        let core: Core | undefined = await openLoneCore(dataDir, port);
        let squatter: Awaited<ReturnType<typeof squat>> | undefined;
        const said: string[] = [];
        try {
          for (const name of names) {
            const { token } = await ask<{ token: string }>(core, 'agent-add', { name });
            assert.match(token, /^gha_/);
          }
          for (const name of names) if (revoked.includes(name)) await ask(core, 'agent-revoke', { name });
          const good = names.filter((name) => !revoked.includes(name));
          const take = () =>
            squat({
              ...place,
              port,
              habit,
              relayTo: { host: place.takes.length === 1 && place.takes[0] === '[::1]' ? '127.0.0.1' : '::1', port },
            });
          if (moment === 'while running') {
            await kill(port);
            squatter = await take();
          } else {
            await core.close();
            squatter = await take();
            core = await openLoneCore(dataDir, port);
            // Two starts against the same stranger are one event.
            if (moment === 'between two starts') {
              await core.close();
              core = await openLoneCore(dataDir, port);
            }
          }
          const view = await ask<View>(core, 'status');
          const { gateway } = view;
          assert.equal(gateway.state, place.takes.includes('127.0.0.1') ? 'failed' : 'on');
          assert.equal(gateway.url !== undefined, gateway.state === 'on');
          assert.equal(gateway.exposure?.address, `${place.takes[0]}:${port}`);
          assert.deepEqual(gateway.exposure?.agents, good);
          assert.equal(gateway.exposure?.until, undefined);
          const who = `(process ${squatter.pid}) of the user "${stranger === undefined ? process.env['USER'] : 'nobody'}"`;
          assert.ok(gateway.error?.message.includes(who), `${gateway.error?.message} does not say ${who}`);
          assert.ok(gateway.error?.fix);
          said.push(JSON.stringify(view), describe(io, view), ...(await refused(core, 'conflict')));
          assert.ok(said[1]!.includes(who) && good.every((name) => said[1]!.includes(name)), said[1]);
          const stubborn = await core.dispatch('exposure-dismiss', {});
          assert.ok(!stubborn.ok && stubborn.error.code === 'conflict', 'it cannot be dismissed while it lasts');

          await squatter.leave();
          const after = await ask<View>(core, 'status');
          assert.equal(after.gateway.state, 'on', 'the port is taken back');
          assert.equal(after.gateway.error, undefined);
          assert.equal(after.gateway.exposure === undefined, good.length === 0);
          await core.close();
          core = await openLoneCore(dataDir, port);
          const again = core.view().gateway.exposure;
          assert.deepEqual(again?.agents ?? [], good, 'a restart forgets nothing');
          assert.equal(again !== undefined, good.length > 0);
          if (again) assert.ok(Date.parse(again.until!) >= Date.parse(again.since));

          const notes = (await ask<{ items: { method: string; reason: string }[] }>(core, 'activity-list')).items.filter(
            ({ method }) => method === 'gatehouse/ledger-port',
          );
          assert.equal(notes.length, 1, 'one event, one note in the ledger');
          assert.ok(notes[0]!.reason.includes(who) && good.every((name) => notes[0]!.reason.includes(name)));
          said.push(JSON.stringify(notes));
          for (const text of said) assert.doesNotMatch(text, /gha_/, 'no token in what is told');

          if (dismiss && good.length > 0) await ask(core, 'exposure-dismiss');
          else
            for (const [at, name] of good.entries()) {
              const { exposure }: View['gateway'] = core.view().gateway;
              assert.deepEqual(exposure?.agents, good.slice(at));
              assert.deepEqual(exposure?.revoked, good.slice(0, at), 'who is dealt with is told, also under a name that was given anew');
              await ask(core, 'agent-revoke', { name });
              // The same name again is another credential.
              if (at % 2 === 0) await ask(core, 'agent-add', { name });
            }
          assert.equal(core.view().gateway.exposure, undefined);
          assert.equal(existsSync(join(dataDir, 'exposure.json')), false);
          seen.add(`${place.takes} ${moment}`);
        } finally {
          await squatter?.leave();
          await core?.close();
          rmSync(dataDir, { recursive: true, force: true });
        }
      },
    ),
    { numRuns: 30, seed: 4283 },
  );
  assert.ok(seen.size >= (withSix ? 8 : 3), `${seen.size} kinds`);
});

test('a list of exposed credentials that is damaged, or cannot be read, names them all', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-port-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const port = await freePort();
  let core = await openLoneCore(dataDir, port);
  for (const name of ['one', 'two']) await ask(core, 'agent-add', { name });
  await core.close();
  for (const text of ['', '{', '[]', '{"version":2}', '{"version":1,"since":"yesterday"}', '\u0000']) {
    writeFileSync(join(dataDir, 'exposure.json'), text);
    core = await openLoneCore(dataDir, port);
    assert.deepEqual(core.view().gateway.exposure?.agents, ['one', 'two'], JSON.stringify(text));
    assert.equal(statSync(join(dataDir, 'exposure.json')).mode & 0o077, linux ? 0 : statSync(join(dataDir, 'exposure.json')).mode & 0o077);
    await core.close();
  }
});

test('only what arrives at our own listener with the very two ends counts as ours', async (t) => {
  const port = await freePort();
  const server = createServer((socket: Socket) => void socket.on('error', () => {}));
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  assert.equal(await whoAnswers(server, '127.0.0.1', port), 'ours');
  // So many that one more is let go at once; and a process that is busy while it waits.
  server.maxConnections = 0;
  assert.equal(await whoAnswers(server, '127.0.0.1', port), 'ours');
  server.maxConnections = Number.MAX_SAFE_INTEGER;
  const late = whoAnswers(server, '127.0.0.1', port, 30);
  const until = performance.now() + 200;
  while (performance.now() < until);
  assert.equal(await late, 'ours');
  assert.equal(await whoAnswers(server, '127.0.0.1', await freePort()), 'nobody');
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...habits), fc.nat({ max: 20 }), async (habit, noise) => {
      const squatter = await squat({ host: '127.0.0.1', port: 0, habit, relayTo: { host: '127.0.0.1', port } });
      try {
        const asked = whoAnswers(server, '127.0.0.1', squatter.port, 150);
        // Others come to our own listener meanwhile.
        for (let n = 0; n < noise; n++) sockets.add(connect(port, '127.0.0.1'));
        assert.equal(await asked, 'foreign', habit);
      } finally {
        await squatter.leave();
      }
    }),
    { numRuns: 15, seed: 1 },
  );
});

test('a program’s name is one short line of plain text, whatever its file is called', async (t) => {
  const hostile = fc.string({ unit: 'binary', maxLength: 3000 });
  fc.assert(
    fc.property(hostile, hostile, (program, user) => {
      const words = inWords({ program: `${program}\u001b[31m\u202e`, user, pid: 1 });
      assert.ok(words.length < 600);
      assert.doesNotMatch(words, /\p{C}/u);
    }),
    { numRuns: 500, seed: 2 },
  );
  if (!linux) return;
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-port-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'no\u001b]0;de\u0007de \u202eelif"\nfake: all is well');
  try {
    linkSync(process.execPath, program);
  } catch {
    copyFileSync(process.execPath, program);
  }
  chmodSync(folder, 0o755);
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-port-'));
  const port = await freePort();
  const squatter = await squat({ host: '127.0.0.1', port, habit: 'silent', program });
  const core = await openLoneCore(dataDir, port);
  try {
    const message = core.gateway().error?.message ?? '';
    assert.match(message, new RegExp(`held by the program "node +elif\\\\" fake: all is well" \\(process ${squatter.pid}\\)`));
    assert.doesNotMatch(message, /\p{C}/u);
  } finally {
    await core.close();
    await squatter.leave();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('what each system tells of listeners is read, and only of those that get what is sent to the address', () => {
  const proc = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:10BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 111 1 0 100 0 0 10 0
   1: 0100007F:10BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1002        0 222 1 0 100 0 0 10 0
   2: 0100007F:10BB 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1003        0 333 1 0 100 0 0 10 0
   3: 0200007F:10BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1004        0 444 1 0 100 0 0 10 0
   4: 0100007F:10BC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1005        0 555 1 0 100 0 0 10 0
   5: 00000000000000000000000001000000:10BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1006 0 666 1`;
  assert.deepEqual(
    fromProc(proc, '127.0.0.1', 4283).map(({ uid }) => uid),
    [1002, 1001],
  );
  assert.deepEqual(fromProc(proc, '::1', 4283), [{ uid: 1006, inode: '666' }]);
  const lsof = 'p501\ncnginx\nLwww\nf6\nn10.0.0.1:4283\np502\ncnode\nLmallory\nf20\nn127.0.0.1:4283\nf21\nn[::1]:4283\n';
  assert.deepEqual(fromLsof(lsof, '127.0.0.1', 4283), { pid: 502, program: 'node', user: 'mallory' });
  assert.deepEqual(fromLsof(lsof, '::1', 4283), { pid: 502, program: 'node', user: 'mallory' });
  assert.equal(fromLsof('', '::1', 4283), undefined);
  const netstat = `
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:4283           0.0.0.0:0              ABHÖREN          77
  TCP    127.0.0.1:4283         127.0.0.1:50000        HERGESTELLT      78
  TCP    127.0.0.1:42830        0.0.0.0:0              ABHÖREN          79
  TCP    [::1]:4283             [::]:0                 ABHÖREN          80\r\n`;
  assert.equal(fromNetstat(netstat, '127.0.0.1', 4283), 77);
  assert.equal(fromNetstat(netstat, '::1', 4283), 80);
  assert.equal(fromNetstat(netstat, '::1', 1), undefined);
  assert.deepEqual(fromTasklist('"node.exe","77","Console","1","51.012 K","Running","PC\\mallory","0:00:01","all is well"\r\n'), {
    program: 'node.exe',
    user: 'PC\\mallory',
  });
  assert.deepEqual(fromTasklist('"svchost.exe","77","Services","0","9.000 K","Unknown","N/A","0:00:01","N/A"\r\n'), {
    program: 'svchost.exe',
  });
  assert.deepEqual(fromTasklist('INFO: No tasks are running which match the specified criteria.'), {});
});
