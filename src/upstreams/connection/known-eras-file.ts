import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { replaceFileSync } from '../../base/file.ts';
import type { Log } from '../../base/log.ts';
import { type KnownEra, type KnownEras, verdictMs } from './era.ts';

const content = z.object({
  format: z.literal(1),
  verdicts: z.record(z.string(), z.object({ era: z.enum(['legacy', 'modern']), at: z.number() })),
});

const most = 5000;
// Fifty servers that connect at once cause one write.
const saveAfterMs = 1000;

/** Keeps verdicts in a file, so that after a restart servers are not asked for their era again. If the file is lost, they are asked. */
export function openKnownEras(options: { file: string; log: Log; now(): number }): KnownEras & { close(): void } {
  const { file, log, now } = options;
  const verdicts = new Map<string, KnownEra>();
  let timer: NodeJS.Timeout | undefined;
  try {
    for (const [key, verdict] of Object.entries(content.parse(JSON.parse(readFileSync(file, 'utf8'))).verdicts)) verdicts.set(key, verdict);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ error: String(error) }, 'the remembered eras of the servers cannot be read; the servers are asked again');
  }

  function save() {
    clearTimeout(timer);
    timer = undefined;
    for (const [key, { at }] of verdicts) if (now() - at >= verdictMs || verdicts.size > most) verdicts.delete(key);
    try {
      replaceFileSync(file, JSON.stringify({ format: 1, verdicts: Object.fromEntries(verdicts) }));
    } catch (error) {
      log.warn({ error: String(error) }, 'the eras of the servers cannot be saved; after a restart the servers are asked again');
    }
  }
  const changed = () => {
    timer ??= setTimeout(save, saveAfterMs).unref();
  };

  return {
    get: (key) => verdicts.get(key),
    set(key, verdict) {
      verdicts.delete(key);
      verdicts.set(key, verdict);
      changed();
    },
    drop(key) {
      if (verdicts.delete(key)) changed();
    },
    close() {
      if (timer) save();
    },
  };
}
