import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Core } from '../app/core.ts';
import { Failure, toErrorValue } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Unread, type UnreadLimits } from '../base/unread.ts';
import { controlPath } from './control-path.ts';
import { splitLines } from './lines.ts';
import { takeLock } from './lock.ts';
import { watchNewest } from './watch-newest.ts';

// Arguments of a tool call come through here too.
const longestLine = 8 * 1024 * 1024;

/** What the shell itself answers, beside the core's commands. */
export interface ShellCommands {
  /** Shows the window, or tells where it is. */
  'window-open'(): Promise<{ url?: string }>;
}

/** What of the core is carried; without `bridge`, no bridge is let in. */
type Served = Pick<Core, 'dispatch' | 'watch'> & Partial<Pick<Core, 'bridge'>>;

export interface Control {
  /** Until `attach`, requests are answered with this failure: the host waits for something. */
  waits(failure: Failure): void;
  /** From now on requests go to `core` and `shell`. Until then they are told that the host is starting. */
  attach(core: Served, shell: ShellCommands): void;
  close(): Promise<void>;
}

/**
 * Takes the data folder for this process and opens the socket for the command line. Each request is a line of JSON `{command, input}`,
 * answered by a line `{ok, ...}`; `{command: "watch"}` is answered by a line for each new View. `{command: "bridge"}` is answered by `{waits: CODE}`
 * while the person is asked, then as others are; what follows on the connection is HTTP. Only the user can open the socket.
 */
export async function openControl(options: { dataDir: string; log: Log; waitMs?: number; unread?: UnreadLimits }): Promise<Control> {
  const { dataDir, log } = options;
  const lock = await takeLock(dataDir, 'control', { waitMs: options.waitMs ?? 0 });
  const path = controlPath(dataDir);
  const sockets = new Set<Socket>();
  let waiting: Failure | undefined;
  const unread = new Unread(options.unread, ({ bytes, why }) => log.warn({ bytes }, `a control connection was cut: it ${why}`));
  const watching = new WeakSet<Socket>();
  const say = (socket: Socket, value: unknown): boolean => {
    if (socket.destroyed || unread.isTooFar(socket, '')) return false;
    // A Buffer, because what is not yet read is counted in bytes.
    const flows = socket.write(Buffer.from(`${JSON.stringify(value)}\n`));
    if (socket.writableLength > 0) unread.note(socket, '');
    return flows;
  };
  let target: { core: Served; shell: ShellCommands } | undefined;

  async function answer(line: string, socket: Socket): Promise<unknown> {
    try {
      const { command, input } = requestFrom(line);
      if (target === undefined) throw waiting ?? new Failure('not-running', 'Gatehouse is still starting.', 'Try again in a moment.');
      const { core, shell } = target;
      if (command === 'watch') {
        // Its `close` event has passed already: nothing would stop the watching.
        if (socket.destroyed) return undefined;
        if (watching.has(socket))
          throw new Failure(
            'conflict',
            'This connection watches already.',
            'Read its views, or open another connection for another watch.',
          );
        watching.add(socket);
        const stop = watchNewest(
          core,
          (view) => say(socket, { view }),
          (go) => socket.once('drain', go),
        );
        socket.once('close', stop);
        return undefined;
      }
      if (command === 'bridge' && core.bridge) return await bridge(core.bridge, input, socket);
      if (command === 'window-open') return { ok: true, value: await shell['window-open']() };
      return await core.dispatch(command, input);
    } catch (error) {
      if (!(error instanceof Failure)) log.error({ error: String(error) }, 'a control request failed');
      return { ok: false, error: toErrorValue(error) };
    }
  }

  async function bridge(admit: Core['bridge'], input: unknown, socket: Socket): Promise<unknown> {
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    // While the person is asked, only a connection that is read tells that its other end has gone.
    socket.resume();
    const { value, serve } = await admit(input, (code) => say(socket, { waits: code }), gone.signal);
    if (socket.destroyed) return undefined;
    socket.removeAllListeners('data').pause();
    say(socket, { ok: true, value });
    serve(socket);
    socket.resume();
    return undefined;
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    let turn = Promise.resolve();
    let lines = 0;
    socket.on(
      'data',
      splitLines(
        longestLine,
        (line) => {
          // In order, since answers carry no ids. Reading stops until a request is answered, and answering stops until the answer is read.
          lines += 1;
          socket.pause();
          turn = turn.then(async () => {
            // The client went away or was cut while its request waited: it is not begun.
            if (socket.destroyed) return;
            const reply = await answer(line, socket);
            if (reply !== undefined && socket.writable && !say(socket, reply)) await emptied(socket);
            lines -= 1;
            if (lines === 0) socket.resume();
          });
        },
        () => socket.destroy(),
      ),
    );
  });

  try {
    // We hold the lock, so a socket that lies there belongs to a dead process.
    if (process.platform !== 'win32') rmSync(path, { force: true });
    await new Promise<void>((done, fail) => server.once('error', fail).listen(path, done));
    if (process.platform !== 'win32') chmodSync(path, 0o600);
    lock.describe({ pid: process.pid, startedAt: new Date().toISOString(), socket: path });
  } catch (error) {
    lock.close();
    throw error;
  }
  server.on('error', (error) => log.error({ error: String(error) }, 'the control socket failed'));

  let closed: Promise<void> | undefined;
  const end = async () => {
    for (const socket of sockets) socket.destroy();
    unread.close();
    await new Promise<void>((done) => server.close(() => done()));
    lock.close();
  };
  return {
    waits: (failure) => {
      waiting = failure;
    },
    attach: (core, shell) => {
      target = { core, shell };
    },
    close: () => (closed ??= end()),
  };
}

const emptied = (socket: Socket) =>
  new Promise<void>((resolve) => {
    if (socket.destroyed) return resolve();
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.once('drain', done).once('close', done);
  });

function requestFrom(line: string): { command: string; input: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Failure('bad-input', 'That is not a line of JSON.');
  }
  const { command, input } = (value ?? {}) as { command?: unknown; input?: unknown };
  if (typeof command !== 'string') throw new Failure('bad-input', 'The request names no command.');
  return { command, input: input ?? {} };
}
