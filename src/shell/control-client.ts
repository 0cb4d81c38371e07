import { connect } from 'node:net';
import { type ErrorValue, Failure } from '../base/errors.ts';
import type { Command, CommandInput, Reply } from '../contract/contract.ts';
import type { View } from '../contract/view.ts';
import { splitLines } from './lines.ts';
import { holderOf } from './lock.ts';

const longestLine = 256 * 1024 * 1024;

/** Asks the host that holds `dataDir`. Throws the host's error as a `Failure`, with the host's own message. */
export async function ask<C extends Command>(
  dataDir: string,
  command: C,
  input: CommandInput<C>,
): Promise<Extract<Reply<C>, { ok: true }>['value']> {
  return (await request(dataDir, command, input)) as Extract<Reply<C>, { ok: true }>['value'];
}

/** Shows the window, or says where it is. */
export async function askWindow(dataDir: string): Promise<{ url?: string }> {
  return (await request(dataDir, 'window-open', {})) as { url?: string };
}

async function request(dataDir: string, command: string, input: unknown): Promise<unknown> {
  let reply: { ok: true; value: unknown } | { ok: false; error: ErrorValue } | undefined;
  await converse(dataDir, { command, input }, (line) => {
    reply = JSON.parse(line) as typeof reply;
    return false;
  });
  if (reply === undefined)
    throw new Failure('not-running', 'Gatehouse ended before it answered.', 'Start it again, then repeat the command.');
  if (reply.ok) return reply.value;
  throw new Failure(reply.error.code, reply.error.message, reply.error.fix);
}

/** Calls back with each new View until `onView` returns false, `signal` is aborted or the host ends. */
export async function watch(dataDir: string, onView: (view: View) => boolean, signal?: AbortSignal): Promise<void> {
  let failed: ErrorValue | undefined;
  await converse(
    dataDir,
    { command: 'watch' },
    (line) => {
      const message = JSON.parse(line) as { view: View } | { ok: false; error: ErrorValue };
      if ('view' in message) return onView(message.view);
      failed = message.error;
      return false;
    },
    signal,
  );
  if (failed !== undefined) throw new Failure(failed.code, failed.message, failed.fix);
}

function converse(dataDir: string, message: unknown, onLine: (line: string) => boolean, signal?: AbortSignal): Promise<void> {
  const path = holderOf(dataDir, 'control')?.socket;
  const absent = (cause?: unknown) =>
    new Failure(
      'not-running',
      `No Gatehouse is running on ${dataDir}.`,
      'Start it with: gatehouse serve (or npm start), or name its folder with --data DIR.',
      { cause },
    );
  if (path === undefined) return Promise.reject(absent());
  return new Promise((done, fail) => {
    const socket = connect(path);
    let connected = false;
    let finished = false;
    const finish = () => {
      finished = true;
      signal?.removeEventListener('abort', finish);
      socket.destroy();
      done();
    };
    socket.on('connect', () => {
      connected = true;
      socket.write(`${JSON.stringify(message)}\n`);
    });
    socket.on('error', (cause) => (connected ? finish() : fail(absent(cause))));
    socket.on('close', finish);
    socket.on(
      'data',
      splitLines(
        longestLine,
        (line) => {
          if (!finished && !onLine(line)) finish();
        },
        finish,
      ),
    );
    if (signal?.aborted) finish();
    signal?.addEventListener('abort', finish);
  });
}
