import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A private folder of this test's own, gone with it. */
export function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gh-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
