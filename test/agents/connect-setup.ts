import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openConnections } from '../../src/agents/clients/connections.ts';
import type { Machine } from '../../src/agents/clients/programs/client.ts';
import { silent } from '../../src/base/log.ts';
import { makeBundle, openTestGateway } from '../support/gateway.ts';
import { memoryVault } from '../support/host.ts';

/** A gateway that is really there, and the agents that it lets in; shared by the tests of a file. */
export async function openGate() {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-connect-'));
  const gateway = await openTestGateway(makeBundle({ servers: [] }), { dataDir: dir });
  return {
    url: gateway.url,
    agents: gateway.agents,
    close: () => gateway.close().then(() => rmSync(dir, { recursive: true, force: true })),
  };
}

export type Gate = Awaited<ReturnType<typeof openGate>>;

export function connectionsIn(
  t: TestContext,
  gate: Gate,
  machine: Machine,
  options: { now?: () => number; dir?: string; ownUrl?: () => string | undefined; settleMs?: number } = {},
) {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'gatehouse-data-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  // Says which host it found, as `gatehouse status --json` does: no host runs beside these tests.
  const program = join(dir, 'status.mjs');
  writeFileSync(program, `console.log(JSON.stringify({ app: { dataDir: process.argv[2] === 'status' && process.argv[4] } }));`);
  const bridge = [process.execPath, program, 'bridge', '--data', dir] as const;
  const vault = memoryVault();
  const notes: string[] = [];
  const connections = openConnections({
    dir,
    machine,
    version: '0',
    now: options.now ?? Date.now,
    log: silent,
    credentials: gate.agents,
    vault,
    bridge,
    ownUrl: async () => (options.ownUrl ?? (() => gate.url))(),
    changed() {},
    note: (reason) => notes.push(reason),
    everyMs: 0,
    settleMs: options.settleMs ?? 0,
  });
  t.after(() => {
    connections.close();
    for (const { name, revokedAt } of gate.agents.list()) if (!revokedAt) gate.agents.revoke(name);
  });
  return { connections, dir, vault, notes, bridge };
}
