import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRedirect } from '../../src/agents/oauth/redirects.ts';
import { openRequests } from '../../src/agents/oauth/requests.ts';
import { endedInWords } from '../../src/app/follow-agents.ts';
import type { Outputs } from '../../src/contract/contract.ts';
import { ask, openLoneCore } from '../support/core.ts';
import { eventually } from '../support/demo.ts';
import { oauthAgent, pkce } from '../support/oauth-agent.ts';

test('who let an agent in, kept it out, limited it or ended it stands in the record, in words and without a secret', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-notes-'));
  const core = await openLoneCore(dataDir, 0);
  t.after(async () => {
    await core.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const origin = new URL(core.gateway().url!).origin;
  const agent = oauthAgent(origin);
  const robot = await agent.registered();
  const signIn = (client: string, choice: object = {}, redirect?: string) =>
    agent.signIn({
      client,
      ...(redirect === undefined ? {} : { redirect }),
      decide: (id) => ask(core, 'consent-allow', { id, ...choice }),
    });
  const first = await signIn(robot, { servers: ['one', 'two'] });
  const tokens = await first.tokens();
  await ask(core, 'agent-limit', { name: 'Robot', servers: ['one'] });
  await ask(core, 'agent-limit', { name: 'Robot' });
  assert.equal((await first.exchange()).status, 400);
  const known = await signIn('https://claude.ai/oauth/claude-code-client-metadata', { days: 0 }, 'http://localhost:7777/callback');
  const others = await known.tokens();
  await agent.form('/revoke', { token: others.refresh_token, client_id: known.client });
  await agent.sentTo({ client_id: robot, code_challenge: pkce().challenge }, (id) => ask(core, 'consent-deny', { id }));
  await ask(core, 'agent-revoke', { name: 'Robot' });
  await ask(core, 'agent-revoke', { name: 'Robot' });
  const expected = [
    'The person allowed "Robot" (it registered itself) to sign in as the agent "Robot", with the servers one, two.',
    'The person lets the agent "Robot" use the servers one.',
    'The person lets the agent "Robot" use all servers that the rules allow.',
    `What the agent "Robot" came in with was ended: a token or code of it was used again after its time, so somebody has a copy.`,
    'The person allowed "Claude Code" (https://claude.ai/oauth/claude-code-client-metadata) to sign in as the agent "Claude Code", with all servers that the rules allow.',
    'What the agent "Claude Code" came in with was ended: it signed out by itself.',
    'The person did not allow "Robot" (it registered itself) to sign in.',
    'The person revoked the agent "Robot".',
  ];
  const records = await eventually(async () => {
    const { items } = await ask<Outputs['activity-list']>(core, 'activity-list', { limit: 100 });
    return items.length >= expected.length ? items.toReversed() : undefined;
  }, 'all are on the disk');
  assert.deepEqual(
    records.map(({ reason }) => reason),
    expected,
  );
  for (const { method, rule, outcome, decision } of records)
    assert.deepEqual([method, rule, outcome, decision], ['gatehouse/ledger-agent', 'gatehouse:ledger', 'ok', 'allow']);
  const { text } = await ask<Outputs['ledger-export']>(core, 'ledger-export', { format: 'jsonl', limit: 100 });
  for (const secret of [first.code, known.code, ...[tokens, others].flatMap((each) => [each.access_token, each.refresh_token])])
    assert.ok(!text.includes(secret.slice(4, 20)));
  assert.equal((await ask<Outputs['ledger-verify']>(core, 'ledger-verify')).records, expected.length);
});

test('a question that nobody answered is told once, and not where somebody did', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const expired: string[] = [];
  const requests = openRequests({ now: Date.now, changed() {}, expired: ({ client }) => expired.push(client.name) });
  t.after(() => requests.close());
  const asked = (name: string) => ({
    client: { id: name, name, redirectUris: [] },
    redirect: readRedirect('http://127.0.0.1:1/')!,
    state: undefined,
    challenge: '',
    resource: '/mcp',
    issuer: '',
  });
  requests.add(asked('late'));
  requests.decide(requests.add(asked('decided'))!, { allow: false });
  t.mock.timers.tick(10 * 60_000);
  t.mock.timers.tick(10 * 60_000);
  assert.deepEqual(expired, ['late']);
});

test('each reason why something ended has words of its own', () => {
  const words = (['reuse', 'company', 'agent', 'time'] as const).map((why) => endedInWords('A', why));
  assert.equal(new Set(words).size, 4);
  assert.match(words[1]!, /the company blocks it/);
});
