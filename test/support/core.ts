import assert from 'node:assert/strict';
import { type Core, openCore } from '../../src/app/core.ts';
import { testHost } from './host.ts';

/** A core that belongs to no company. */
export const openLoneCore = (dataDir: string, port: number): Promise<Core> =>
  openCore({
    host: testHost({ dataDir }),
    settings: {
      central: undefined,
      port,
      maxBodyBytes: 1 << 20,
      maxDepth: 64,
      maxConnections: 64,
      headerTimeoutMs: 10_000,
      pollMinutes: 5,
    },
  });

export async function ask<T>(core: Core, command: string, input: object = {}): Promise<T> {
  const reply = await core.dispatch(command, input);
  assert.ok(reply.ok, `${command}: ${JSON.stringify(reply)}`);
  return reply.value as T;
}
