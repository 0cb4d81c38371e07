import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cursor } from '../../src/agents/clients/programs/cursor.ts';
import type { AppState } from '../../src/app/app-state.ts';
import { dispatcher } from '../../src/app/dispatch.ts';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { Outputs } from '../../src/contract/contract.ts';
import { connectionsIn, type Gate, openGate } from '../agents/connect-setup.ts';
import { fileIn, homeOf } from '../support/homes.ts';
import { testHost } from '../support/host.ts';

let gate: Gate;
before(async () => {
  gate = await openGate();
});
after(() => gate.close());

test('agents are connected by commands; while another program may have the port, no address and no token goes into a file', async (t) => {
  const machine = homeOf(t, 'linux');
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-data-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { connections } = connectionsIn(t, gate, machine, { dir });
  let trouble: ErrorValue | undefined = { code: 'conflict', message: 'Port 4283 is held by another program.', fix: 'End it.' };
  const notes: string[] = [];
  const rooms = {
    host: testHost({ dataDir: dir }),
    agents: gate.agents,
    connections,
    gateway: { url: gate.url },
    port: { check: async () => trouble },
    note: (reason: string) => notes.push(reason),
  };
  const dispatch = dispatcher(rooms as unknown as AppState);
  const file = fileIn(cursor.config, machine, '{}');
  for (const command of ['agent-connect-preview', 'agent-connect']) {
    const refused = await dispatch(command, { id: 'cursor' });
    assert.deepEqual(refused, {
      ok: false,
      error: { code: 'conflict', message: `${trouble.message} So no address is given to an agent, and no token.`, fix: 'End it.' },
    });
  }
  assert.equal(readFileSync(file, 'utf8'), '{}');
  const had = gate.agents.list().length;
  trouble = undefined;
  for (const input of [{}, { id: '' }, { id: 'cursor', entry: '../x' }, { id: 'cursor', entry: '1' }, { id: 'cursor', other: 1 }])
    assert.equal((await dispatch('agent-connect', input)).ok, false);
  assert.equal(gate.agents.list().length, had);
  const shown = await dispatch('agent-connect-preview', { id: 'cursor' });
  assert.ok(shown.ok);
  const { planned } = shown.value as Outputs['agent-connect-preview'];
  const done = await dispatch('agent-connect', { id: 'cursor', planned });
  assert.ok(done.ok, JSON.stringify(done));
  assert.doesNotMatch(JSON.stringify([shown, done]), /gha_/, 'a token is in the file alone');
  const { agents } = ((await dispatch('agents-detect', {})) as { value: Outputs['agents-detect'] }).value;
  assert.equal(agents.find(({ id }) => id === 'cursor')!.state, 'connected');
  assert.deepEqual(connections.configOf('Cursor'), { id: 'cursor', file, state: 'connected' });
  const undone = await dispatch('agent-disconnect', { id: 'cursor' });
  assert.deepEqual(undone, { ok: true, value: { id: 'cursor', title: 'Cursor', file, restored: 'whole', hadToken: true } });
  assert.deepEqual(notes, [
    `The person connected Cursor: its entry is in ${file}.`,
    `The person disconnected Cursor, whose entry was in ${file}.`,
  ]);
});
