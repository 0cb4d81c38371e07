import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AllowList } from '../../src/agents/managed/agent.ts';
import { look } from '../../src/agents/managed/look.ts';
import type { AppState } from '../../src/app/app-state.ts';
import { dispatcher } from '../../src/app/dispatch.ts';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { Outputs } from '../../src/contract/contract.ts';
import { folder } from '../shell/folder.ts';
import { makeBundle } from '../support/gateway.ts';
import { homeOf } from '../support/homes.ts';
import { testHost } from '../support/host.ts';

test('agents-policy: what the signed bundle states; without rules, or while the port is another program’s, nothing is said', async (t) => {
  const machine = homeOf(t, 'linux');
  const root = folder(t);
  let trouble: ErrorValue | undefined;
  const rooms = {
    host: testHost({ dataDir: root }),
    gateway: { url: 'http://127.0.0.1:4999/mcp' },
    port: { check: async () => trouble },
    managed: (list: AllowList | undefined) => look(list, { platform: 'linux', root, admin: process.getuid?.() }, machine),
  };
  const dispatch = (rules: object | undefined) => dispatcher({ ...rooms, rules } as unknown as AppState)('agents-policy', {});
  const said = async (agents?: { otherServers: [] }) => {
    const answer = await dispatch({ bundle: makeBundle({ servers: [], ...(agents && { agents }) }) });
    assert.ok(answer.ok, JSON.stringify(answer));
    return answer.value as Outputs['agents-policy'];
  };
  const none = await dispatch(undefined);
  assert.equal(!none.ok && none.error.code, 'unavailable');
  const unstated = await said();
  assert.equal(unstated.otherServers, undefined);
  assert.equal(unstated.agents.find(({ id }) => id === 'codex')!.state, 'not-stated');
  const stated = await said({ otherServers: [] });
  assert.deepEqual([stated.origin, stated.otherServers], ['http://127.0.0.1:4999', []]);
  assert.equal(stated.agents.find(({ id }) => id === 'codex')!.state, 'missing');
  trouble = { code: 'conflict', message: 'Port 4999 is held by another program.' };
  const refused = await dispatch({ bundle: makeBundle({ servers: [] }) });
  assert.equal(!refused.ok && refused.error.code, 'conflict', 'the list would let that program in');
});
