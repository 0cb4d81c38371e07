// An ended call must not outlive the young generation: collecting the old one is what costs CPU and memory.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// A process of its own: the test runner keeps a word on each promise.
const script = fileURLToPath(new URL('../support/left-behind.ts', import.meta.url));

for (const era of ['legacy', 'modern'])
  test(`a call of the ${era} era leaves next to nothing behind`, async (t) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', '--expose-gc', script, era]);
    assert.match(stdout, /^-?\d+$/);
    assert.ok(Math.abs(Number(stdout)) < 3000, `each call left ${stdout} bytes to the old generation`);
    t.diagnostic(`${stdout} bytes a call`);
  });
