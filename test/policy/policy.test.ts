import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowAll, call, discoverAll, monday, policyOf } from './company.ts';

const day = 86_400_000;

test('without a permit nothing goes', () => {
  const verdict = policyOf(discoverAll).decide(call('read'));
  assert.deepEqual([verdict.effect, verdict.rule, verdict.missing], ['deny', 'gatehouse:no-permit', undefined]);
});

test('a verdict carries the rule and its reason', () => {
  const verdict = policyOf(allowAll).decide(call('read'));
  assert.deepEqual(verdict, { effect: 'allow', rule: 'ALL', reason: 'All may.', conditional: false, obligations: { redact: [] } });
});

test('a forbid wins, and says what it would have been content with', () => {
  const policy = policyOf(
    `${allowAll}@id("F") @reason("Managed only.") forbid(principal, action == Action::"call", resource) unless { context.device.managed };`,
    {
      managed: false,
    },
  );
  const verdict = policy.decide(call('read'));
  assert.deepEqual(
    [verdict.rule, verdict.reason, verdict.missing],
    ['F', 'Managed only.', 'F does not apply where context.device.managed'],
  );
});

test('a missing condition is named, the first of each permit that is about this, with its reason', () => {
  const policy = policyOf(`${discoverAll}
    @id("R-1") @reason("Own projects.") permit(principal, action == Action::"call", resource == Tool::"files/remove")
      when { context.args has project && principal.groups.contains(context.args.project) };
    @id("R-2") permit(principal in Group::"devs", action == Action::"call", resource) when { resource.readOnly } unless { context.device.os == "linux" || false };`);
  assert.equal(
    policy.decide(call('remove', { project: 'red' })).missing,
    'R-1 (Own projects.) asks for principal.groups.contains(context.args.project)',
  );
  assert.match(policy.decide(call('remove')).missing!, /^R-1 \(Own projects\.\) asks for context\.args has project$/);
  assert.equal(policy.decide(call('read')).missing, 'R-2 asks for not (context.device.os == "linux")');
  assert.equal(policy.decide(call('remove', { project: 'blue' })).rule, 'R-1');
});

test('the company facts of servers, tools and agents can be spoken of', () => {
  const policy = policyOf(`${discoverAll}
    @id("T") permit(principal, action == Action::"call", resource) when { resource.tags.contains("safe") && resource.server.dataClass == "confidential" };
    @id("N") permit(principal, action == Action::"call", resource) when { resource.name like "rem*" && context.agent == Agent::"codex" && context.agent.name == "codex" };`);
  assert.equal(policy.decide(call('read')).rule, 'T');
  assert.equal(policy.decide(call('fetch', {}, { server: 'web' })).effect, 'deny');
  assert.equal(policy.decide(call('remove')).rule, 'N');
  assert.equal(policy.decide(call('remove', {}, { agent: 'other' })).effect, 'deny');
});

test('a tool whose facts the bundle does not state is taken at its worst', () => {
  const policy = policyOf(`${discoverAll}@id("T") permit(principal, action == Action::"call", resource) when { resource.readOnly };`);
  assert.equal(policy.decide(call('bare', {}, { server: 'web' })).effect, 'deny');
});

test('what is not in the bundle is unknown', () => {
  const policy = policyOf(allowAll);
  assert.equal(policy.decide(call('nope')).rule, 'gatehouse:unknown');
  assert.equal(policy.decide(call('constructor')).rule, 'gatehouse:unknown');
  assert.equal(policy.decide(call('read', {}, { server: 'nope' })).rule, 'gatehouse:unknown');
  assert.equal(policy.canDiscover('nope', 'codex').rule, 'gatehouse:unknown');
  assert.equal(policy.decide(call('nope', {}, { action: 'get' })).rule, 'gatehouse:unknown');
});

test('prompts and resources are decided by their own actions', () => {
  const policy = policyOf(`${discoverAll}
    @id("G") permit(principal, action == Action::"get", resource == Prompt::"files/summary") when { context.args has topic && context.args.topic == "x" };
    @id("R") permit(principal, action == Action::"read", resource in Server::"files");`);
  assert.equal(policy.decide(call('summary', { topic: 'x' }, { action: 'get' })).rule, 'G');
  assert.equal(policy.decide(call('summary', { topic: 'y' }, { action: 'get' })).effect, 'deny');
  assert.equal(policy.decide(call('file:///not/listed', {}, { action: 'read' })).rule, 'R');
  assert.equal(policy.decide(call('x://y', {}, { action: 'read', server: 'web' })).effect, 'deny');
});

test('time windows are in UTC and follow the clock', () => {
  let now = monday;
  const policy = policyOf(
    `${discoverAll}@id("W") permit(principal, action == Action::"call", resource) when { context.now.weekday <= 5 && context.now.hour >= 9 && context.now.hour < 17 };`,
    { now: () => now },
  );
  assert.equal(policy.timeDependent, true);
  assert.equal(policyOf(allowAll).timeDependent, false);
  const at = (time: string) => {
    now = Date.parse(time);
    assert.equal(policy.list('call', 'files', 'codex').get('read')!.effect, policy.decide(call('read')).effect);
    return policy.decide(call('read')).effect;
  };
  assert.equal(at('2026-11-23T09:00:00Z'), 'allow');
  assert.equal(at('2026-11-23T16:59:59Z'), 'allow');
  assert.equal(at('2026-11-23T17:00:00Z'), 'deny');
  assert.equal(at('2026-11-29T10:00:00Z'), 'deny', 'a Sunday is day 7');
});

test('a window for seeing a server opens and closes too', () => {
  let now = monday;
  const policy = policyOf('@id("W") permit(principal, action, resource) when { context.now.hour == 10 };', { now: () => now });
  assert.equal(policy.canDiscover('files', 'codex').effect, 'allow');
  now += 3_600_000;
  assert.equal(policy.canDiscover('files', 'codex').effect, 'deny');
  assert.equal(policy.decide(call('read')).effect, 'deny');
});

test('past its freshness only reading goes, past its end nothing', () => {
  let now = monday;
  const policy = policyOf(allowAll, { now: () => now });
  assert.equal(policy.decide(call('write')).effect, 'allow');
  now = monday + 10 * day;
  assert.equal(policy.decide(call('write')).rule, 'gatehouse:stale-bundle');
  assert.equal(policy.list('call', 'files', 'codex').get('write')!.rule, 'gatehouse:stale-bundle');
  assert.equal(policy.decide(call('read')).effect, 'allow');
  assert.equal(policy.decide(call('summary', {}, { action: 'get' })).effect, 'allow');
  assert.equal(policy.decide(call('file:///a', {}, { action: 'read' })).effect, 'allow');
  now = monday + 60 * day;
  for (const action of ['call', 'get', 'read', 'discover'] as const) {
    assert.equal(policy.decide(call('read', {}, { action })).rule, 'gatehouse:expired-bundle');
  }
  assert.equal(policy.canDiscover('files', 'codex').rule, 'gatehouse:expired-bundle');
  assert.equal(policy.list('call', 'files', 'codex').get('read')!.rule, 'gatehouse:expired-bundle');
});

test('a rule can speak of freshness', () => {
  let now = monday;
  const policy = policyOf(
    `${allowAll}@id("F") @reason("x") forbid(principal, action == Action::"get", resource) unless { context.bundle.freshness == "fresh" };`,
    { now: () => now },
  );
  assert.equal(policy.decide(call('summary', {}, { action: 'get' })).effect, 'allow');
  now += 10 * day;
  assert.equal(policy.decide(call('summary', {}, { action: 'get' })).rule, 'F');
});

test('a policy set that Cedar cannot read denies and does not throw', () => {
  const policy = policyOf(allowAll, {
    policies: [
      {
        id: 'A',
        effect: 'permit',
        annotations: {},
        source: { file: 'a', line: 1 },
        json: {
          effect: 'permit',
          principal: { op: 'All' },
          action: { op: 'All' },
          resource: { op: 'All' },
          conditions: [{ kind: 'when', body: { Nonsense: {} } }],
        },
      },
    ],
  });
  assert.equal(policy.decide(call('read')).rule, 'gatehouse:policy-error');
  assert.equal(policy.list('call', 'files', 'codex').get('read')!.effect, 'deny');
});
