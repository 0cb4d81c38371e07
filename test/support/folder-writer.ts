// Run as a worker: moves one rule between two files, back and forth, without a moment at which one of them is absent.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';

const { dir, how, restMs, text, beside } = workerData as {
  dir: string;
  how: 'rename' | 'in place' | 'remove';
  restMs: number;
  text: string;
  beside: string;
};

function put(name: string, content: string): void {
  const file = join(dir, 'policies', name);
  if (how !== 'rename') return writeFileSync(file, content);
  // Beside the folder, so that half a file is never in it.
  const next = `${dir}.${name}.next`;
  writeFileSync(next, content);
  renameSync(next, file);
}

/** Of one length with and without the rule, so that sizes tell nothing apart. */
const without = (name: string) => beside.replaceAll('NAME', name).padEnd(text.length + beside.length);
const having = (name: string) => (beside.replaceAll('NAME', name) + text).padEnd(text.length + beside.length);

for (let turn = 0; ; turn++) {
  const [to, from] = turn % 2 === 0 ? ['a', 'z'] : ['z', 'a'];
  put(`${to}.cedar`, having(to!));
  if (how === 'remove') rmSync(join(dir, 'policies', `${from}.cedar`), { force: true });
  else put(`${from}.cedar`, without(from!));
  // Now and then without any rest: two changes within one tick of the file system's clock.
  if (turn % 7 < 4) await pause(Math.random() * restMs);
}
