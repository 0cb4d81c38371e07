import type { Readable, Writable } from 'node:stream';
import { pause } from '../base/backoff.ts';
import { byteLines } from './lines.ts';
import { openLink } from './link.ts';
import { openRelay } from './relay.ts';

/** Bytes of one message, as much as the gateway may be set to take; and of all that wait to be sent on. */
const longestLine = 64 * 1024 * 1024;
const mostWaiting = 1024 * 1024;
/** Milliseconds: how long answers are waited for when no more is asked. */
const lastMs = 2_000;
const lookMs = 1_000;

/**
 * The stdio bridge: MCP of an agent that starts programs only, carried to the host of `dataDir`. Resolves when the agent has gone: its end of standard
 * input, or the process that started us.
 */
export async function runBridge(options: {
  dataDir: string;
  /** Of the address: `/mcp`, or one server's. */
  path: string;
  input: Readable;
  output: Writable;
  /** For the agent's log. */
  log: (text: string) => void;
  absent: () => void;
  patienceMs: number;
  /** Milliseconds after which an agent gets an answer that needs no host. */
  earlyMs: number;
  version: string;
}): Promise<void> {
  const { input, output, log } = options;
  const link = openLink({
    ...options,
    waits: (code) => log(`waits for the person: allow ${code} in Gatehouse, or with "gatehouse agents allow ${code}"`),
  });
  const gone = new AbortController();
  output.on('error', () => gone.abort());
  let draining: Promise<void> | undefined;
  /** One wait for all who have something to say. */
  const drained = () =>
    (draining ??= new Promise<void>((resolve) => {
      const done = () => {
        output.off('drain', done);
        gone.signal.removeEventListener('abort', done);
        draining = undefined;
        resolve();
      };
      output.on('drain', done);
      gone.signal.addEventListener('abort', done);
    }));
  const relay = openRelay({
    link,
    log,
    version: options.version,
    earlyMs: options.earlyMs,
    write: (line) => (gone.signal.aborted || output.write(`${line}\n`) ? Promise.resolve() : drained()),
  });

  let waiting = 0;
  let turn = Promise.resolve();
  const read = byteLines(
    longestLine,
    (line) => {
      waiting += line.length;
      if (waiting > mostWaiting) input.pause();
      turn = turn
        .then(() => relay.take(line))
        .catch((error: unknown) => log(`a message could not be passed on: ${String(error)}`))
        .then(() => {
          waiting -= line.length;
          if (waiting <= mostWaiting) input.resume();
        });
    },
    () => relay.tooLong(),
  );
  input.on('data', read);
  const parent = process.ppid;
  const orphaned = setInterval(() => {
    if (process.ppid !== parent || !isAlive(parent)) gone.abort();
  }, lookMs);
  const ended = await new Promise<boolean>((resolve) => {
    input
      .once('end', () => resolve(true))
      .once('close', () => resolve(true))
      .once('error', () => resolve(false));
    gone.signal.addEventListener('abort', () => resolve(false), { once: true });
  });
  clearInterval(orphaned);
  // Whoever only pipes its questions in still gets its answers.
  if (ended) {
    const last = AbortSignal.any([AbortSignal.timeout(lastMs), gone.signal]);
    await Promise.race([turn, new Promise((resolve) => last.addEventListener('abort', resolve, { once: true }))]);
    await relay.idle(last);
  }
  await relay.close();
  link.close();
  // What was said is on its way before the process ends; a reader that takes nothing is not waited for.
  const said = new Promise<void>((resolve) => output.write('', () => resolve()));
  await Promise.race([said, pause(lastMs, gone.signal)]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
