import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { Failure } from '../base/errors.ts';

export interface Ports {
  mcp: number;
  ui: number;
  central: number;
  issuer: number;
  servers: number;
  everything: number;
  vendor: number;
}

/** Seven ports in a row from `first`; with 0 free ones, which the system chooses. */
export async function demoPorts(first: number): Promise<Ports> {
  if (first > 65529)
    throw new Failure(
      'bad-input',
      `The demo takes seven ports from ${first} on, and there are not so many.`,
      'Choose --port 65529 or less.',
    );
  if (first !== 0)
    return {
      mcp: first,
      ui: first + 1,
      central: first + 2,
      issuer: first + 3,
      servers: first + 4,
      everything: first + 5,
      vendor: first + 6,
    };
  // The identity provider must know the central API's address before that one starts, so this one port is found beforehand.
  return { mcp: 0, ui: 0, central: await freePort(), issuer: 0, servers: 0, everything: 0, vendor: 0 };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Opens a part of the demo on its port. Where the port is taken, the error says what it is for and how to move the whole demo. */
export async function onPort<T>(port: number, purpose: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    const { code, cause: inner } = cause as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException };
    const taken = code === 'EADDRINUSE' || inner?.code === 'EADDRINUSE' || /EADDRINUSE/.test(String(cause));
    if (!taken) throw cause;
    throw new Failure(
      'conflict',
      `Port ${port}, for ${purpose}, is taken by another program.`,
      'End that program, or move the demo: npm start -- --port 5283',
      { cause },
    );
  }
}
