import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AppState } from '../../src/app/app-state.ts';
import { dispatcher } from '../../src/app/dispatch.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { entry, makeBundle, openTestGateway } from '../support/gateway.ts';
import { tool } from '../support/upstreams/open.ts';

const program = join(import.meta.dirname, '../support/upstreams/stdio-server.ts');

test('what a local server wrote is read by command, of servers that the person may discover', async (t) => {
  const launch = { command: 'node', args: [program] };
  const servers = [
    entry({ id: 'near', launch, tools: [{ name: 'complain' }] }),
    entry({ id: 'secret', launch, tools: [{ name: 'complain' }] }),
    entry({ id: 'far', url: 'http://127.0.0.1:1/mcp', tools: [{ name: 'x' }] }),
  ];
  const policies = `@id("all") @reason("test") permit(principal, action, resource);
@id("no") @reason("test") forbid(principal, action, resource == Server::"secret");
@id("none") @reason("test") forbid(principal, action, resource in Server::"secret");`;
  const bundle = makeBundle({ servers, policies });
  const near = await openTestGateway(bundle);
  t.after(() => near.close());
  const policy = openPolicy(bundle, { person: 'pat', device: { os: 'linux', appVersion: '0', managed: false }, now: Date.now });
  // Of the house the command needs no more than what decides and who runs.
  const dispatch = dispatcher({ rules: { policy, bundle }, upstreams: near.upstreams } as unknown as AppState);
  const read = (server: string) => dispatch('server-stderr', { server });
  assert.deepEqual(await read('near'), { ok: true, value: { lines: [] } });
  await near.upstreams.get('near')!.call(tool('complain', { text: 'no \u001b[31mconfig\n' }));
  for (let left = 100; left > 0; left--) {
    const reply = (await read('near')) as { value: { lines: string[] } };
    if (reply.value.lines.at(-1) === 'no config') break;
    assert.notEqual(left, 1, JSON.stringify(reply));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const code = async (server: string) => ((await read(server)) as { error: { code: string } }).error.code;
  assert.equal(await code('secret'), 'not-found');
  assert.equal(await code('unknown'), 'not-found');
  assert.equal(await code('far'), 'bad-input');
});
