import { spawn } from 'node:child_process';
import { userInfo } from 'node:os';
import { basename, delimiter } from 'node:path';
import type { Log } from '../../base/log.ts';
import { scrubbed } from './environment.ts';

// Shells with many plug-ins take seconds; one that waits for something takes for ever.
const mostMs = 8000;
const mostBytes = 1024 * 1024;
// What a shell may take to end once it has answered.
const afterwardsMs = 2000;

export interface LoginPathOptions {
  environment: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  log: Log;
  mostMs?: number;
}

/**
 * The search path that the person's own terminal has. A program started from a dock or menu has a bare one, without nvm, mise, asdf, Volta or
 * Homebrew, so `npx` and `uvx` would not be found. Asked of the login shell once, when the first local server is started; only PATH is taken.
 */
export function openLoginPath(options: LoginPathOptions): () => Promise<string | undefined> {
  let asked: Promise<string | undefined> | undefined;
  return () => (asked ??= ask(options));
}

async function ask({ environment, platform, log, mostMs: bound = mostMs }: LoginPathOptions): Promise<string | undefined> {
  // On Windows a program gets its environment from the registry, however it was started.
  if (platform === 'win32') return environment['PATH'];
  const shell = environment['SHELL'] || userInfo().shell || '/bin/sh';
  const ours = environment['PATH'] ?? '';
  try {
    const theirs = await pathOf(shell, environment, bound);
    if (theirs === '') throw new Error('it has no search path');
    log.debug({ shell, path: theirs }, 'the search path of the login shell');
    // Programs on our own path are still found, but after those that the person chose.
    return [...new Set([...theirs.split(delimiter), ...ours.split(delimiter)])].filter((folder) => folder !== '').join(delimiter);
  } catch (error) {
    log.warn({ shell, err: error }, 'the search path of the login shell could not be found out; local servers get ours');
    return environment['PATH'];
  }
}

function pathOf(shell: string, environment: NodeJS.ProcessEnv, bound: number): Promise<string> {
  const mark = crypto.randomUUID();
  // Start-up files may print anything, so the path stands between marks. Our own Node prints it, since each shell has another syntax for it.
  const program = `process.stdout.write("${mark}" + (process.env.PATH ?? "") + "${mark}")`;
  const { args, run } = manner(shell);
  return new Promise((resolve, reject) => {
    const child = spawn(shell, [...args, `${run}${quote(process.execPath)} -e ${quote(program)}`], {
      // By the last one start-up files can tell that no person uses this shell.
      env: { ...scrubbed(environment), ELECTRON_RUN_AS_NODE: '1', GATEHOUSE_RESOLVING_PATH: '1' },
      cwd: environment['HOME'] || '/',
      // A session of its own: an interactive shell would take our terminal otherwise, and all of it can be ended at once.
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    const kill = () => {
      try {
        if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has just gone by itself.
      }
    };
    const timer = setTimeout(() => failed(new Error(`it said nothing for ${bound} ms`)), bound);
    const failed = (error: Error) => {
      clearTimeout(timer);
      kill();
      reject(error);
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.length > mostBytes) return failed(new Error('it says too much'));
      const parts = said.split(mark);
      if (parts.length < 3) return;
      clearTimeout(timer);
      resolve(parts[1]!);
      setTimeout(kill, afterwardsMs).unref();
    });
    child.once('error', failed);
    child.once('close', (code) => failed(new Error(`it ended with exit code ${code} and said nothing`)));
  });
}

const quote = (text: string) => `'${text}'`;

/** How each shell is told to be a login shell, and interactive, since many people set their PATH in the file for those. */
function manner(shell: string): { args: string[]; run: string } {
  const name = basename(shell);
  if (/^pwsh/.test(name)) return { args: ['-Login', '-Command'], run: '& ' };
  if (name === 'nu') return { args: ['-i', '-l', '-c'], run: '^' };
  return { args: /^t?csh$/.test(name) ? ['-ic'] : ['-i', '-l', '-c'], run: '' };
}
