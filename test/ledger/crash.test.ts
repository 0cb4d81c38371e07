import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { folder, open, unsent } from './entries.ts';

const burst = fileURLToPath(new URL('./burst.ts', import.meta.url));

/** Lets a real process append until it has committed so many, then kills it; resolves with the last record it knew to be on the disk. */
async function killedAfter(file: string, commits: number): Promise<number> {
  const child = spawn(process.execPath, [burst, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  let left = commits;
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    said += chunk;
    left -= (chunk as string).split('\n').length - 1;
    if (left <= 0) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const lines = said.split('\n').slice(0, -1);
  return Number(lines[lines.length - 1]);
}

test('killed at any moment of a burst: the chain verifies, has no gap, and an upload resumes without a double', async (t) => {
  const file = join(folder(t), 'ledger.db');
  const central: number[] = [];
  for (let round = 0; round < 5; round++) {
    const confirmed = await killedAfter(file, 1 + Math.floor(Math.random() * 60));
    const ledger = await open(t, file);
    const { ok, records, problem } = await ledger.verify();
    assert.deepEqual([ok, problem], [true, undefined]);
    assert.ok(records >= confirmed, `${records} records, ${confirmed} were said to be on the disk`);
    assert.equal(ledger.error(), undefined);

    // Half of what is there goes up, and the process dies again before the rest.
    const goal = ledger.cursor() + Math.ceil((records - ledger.cursor()) / 2);
    while (ledger.cursor() < goal) {
      const batch = await unsent(ledger, ledger.cursor(), Math.min(500, goal - ledger.cursor()));
      central.push(...batch.map(({ seq }) => seq));
      await ledger.acknowledge(batch[batch.length - 1]!.seq);
    }
    // The child numbers its calls from the count it found: a gap or a double would show.
    for (const record of await unsent(ledger, Math.max(0, records - 1000), 1000)) assert.equal(record.requestBytes, record.seq);
    await ledger.close();
  }
  assert.deepEqual(
    central,
    Array.from({ length: central.length }, (_, index) => index + 1),
  );
});
