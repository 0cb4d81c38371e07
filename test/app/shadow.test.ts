import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openShadow } from '../../src/agents/shadow/shadow.ts';
import type { AppState } from '../../src/app/app-state.ts';
import { dispatcher } from '../../src/app/dispatch.ts';
import type { ErrorValue } from '../../src/base/errors.ts';
import { silent } from '../../src/base/log.ts';
import type { Outputs } from '../../src/contract/contract.ts';
import { folder } from '../shell/folder.ts';
import { makeBundle } from '../support/gateway.ts';
import { homeOf } from '../support/homes.ts';
import { testHost } from '../support/host.ts';

test('beside the gate: without rules nothing is compared, without our port nothing is moved, and the company is told no secret', async (t) => {
  const machine = homeOf(t, 'linux');
  const dir = folder(t);
  const file = join(machine.home, '.cursor', 'mcp.json');
  mkdirSync(join(machine.home, '.cursor'));
  const text = JSON.stringify({ mcpServers: { files: { command: 'npx', args: ['-y', 'files', '--token', 'swordfish'] } } });
  writeFileSync(file, text);
  const connections = { entries: () => [], detect: () => [], check: async () => {}, alone: <T>(work: () => Promise<T>) => work() };
  const shadow = openShadow({ dir, machine, now: Date.now, log: silent, connections, limit: () => undefined, note() {} });
  const trouble: ErrorValue = { code: 'conflict', message: 'Port 4999 is held by another program.' };
  const sent: unknown[] = [];
  const company = {
    async postRequest(request: unknown) {
      sent.push(request);
      return { id: 'r-1' };
    },
  };
  const rooms = {
    host: testHost({ dataDir: dir }),
    gateway: { url: 'http://127.0.0.1:4999/mcp' },
    port: { check: async () => trouble },
    shadow,
  };
  const dispatch = (more: object) => dispatcher({ ...rooms, ...more } as unknown as AppState);

  const found = await dispatch({ rules: undefined })('agents-scan', {});
  assert.ok(found.ok);
  const { servers, compared } = found.value as Outputs['agents-scan'];
  assert.deepEqual([servers.map(({ name }) => name), compared], [['files'], false]);
  const rules = { bundle: makeBundle({ servers: [] }) };
  const server = { id: 'cursor', name: 'files' };
  for (const command of ['shadow-move-preview', 'shadow-move'] as const) {
    const refused = await dispatch({ rules })(command, server);
    assert.equal(!refused.ok && refused.error.message.startsWith(trouble.message), true, command);
  }
  const alone = await dispatch({ rules, company: undefined })('shadow-request', { ...server, reason: 'Daily work' });
  assert.equal(!alone.ok && alone.error.code, 'unavailable');
  const asked = await dispatch({ rules, company })('shadow-request', { ...server, reason: 'Daily work' });
  assert.deepEqual(asked, { ok: true, value: { id: 'r-1' } });
  assert.deepEqual(sent, [{ name: 'files', command: 'npx -y files --token ••••', reason: 'Daily work' }]);
  assert.equal(readFileSync(file, 'utf8'), text);
});
