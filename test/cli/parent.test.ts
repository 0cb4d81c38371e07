import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { test } from 'node:test';

test('a start that fails ends with its code also below a parent that holds a channel to it', async () => {
  const child = spawn(process.execPath, [resolve('src/cli/cli.ts'), 'demo', '--json', '--port', 'nonsense'], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, GATEHOUSE_PARENT: 'ipc' },
  });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const [code] = (await once(child, 'close', { signal: AbortSignal.timeout(20_000) })) as [number];
  assert.equal(code, 2);
  assert.equal((JSON.parse(said) as { error: { code: string } }).error.code, 'bad-input');
});
