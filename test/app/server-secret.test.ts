import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppState } from '../../src/app/app-state.ts';
import { dispatcher } from '../../src/app/dispatch.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { entry, makeBundle } from '../support/gateway.ts';
import { memoryVault } from '../support/host.ts';
import { secretsOver, wants } from '../support/secrets.ts';

test('a secret is set and cleared by command, for servers that the person may discover, and given out by none', async () => {
  const secrets = [wants('x-key', { in: 'header', name: 'X-Key' })];
  const servers = ['near', 'hidden'].map((id) => entry({ id, url: 'http://127.0.0.1:9/mcp', secrets }));
  const policies = `@id("all") @reason("test") permit(principal, action, resource);
@id("no") @reason("test") forbid(principal, action, resource == Server::"hidden");
@id("none") @reason("test") forbid(principal, action, resource in Server::"hidden");`;
  const bundle = makeBundle({ servers, policies, format: 2 });
  const policy = openPolicy(bundle, { person: 'pat', device: { os: 'linux', appVersion: '0', managed: false }, now: Date.now });
  const vault = memoryVault();
  const made = secretsOver(vault);
  const dispatch = dispatcher({ rules: { policy, bundle }, secrets: made.secrets } as unknown as AppState);
  const set = (server: string, name: string, value: unknown) => dispatch('server-secret-set', { server, name, value });
  const code = async (reply: ReturnType<typeof set>) => ((await reply) as { error: { code: string } }).error.code;
  assert.deepEqual(await set('near', 'x-key', 'k-1234567890'), { ok: true, value: {} });
  assert.equal(made.secrets.rows(servers[0]!)[0]!.state, 'set');
  // The bundle moved it while the person typed: what they read is not what it says now.
  const at = (place: string) => dispatch('server-secret-set', { server: 'near', name: 'x-key', value: 'k-0987654321', place });
  assert.equal(await code(at('https://b.example')), 'conflict');
  assert.ok(![...vault.content.values()].some((text) => text.includes('0987654321')));
  assert.deepEqual(await at(made.secrets.rows(servers[0]!)[0]!.place), { ok: true, value: {} });
  assert.equal(await code(set('near', 'y-key', 'k-1234567890')), 'not-found');
  assert.equal(await code(set('hidden', 'x-key', 'k-1234567890')), 'not-found');
  assert.equal(await code(set('unknown', 'x-key', 'k-1234567890')), 'not-found');
  for (const value of ['', 5, undefined, 'a\nb-1234', 'x'.repeat(70_000)])
    assert.equal(await code(set('near', 'x-key', value)), 'bad-input');
  assert.equal(vault.content.size, 1);
  assert.deepEqual(await dispatch('server-secret-clear', { server: 'near', name: 'x-key' }), { ok: true, value: {} });
  assert.equal(vault.content.size, 0);
  made.whose.scope = undefined;
  assert.equal(await code(set('near', 'x-key', 'k-1234567890')), 'signed-out');
});
