import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { eventually, startDemo } from '../support/demo.ts';
import { legacySession } from '../support/gateway.ts';

/** Processes below one, with their arguments: what must not be left over. */
function processes(matching: (args: string) => boolean): string[] {
  return execFileSync('ps', ['-eo', 'pid,stat,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => matching(line) && !/\sZ/.test(line.slice(0, 14)));
}

test('killed with -9 during a burst: the host comes back, the ledger verifies, central has no gap and no double, no upstream is left over', async () => {
  const demo = await startDemo({ account: 'engineer' });
  try {
    const { token, url } = await demo.json<{ token: string; url: string }>('agents', 'add', 'Burst');
    // The demo's data folder is in the arguments of the stdio upstream, so its processes can be told from all others.
    const upstreams = () => processes((line) => line.includes('server-filesystem') && line.includes(demo.dataDir));
    for (let round = 0; round < 3; round++) {
      const session = await eventually(async () => {
        const opened = await legacySession(url, token).catch(() => undefined);
        return opened?.opened.status === 200 ? opened : undefined;
      }, 'the gateway answers');
      await eventually(
        async () => ((await session.send('tools/list')).text.includes('filesystem__') ? true : undefined),
        'the bundle is in force',
      );
      await session.send('tools/call', { name: 'filesystem__list_allowed_directories', arguments: {} });
      assert.ok(upstreams().length > 0);
      const old = upstreams().map((line) => line.trim().split(/\s+/)[0]);
      const burst = Array.from({ length: 200 }, (_, n) =>
        session.send('tools/call', { name: 'everything__echo', arguments: { message: String(n) } }).catch(() => undefined),
      );
      await Promise.race(burst.slice(20, 60));
      process.kill(demo.hostPid(), 'SIGKILL');
      await Promise.all(burst);
      await eventually(
        () => (upstreams().some((line) => old.includes(line.trim().split(/\s+/)[0])) ? undefined : true),
        'the upstream processes of the killed host are gone',
        5000,
      );
    }
    const verified = await eventually(async () => {
      const { code, stdout } = await demo.gatehouse('ledger', 'verify', '--json');
      return code === 0 ? (JSON.parse(stdout) as { ok: boolean; records: number }) : undefined;
    }, 'the host is back and the ledger verifies');
    assert.equal(verified.ok, true);
    assert.ok(verified.records > 20);
    // Central checks the chain record by record and refuses gaps and doubles: having all of them means that there was none.
    await eventually(
      async () =>
        (await demo.json<{ ledger: { uploaded: number; records: number } }>('status')).ledger.uploaded >= verified.records
          ? true
          : undefined,
      'all records uploaded',
      20_000,
    );
    const lines = (await demo.gatehouse('ledger', 'export', '--format', 'jsonl')).stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    assert.deepEqual(
      lines,
      Array.from({ length: lines.length }, (_, n) => n + 1),
    );
  } finally {
    await demo.stop();
  }
  await eventually(
    () => (processes((line) => line.includes(demo.dataDir)).length === 0 ? true : undefined),
    'nothing of the demo is left',
    5000,
  );
});
