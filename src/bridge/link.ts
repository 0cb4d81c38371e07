import { lstatSync, statSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { pause } from '../base/backoff.ts';
import { type ErrorValue, Failure } from '../base/errors.ts';
import { splitLines } from '../shell/lines.ts';
import { holderOf } from '../shell/lock.ts';

/** A way to the host that holds a data folder: HTTP over its user-only socket. */
export interface Link {
  /** Waits for the host and for the person's word, then sends. Throws `Unsent` where nothing of the request can have reached the host. */
  send(request: { method: string; headers: Record<string, string>; body?: Buffer; signal: AbortSignal }): Promise<IncomingMessage>;
  /** Resolves when the host is there and the person has given its word. Throws Failure as the host words it. */
  ready(): Promise<void>;
  /** Whether there is a host. */
  isThere(): Promise<boolean>;
  /** The host does not let this program in any more: the person is asked anew. Throws Failure as the host words it. */
  renew(): Promise<void>;
  /** As the agent calls itself, for the question to the person. */
  named(name: string): void;
  /** The person has allowed this program at some time. */
  readonly admitted: boolean;
  close(): void;
}

/** Why there is no way to the host. The request may be sent again without harm. */
export class Unsent extends Error {
  override readonly cause: unknown;
  constructor(cause: unknown) {
    super('the request was not sent');
    this.cause = cause;
  }
}

const longestReply = 64 * 1024;
const retryMs = 200;
const restartMs = 3_000;

export function openLink(options: {
  dataDir: string;
  /** Of the address. */
  path: string;
  /** The person is asked; `code` is what the question is called. */
  waits(code: string): void;
  /** Called once for each wait for a host that is not there. */
  absent(): void;
  /** Milliseconds to wait for a host. */
  patienceMs: number;
}): Link {
  const { dataDir } = options;
  const closing = new AbortController();
  let pass: string | undefined;
  let origin = '';
  let beginning: Promise<void> | undefined;
  let admitted = false;
  let name: string | undefined;

  const claim = () => {
    return { pid: process.pid, path: options.path, ...(name === undefined ? {} : { name }) };
  };

  async function hello(input: object): Promise<{ socket: Socket; value: Admitted }> {
    const { socket, value } = await converse(pathOf(dataDir), { command: 'bridge', input }, options.waits, closing.signal);
    if (isAdmitted(value)) return { socket, value };
    socket.destroy();
    throw new Failure('unavailable', 'Gatehouse answered something that is not understood.', 'Look whether it is up to date.');
  }

  /** Who started us is said once for as long as the host runs; the person may be asked meanwhile. */
  async function begin(): Promise<void> {
    const { socket, value } = await hello(claim());
    socket.destroy();
    ({ pass, origin } = value);
    admitted = true;
  }

  const begun = () =>
    (beginning ??= begin().finally(() => {
      beginning = undefined;
    }));

  /** Until a host is there. */
  async function persist<T>(step: () => Promise<T>): Promise<T> {
    const until = Date.now() + options.patienceMs;
    // One that was there may be about to come again by itself.
    const from = Date.now() + (admitted ? restartMs : 0);
    for (let told = false; ; ) {
      try {
        return await step();
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== 'not-running' || closing.signal.aborted || Date.now() > until) throw error;
        if (!told && Date.now() >= from) {
          options.absent();
          told = true;
        }
        await pause(retryMs, closing.signal);
      }
    }
  }

  const ready = () => persist(async () => (pass === undefined ? await begun() : undefined));
  const open = () =>
    persist(async () => {
      if (pass === undefined) await begun();
      const used = pass!;
      try {
        return (await hello({ pass: used })).socket;
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== 'denied') throw error;
        // A host that was started anew knows no passes: it is told once more who we are.
        if (pass === used) pass = undefined;
        if (pass === undefined) await begun();
        return (await hello({ pass: pass! })).socket;
      }
    });

  const agent = new Piped(open);
  return {
    get admitted() {
      return admitted;
    },
    ready,
    isThere: () => listens(dataDir),
    renew() {
      pass = undefined;
      return begun();
    },
    named(called) {
      name = called;
    },
    send({ method, headers, body, signal }) {
      return new Promise((resolve, reject) => {
        let connected = false;
        const request = http.request({
          agent,
          method,
          path: options.path,
          // The gateway answers to its own name only, which the first connection tells.
          headers: { ...headers, ...(body ? { 'content-length': body.length } : {}) },
          setHost: false,
          signal,
        });
        request.on('socket', () => {
          connected = true;
          request.setHeader('host', new URL(origin).host);
          request.end(body);
        });
        request.on('response', resolve);
        request.on('error', (error) => reject(connected ? error : new Unsent(error)));
      });
    },
    close() {
      closing.abort();
      agent.destroy();
    },
  };
}

interface Admitted {
  pass: string;
  origin: string;
}
const isAdmitted = (value: unknown): value is Admitted => {
  const { pass, origin } = (value ?? {}) as Record<string, unknown>;
  return typeof pass === 'string' && typeof origin === 'string' && /^http:\/\/[\w.:[\]]+$/.test(origin);
};

/** An agent of node:http whose connections are opened by `open`. */
class Piped extends http.Agent {
  readonly #open: () => Promise<Socket>;
  constructor(open: () => Promise<Socket>) {
    super({ keepAlive: true });
    this.#open = open;
  }
  override createConnection(_options: unknown, done?: (error: Error | null, socket: Duplex) => void): undefined {
    this.#open().then(
      (socket) => done?.(null, socket),
      // Node hands no connection on with an error, whatever its types say.
      (error: Error) => done?.(error, undefined as never),
    );
    return undefined;
  }
}

const absent = (cause?: unknown) =>
  new Failure('not-running', 'Gatehouse is not running.', 'Start the Gatehouse app, or: gatehouse serve.', { cause });

/** Where the host's socket is. A link, another user's socket or a folder that others may write to could lead to a program that poses as it. */
function pathOf(dataDir: string): string {
  const path = holderOf(dataDir, 'control')?.socket;
  if (path === undefined) throw absent();
  if (process.getuid === undefined) return path;
  const own = process.getuid();
  const folders = [dataDir, dirname(path)].map((folder) => statSync(folder, { throwIfNoEntry: false }));
  const socket = lstatSync(path, { throwIfNoEntry: false });
  if (!socket) throw absent();
  if (!socket.isSocket() || socket.uid !== own || folders.some((folder) => !folder || folder.uid !== own || (folder.mode & 0o077) !== 0))
    throw new Failure('conflict', `What lies at ${path} is not this user's own socket in a private folder.`, 'See who put it there.');
  return path;
}

function listens(dataDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const socket = connect(pathOf(dataDir));
      const tell = (isThere: boolean) => {
        socket.destroy();
        resolve(isThere);
      };
      socket.on('connect', () => tell(true)).on('error', () => tell(false));
    } catch {
      resolve(false);
    }
  });
}

/** Says one line on a new connection, and resolves with the answer. */
function converse(
  path: string,
  message: object,
  waits: (code: string) => void,
  signal: AbortSignal,
): Promise<{ socket: Socket; value: unknown }> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const stop = () => socket.destroy();
    const settle = (outcome: () => void) => {
      signal.removeEventListener('abort', stop);
      socket.off('error', gone).off('close', gone).off('data', read);
      socket.on('error', () => socket.destroy());
      outcome();
    };
    const gone = (cause?: unknown) => settle(() => reject(absent(cause)));
    const answered = (line: string) => {
      const said = parsed(line);
      if (typeof said?.waits === 'string') return waits(said.waits.slice(0, 40));
      settle(() => {
        if (said?.ok === true) return resolve({ socket, value: said.value });
        socket.destroy();
        const { code = 'unavailable', message = 'Gatehouse answered something that is not understood.', fix } = said?.error ?? {};
        reject(new Failure(code, String(message).slice(0, 2000), fix === undefined ? undefined : String(fix).slice(0, 2000)));
      });
    };
    const read = splitLines(longestReply, answered, stop);
    socket.on('connect', () => socket.write(`${JSON.stringify(message)}\n`));
    socket.on('error', gone).on('close', gone).on('data', read);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
}

function parsed(line: string): { ok?: boolean; value?: unknown; error?: Partial<ErrorValue>; waits?: unknown } | undefined {
  try {
    return JSON.parse(line) as ReturnType<typeof parsed>;
  } catch {
    return undefined;
  }
}
