import type { Readable, Writable } from 'node:stream';
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
  const relay = openRelay({
    link,
    log,
    version: options.version,
    earlyMs: options.earlyMs,
    write: (line) =>
      new Promise((resolve) => {
        if (gone.signal.aborted || output.write(`${line}\n`)) return resolve();
        output.once('drain', resolve);
        gone.signal.addEventListener('abort', () => resolve(), { once: true });
      }),
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
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
