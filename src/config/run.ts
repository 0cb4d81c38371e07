import { execFile } from 'node:child_process';

/** Runs one program of the system, without a shell. `code` is absent where it could not be started or took too long. */
export type Run = (file: string, args: readonly string[]) => Promise<{ code?: number; stdout: string }>;

/** Runs it for real: at most ten seconds and two MiB of output, no window. */
export const run: Run = (file, args) =>
  new Promise((resolve) => {
    execFile(file, args, { timeout: 10_000, maxBuffer: 2 * 1024 * 1024, windowsHide: true, encoding: 'utf8' }, (error, stdout) => {
      if (error === null) resolve({ code: 0, stdout });
      else resolve({ ...(typeof error.code === 'number' ? { code: error.code } : {}), stdout });
    });
  });
