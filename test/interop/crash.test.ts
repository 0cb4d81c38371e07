import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { eventually, startDemo } from '../support/demo.ts';
import { legacySession } from '../support/gateway.ts';

interface Process {
  pid: string;
  args: string;
}

/** Living processes with this in their arguments; the demo's data folder is in those of all that belongs to it, so they can be told apart. */
function processes(...parts: string[]): Process[] {
  return execFileSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null && !match[2]!.startsWith('Z') && parts.every((part) => match[3]!.includes(part)))
    .map((match) => ({ pid: match![1]!, args: match![3]! }));
}

/** Calls without a pause on several tracks until `stop`; resolves with how many were answered when all tracks have ended. */
function burst(send: (n: number) => Promise<unknown>, tracks: number) {
  let answered = 0;
  let made = 0;
  let stopped = false;
  const track = async () => {
    while (!stopped) {
      await send(++made);
      answered++;
    }
  };
  const all = Promise.all(Array.from({ length: tracks }, () => track().catch(() => {})));
  return {
    answered: () => answered,
    async stop() {
      stopped = true;
      await all;
      return answered;
    },
  };
}

test('killed with -9 during a burst: the host comes back, the ledger verifies, central has no gap and no double, no upstream is left over', async () => {
  const demo = await startDemo({ account: 'engineer' });
  let answered = 0;
  try {
    const { token, url } = await demo.json<{ token: string; url: string }>('agents', 'add', 'Burst');
    for (let round = 0; round < 3; round++) {
      const session = await eventually(
        async () => {
          const opened = await legacySession(url, token).catch(() => undefined);
          return opened?.opened.status === 200 ? opened : undefined;
        },
        'the gateway answers',
        20_000,
      );
      // Whoever is answered at all is answered by the company's rules, also in the first moments after a crash.
      assert.match((await session.send('tools/list')).text, /"filesystem__read_text_file"/);
      await session.send('tools/call', { name: 'filesystem__list_allowed_directories', arguments: {} });
      const old = processes('server-filesystem', demo.dataDir).map(({ pid }) => pid);
      assert.ok(old.length > 0, 'the stdio upstream runs');

      const calls = burst((n) => session.send('tools/call', { name: 'everything__echo', arguments: { message: `${round}.${n}` } }), 16);
      await eventually(() => calls.answered() >= 50 || undefined, 'fifty calls answered', 20_000);
      process.kill(demo.hostPid(), 'SIGKILL');
      answered += await calls.stop();
      await eventually(
        () => processes('server-filesystem', demo.dataDir).every(({ pid }) => !old.includes(pid)) || undefined,
        'the upstream processes of the killed host are gone',
      );
    }
    const verified = await eventually(
      async () => {
        const { code, stdout } = await demo.gatehouse('ledger', 'verify', '--json');
        return code === 0 ? (JSON.parse(stdout) as { ok: boolean; records: number }) : undefined;
      },
      'the host is back and the ledger verifies',
      20_000,
    );
    assert.equal(verified.ok, true);
    // What waited for its few milliseconds of company when the host was killed is lost, and no more.
    assert.ok(verified.records > answered / 2, `${verified.records} records of ${answered} answered calls`);
    await eventually(
      async () => (await demo.json<{ ledger: { uploaded: number } }>('status')).ledger.uploaded >= verified.records || undefined,
      'all records uploaded',
      20_000,
    );
    const own = (await demo.gatehouse('ledger', 'export', '--format', 'jsonl')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number; hash: string })
      .map(({ seq, hash }) => ({ seq, hash }))
      .toSorted((a, b) => a.seq - b.seq);
    const central = new DatabaseSync(join(demo.dataDir, 'demo-central', 'central.sqlite'), { readOnly: true });
    const uploaded = central.prepare('SELECT seq, hash FROM ledger ORDER BY seq').all();
    central.close();
    assert.equal(own.length, verified.records);
    assert.deepEqual(
      uploaded.map((row) => ({ ...row })),
      own,
    );
    assert.deepEqual(
      own.map(({ seq }) => seq),
      own.map((_, index) => index + 1),
    );
  } finally {
    await demo.stop();
  }
  await eventually(() => processes(demo.dataDir).length === 0 || undefined, 'nothing of the demo is left');
});
