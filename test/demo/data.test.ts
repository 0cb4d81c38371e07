import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareData, resetData } from '../../src/demo/data.ts';
import { demoPorts, onPort } from '../../src/demo/ports.ts';
import { folder } from '../shell/folder.ts';

test('the demo’s folder is prepared once, and --reset empties only what the demo began', (t) => {
  const [dataDir, files] = [folder(t), folder(t)];
  writeFileSync(join(files, 'a.md'), 'a');
  const first = prepareData(dataDir, files);
  assert.equal(readFileSync(join(first.files, 'a.md'), 'utf8'), 'a');
  writeFileSync(join(first.files, 'a.md'), 'changed by an agent');
  const second = prepareData(dataDir, files);
  assert.equal(second.vaultKey, first.vaultKey);
  assert.equal(readFileSync(join(second.files, 'a.md'), 'utf8'), 'changed by an agent');
  assert.equal(statSync(join(dataDir, 'demo-vault.key')).mode & 0o777, 0o600);
  resetData(dataDir);
  assert.ok(!existsSync(second.files));
  assert.equal(readFileSync(join(prepareData(dataDir, files).files, 'a.md'), 'utf8'), 'a');
});

test('a folder with anything else in it is never emptied', (t) => {
  const dataDir = folder(t);
  writeFileSync(join(dataDir, 'thesis.txt'), 'years of work');
  assert.throws(() => resetData(dataDir), { code: 'conflict' });
  prepareData(dataDir, '/nonexistent');
  assert.throws(() => resetData(dataDir), { code: 'conflict' });
  assert.ok(existsSync(join(dataDir, 'thesis.txt')));
});

test('ports: seven in a row, or free ones; a taken one is told with what it is for', async (t) => {
  assert.deepEqual(Object.values(await demoPorts(5000)), [5000, 5001, 5002, 5003, 5004, 5005, 5006]);
  assert.equal((await demoPorts(0)).mcp, 0);
  await assert.rejects(demoPorts(65535), { code: 'bad-input' });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const open = async () => {
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
  };
  await assert.rejects(onPort(port, 'the central API', open), {
    code: 'conflict',
    message: new RegExp(`Port ${port}, for the central API`),
    fix: /--port/,
  });
});
