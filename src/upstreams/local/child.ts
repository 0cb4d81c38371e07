import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Log } from '../../base/log.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import { openLines } from '../messages/lines.ts';
import type { Text } from '../messages/reading.ts';
import { openTurns } from '../messages/turns.ts';
import { UpstreamError } from '../upstream.ts';
import { commandLine, scrubbed, withPath } from './environment.ts';
import type { Output } from './output.ts';
import type { ProcessGuard } from './process-guard.ts';

/** A local server's process: lines in, lines out, and a certain end for it and all that it started. */
export interface Child {
  /** False: it does not read what it is sent. */
  write(line: string): boolean;
  /** The end of its input, then SIGTERM, then SIGKILL to its whole group. */
  close(): Promise<void>;
  kill(reason: UpstreamError): void;
  /** The end of what it wrote to standard error. */
  said(): string;
}

const politeMs = 300;
const termMs = 2000;
/** Time to read what it wrote before its end. */
const outputMs = 500;

export function startChild(options: {
  entry: ServerEntry;
  /** Variables that hold secrets. INVARIANT: they reach the process by its environment alone, which other users cannot read. */
  secrets: Readonly<Record<string, string>>;
  processGuard: ProcessGuard;
  log: Log;
  /** Where programs are found; undefined: where our own environment says. */
  path: string | undefined;
  output: Output;
  maxBytes: number;
  /** While a returned promise is pending, nothing more is read. */
  onLine(line: Text): Promise<void> | undefined;
  onEnd(error: UpstreamError): void;
}): Child {
  const { entry, processGuard, log, maxBytes } = options;
  const launch = entry.launch!;
  const environment = { ...scrubbed(withPath(process.env, options.path)), ...launch.env, ...options.secrets };
  const { file, args, verbatim } = commandLine(launch, {
    platform: process.platform,
    execPath: process.execPath,
    electron: process.versions['electron'] !== undefined,
    environment,
    exists: existsSync,
  });
  processGuard.ready();
  const child = spawn(file, args, {
    ...(launch.cwd === undefined ? {} : { cwd: launch.cwd }),
    env: environment,
    // A group of its own, so that what it starts ends with it.
    detached: process.platform !== 'win32',
    windowsHide: true,
    windowsVerbatimArguments: verbatim,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid !== undefined) processGuard.hold(pid);

  let why: UpstreamError | undefined;
  let over = false;
  const words = options.output.begin();
  const turns = openTurns();
  const lines = openLines(maxBytes, (line) => turns.take(() => options.onLine(line)));
  child.stdin.on('error', () => {});
  child.stdout.on('data', (chunk: Buffer) => {
    turns.begin();
    if (!lines(chunk)) kill(new UpstreamError('too-large', `a message of more than ${maxBytes} bytes`));
    const busy = turns.done();
    if (!busy) return;
    child.stdout.pause();
    void busy.then(() => child.stdout.resume());
  });
  child.stderr.on('data', words.write);
  const ended = new Promise<void>((resolve) => {
    const finish = (error: UpstreamError) => {
      if (over) return;
      over = true;
      if (pid !== undefined) processGuard.release(pid);
      resolve();
      options.onEnd(why ?? error);
    };
    child.once('error', (error) => finish(new UpstreamError('unreachable', notStarted(error, file, launch.cwd), { cause: error })));
    // A program that it started may hold its output open, and `close` would never come. So its group is killed, and the output is closed in
    // case a program left the group.
    child.once('exit', () => {
      signal('SIGKILL');
      const letGo = async () => {
        await turns.done();
        child.stdout.destroy();
        child.stderr.destroy();
      };
      // Not in the timer itself: what came while we were busy is read first.
      setTimeout(() => setImmediate(() => void letGo()), outputMs).unref();
    });
    child.once('close', (code, by) => {
      const how = by ? `was ended by ${by}` : `ended with exit code ${code}`;
      words.end();
      const last = words.last();
      log.info({ server: entry.id, pid, code, by, stderr: last }, 'a local server ended');
      turns.begin();
      turns.take(() => finish(new UpstreamError('closed', `its process ${how}${last ? `: ${last}` : ''}`)));
    });
  });

  function signal(name: NodeJS.Signals) {
    if (pid === undefined) return;
    try {
      if (process.platform !== 'win32') process.kill(-pid, name);
      else if (child.exitCode === null) execFile('taskkill', ['/pid', String(pid), '/t', '/f'], () => {});
    } catch {
      // Nobody is left in the group.
    }
  }

  function kill(reason: UpstreamError) {
    why ??= reason;
    child.stdout.destroy();
    signal('SIGKILL');
  }

  return {
    write(line) {
      if (over || child.stdin.writableLength + line.length > maxBytes) return false;
      child.stdin.write(`${line}\n`);
      return true;
    },
    kill,
    said: words.last,
    async close() {
      why ??= new UpstreamError('closed', 'Gatehouse ended it');
      child.stdin.end();
      const term = setTimeout(() => signal('SIGTERM'), politeMs);
      const last = setTimeout(() => signal('SIGKILL'), politeMs + termMs);
      await ended;
      clearTimeout(term);
      clearTimeout(last);
    },
  };
}

function notStarted(error: NodeJS.ErrnoException, file: string, cwd: string | undefined): string {
  if (error.code === 'ENOENT')
    return `the program ${JSON.stringify(file)} was not found${cwd ? `, or its folder ${cwd} does not exist` : ''}`;
  if (error.code === 'EACCES') return `the program ${JSON.stringify(file)} may not be run`;
  return `the program ${JSON.stringify(file)} could not be started: ${error.code ?? error.message}`;
}
