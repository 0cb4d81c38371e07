import type http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { whoAnswers } from '../../port/probe.ts';

/**
 * `ours`: what connects there arrives here. `foreign`: another program has it. `closed`: it cannot be listened on, and nobody answers.
 * `unknown`: it could not be tried.
 */
export type PortHold = 'ours' | 'foreign' | 'closed' | 'unknown';

export interface AddressState {
  address: '127.0.0.1' | '::1';
  hold: PortHold;
  /** The system's own code, such as EACCES, where listening failed. */
  code?: string;
}

export interface Port {
  readonly number: number;
  /** Listens where that is not done yet, then tries each address as an agent would. An address that this machine does not have is left out. */
  check(): Promise<AddressState[]>;
  /** Serves a connection that came another way. */
  accept(connection: Socket): void;
  close(): Promise<void>;
}

/**
 * At exactly this port, since agents have it in their configuration; 0 picks a free one. On both loopback addresses: `localhost` means either,
 * and what we leave free another user may take. One that is taken is no error here: `check` tells, and takes it once it is free.
 */
export async function openPort(wanted: number, open: () => http.Server): Promise<Port> {
  const ends = (['127.0.0.1', '::1'] as const).map((address) => ({ address, server: open() }));
  let number = wanted;
  let running: Promise<AddressState[]> | undefined;
  if (wanted === 0) {
    const { address, server } = ends[0]!;
    const code = await listen(server, address, 0);
    if (code !== undefined) throw new Error(`no free port: ${code}`);
    number = (server.address() as AddressInfo).port;
  }

  async function stateOf({ address, server }: (typeof ends)[number]): Promise<AddressState | undefined> {
    const code = server.listening ? undefined : await listen(server, address, number);
    if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return undefined;
    if (code === 'EADDRINUSE') return { address, hold: 'foreign', code };
    const ask = () => whoAnswers(server, address, number);
    let answer = await ask();
    // Once more: a machine that is short of everything must not raise an alarm.
    if (answer === 'foreign' || answer === 'unknown') answer = await ask();
    return { address, hold: answer === 'nobody' ? 'closed' : answer, ...(code === undefined ? {} : { code }) };
  }

  return {
    number,
    check() {
      running ??= Promise.all(ends.map(stateOf))
        .then((states) => states.filter((state) => state !== undefined))
        .finally(() => {
          running = undefined;
        });
      return running;
    },
    accept: (connection) => void ends[0]!.server.emit('connection', connection),
    async close() {
      await running;
      await Promise.all(
        ends.map(({ server }) => {
          const drained = new Promise<void>((resolve) => server.close(() => resolve()));
          server.closeIdleConnections();
          setTimeout(() => server.closeAllConnections(), 500).unref();
          return drained;
        }),
      );
    },
  };
}

/** Undefined where it listens now, else the code of what is in the way. */
function listen(server: http.Server, host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const done = (error?: NodeJS.ErrnoException) => {
      server.off('error', done).off('listening', done);
      resolve(error?.code ?? (error ? String(error) : undefined));
    };
    server.once('error', done).once('listening', done).listen({ host, port, ipv6Only: true });
  });
}
