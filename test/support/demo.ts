import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const cli = resolve('dist/main/cli.js');

export interface Ready {
  ready: true;
  mcp: string;
  ui: string;
  central: string;
  issuer: string;
  dataDir: string;
}

/** The whole demo company as `npm start -- --json --no-open --sign-in ACCOUNT` runs it, built, on free ports and an own data folder. */
export async function startDemo(startOptions: { account?: string; company?: string; dataDir?: string; env?: NodeJS.ProcessEnv } = {}) {
  const dataDir = startOptions.dataDir ?? (await mkdtemp(join(tmpdir(), 'gatehouse-demo-')));
  const args = ['demo', '--json', '--no-open', '--port', '0', '--data', dataDir];
  if (startOptions.account !== undefined) args.push('--sign-in', startOptions.account);
  if (startOptions.company !== undefined) args.push('--company', startOptions.company);
  const child = spawn(process.execPath, [cli, ...args], {
    env: { ...process.env, ...startOptions.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const ready = await firstLine(child, () => said);
  /** The command line as a person uses it; resolves with what it printed and its exit code. */
  const gatehouse = (...verb: string[]) => runCli([...verb, '--data', dataDir]);
  return {
    ...ready,
    stderr: () => said,
    child,
    gatehouse,
    /** The same, with --json, parsed; throws when the verb failed. */
    async json<T = Record<string, unknown>>(...verb: string[]): Promise<T> {
      const { code, stdout, stderr } = await gatehouse(...verb, '--json');
      if (code !== 0) throw new Error(`gatehouse ${verb.join(' ')}: exit ${code}: ${stderr}${stdout}`);
      return JSON.parse(stdout) as T;
    },
    hostPid: () => (JSON.parse(readFileSync(join(dataDir, 'control.json'), 'utf8')) as { pid: number }).pid,
    async stop(options: { keep?: boolean } = {}) {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      if (!options.keep) await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function firstLine(child: ChildProcess, said: () => string): Promise<Ready> {
  const lines = createInterface({ input: child.stdout! });
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the demo ended with ${code} before it was ready:\n${said()}`);
  });
  const [line] = (await Promise.race([once(lines, 'line'), exited])) as [string];
  exited.catch(() => {});
  return JSON.parse(line) as Ready;
}

export function runCli(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [cli, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
  });
}

/** Tries until `check` gives something; for what happens "within a second" elsewhere. */
export async function eventually<T>(
  check: () => T | undefined | Promise<T | undefined>,
  expectation: string,
  withinMs = 10_000,
): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    const result = await check();
    if (result !== undefined && result !== false) return result;
    if (Date.now() > until) throw new Error(`not within ${withinMs} ms: ${expectation}`);
    await new Promise((again) => setTimeout(again, 50));
  }
}
