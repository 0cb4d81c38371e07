import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowAll, call, discoverAll, monday, policyOf } from './company.ts';

const effects = (policy: ReturnType<typeof policyOf>, action: 'call' | 'get' | 'read' = 'call') =>
  Object.fromEntries(
    [...policy.list(action, 'files', 'codex')].map(([name, verdict]) => [name, `${verdict.effect}${verdict.conditional ? '?' : ''}`]),
  );

test('a permit that speaks of arguments may apply', () => {
  const policy = policyOf(
    `${discoverAll}@id("P") permit(principal, action == Action::"call", resource == Tool::"files/remove") when { context.args has project && context.args.project == "blue" };`,
  );
  assert.deepEqual(effects(policy), { read: 'deny', write: 'deny', remove: 'allow?' });
  assert.equal(policy.decide(call('remove', { project: 'red' })).effect, 'deny');
});

test('what does not depend on arguments is decided all the same', () => {
  const policy = policyOf(
    `${discoverAll}@id("P") permit(principal, action == Action::"call", resource) when { resource.readOnly && !(context.args has path && context.args.path == "/etc") };`,
  );
  assert.deepEqual(effects(policy), { read: 'allow?', write: 'deny', remove: 'deny' });
  assert.equal(policy.list('call', 'files', 'codex').get('write')!.missing, 'P asks for resource.readOnly');
});

test('a forbid that speaks of arguments is ignored, another is not', () => {
  const policy = policyOf(`${allowAll}
    @id("F-1") @reason("x") forbid(principal, action == Action::"call", resource == Tool::"files/read") when { context.paths.contains("/etc") };
    @id("F-2") @reason("x") forbid(principal, action == Action::"call", resource == Tool::"files/write");
    @id("F-3") @reason("x") forbid(principal, action == Action::"call", resource == Tool::"files/remove") when { context.facts.contains("pii") };`);
  assert.deepEqual(effects(policy), { read: 'allow?', write: 'deny', remove: 'allow?' });
});

test('a server that may not be seen hides all it has, whatever a permit for its tools says', () => {
  const policy = policyOf('@id("C") permit(principal, action == Action::"call", resource);');
  assert.deepEqual(effects(policy), { read: 'deny', write: 'deny', remove: 'deny' });
  assert.equal(policy.decide(call('read')).effect, 'deny');
  assert.equal(policy.canDiscover('files', 'codex').effect, 'deny');
  assert.equal(policy.decide(call('', {}, { action: 'discover' })).effect, 'deny');
});

test('one server can be seen and another not', () => {
  const policy = policyOf('@id("D") permit(principal, action, resource in Server::"web");');
  assert.equal(policy.canDiscover('web', 'codex').rule, 'D');
  assert.equal(policy.canDiscover('files', 'codex').effect, 'deny');
});

test('what is asked for is visible', () => {
  const policy = policyOf(
    `${discoverAll}@id("A") @approval("self") permit(principal, action == Action::"call", resource == Tool::"files/write");`,
  );
  assert.deepEqual(effects(policy), { read: 'deny', write: 'ask', remove: 'deny' });
});

test('resources are listed by their URIs, templates too', () => {
  const policy = policyOf(
    `${allowAll}@id("E") @reason("x") forbid(principal, action == Action::"read", resource) when { context.folders.contains("/etc") };`,
  );
  assert.deepEqual(effects(policy, 'read'), { 'file:///srv/ok/a.txt': 'allow', 'file:///etc/passwd': 'deny', 'file:///{path}': 'allow' });
  assert.deepEqual(effects(policy, 'get'), { summary: 'allow' });
});

test('a list is kept until something can change it, and differs by agent', () => {
  const policy = policyOf('@id("A") permit(principal, action, resource) when { context.agent == Agent::"codex" };');
  const list = policy.list('call', 'files', 'codex');
  assert.equal(policy.list('call', 'files', 'codex'), list);
  assert.equal(list.get('read')!.effect, 'allow');
  assert.equal(policy.list('call', 'files', 'other').get('read')!.effect, 'deny');
});

test('a server that is not there has an empty list', () => {
  assert.equal(policyOf(allowAll).list('call', 'nope', 'codex').size, 0);
});

test('a permit that is kept is never another question’s, nor one that its rules could answer otherwise', () => {
  let now = monday;
  const policy = policyOf(
    `${discoverAll}
    @id("N") permit(principal, action == Action::"call", resource == Tool::"files/read") when { context.agent == Agent::"codex" };
    @id("A") permit(principal, action == Action::"call", resource == Tool::"files/write") when { context.args has count && context.args.count == 1 };
    @id("T") permit(principal, action == Action::"call", resource == Tool::"files/remove") when { context.now.hour == 10 };
    @id("B") permit(principal, action == Action::"get", resource) when { context.bundle.freshness == "fresh" };`,
    { now: () => now },
  );
  const effect = (...args: Parameters<typeof call>) => policy.decide(call(...args)).effect;
  for (let again = 0; again < 2; again++) {
    assert.equal(effect('read'), 'allow');
    assert.equal(effect('read', {}, { agent: 'other' }), 'deny');
    assert.equal(effect('write', { count: 1 }), 'allow');
    assert.equal(effect('write', { count: 2 }), 'deny');
    assert.equal(effect('remove'), 'allow');
    assert.equal(effect('summary', {}, { action: 'get' }), 'allow');
  }
  now += 3_600_000;
  assert.equal(effect('remove'), 'deny');
  now += 10 * 86_400_000;
  assert.equal(effect('summary', {}, { action: 'get' }), 'deny');
  now += 60 * 86_400_000;
  assert.equal(policy.decide(call('read')).rule, 'gatehouse:expired-bundle');
});
