import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = join(dirname(dirname(fileURLToPath(import.meta.url))), 'conformance', 'run.mjs');

test("the protocol's conformance suites, both eras, as a server and as a client", { timeout: 230_000 }, async (context) => {
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'pipe'] });
  context.after(() => child.kill());
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  const said = Buffer.concat(chunks).toString('utf8');
  // 3: no registry to install the suites from.
  if (code === 3) return context.skip(said.trim());
  assert.equal(code, 0, said.slice(said.indexOf('FAIL ')));
  const written = readFileSync(join(dirname(dirname(dirname(script))), 'CONFORMANCE.md'), 'utf8');
  // Not the numbers of checks: a suite in a hurry leaves out one or the other.
  const passed = (text: string) => text.match(/^\| (?:0\.1|20\d\d-).*\d+ of \d+.*/gm)?.map((row) => row.replaceAll(/ \(\d+ checks\)/g, ''));
  assert.deepEqual(passed(said), passed(written), 'CONFORMANCE.md says otherwise: npm run conformance -- --write');
});
