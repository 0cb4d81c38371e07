import { execFile } from 'node:child_process';
import { Failure } from '../../base/errors.ts';
import { type Command, commandOf } from './programs/command-url.ts';

const timeoutMs = 10_000;
const largest = 8 * 1024 * 1024;

/**
 * Starts the program of a bridge's entry, as the agent would, and asks it for the state of the host that it finds: it can be started here, and leads to the
 * host of `dir`. It is not started as a bridge: then the person would be asked to allow ourselves. Throws Failure('unavailable').
 */
export async function tryBridge(url: string, dir: string): Promise<void> {
  const [file, ...args] = commandOf(url);
  const said = await run([file, ...args.map((arg) => (arg === 'bridge' ? 'status' : arg)), '--json']);
  if (folderIn(said) === dir) return;
  throw new Failure(
    'unavailable',
    `${file} was started, and leads to another Gatehouse than this one.`,
    'Look at which "gatehouse" is on PATH.',
  );
}

function folderIn(text: string): unknown {
  try {
    return (JSON.parse(text) as { app?: { dataDir?: unknown } }).app?.dataDir;
  } catch {
    return undefined;
  }
}

function run([file, ...args]: Command): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { timeout: timeoutMs, maxBuffer: largest, windowsHide: true }, (cause, output) => {
      if (!cause) return resolve(output);
      const isAbsent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      reject(
        isAbsent
          ? new Failure(
              'unavailable',
              `There is no program "${file}" on PATH, which the agent would start.`,
              'Install the command line, then try again.',
            )
          : new Failure(
              'unavailable',
              `${file} could not be started as the agent would start it.`,
              'Try it in a terminal: gatehouse status',
              { cause },
            ),
      );
    });
    child.stdin?.end();
  });
}
