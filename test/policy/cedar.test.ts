import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { loadCedar } from '../../src/policy/deciding/cedar.ts';

test('the engine is loaded once', () => {
  assert.equal(loadCedar(), loadCedar());
  assert.match(loadCedar().getCedarVersion(), /^4\./);
});

test('bundled into one flat folder, the engine is found beside the code', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'gatehouse-cedar-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  await build({
    configFile: false,
    logLevel: 'silent',
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target: 'node24',
      outDir: dir,
      rolldownOptions: {
        input: { cedar: fileURLToPath(new URL('../../src/policy/deciding/cedar.ts', import.meta.url)) },
        output: { entryFileNames: '[name].mjs' },
      },
    },
  });
  for (const file of await readdir(dir)) assert.ok((await stat(join(dir, file))).size < 100_000, `${file}: the engine must not be inlined`);
  const run = () =>
    execFileSync(
      process.execPath,
      ['-e', `import('${join(dir, 'cedar.mjs')}').then((m) => console.log(m.loadCedar().getCedarVersion()))`],
      { cwd: dir, encoding: 'utf8', stdio: 'pipe' },
    );
  assert.throws(run, /Cannot find package|missing/, 'outside a folder with packages there is nothing else to find');
  await copyFile(
    fileURLToPath(import.meta.resolve('@cedar-policy/cedar-wasm/web')).replace(/[^/\\]*$/, 'cedar_wasm_bg.wasm'),
    join(dir, 'cedar_wasm_bg.wasm'),
  );
  assert.match(run(), /^4\./);
});
