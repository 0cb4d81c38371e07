import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { loadCedar } from '../../src/policy/deciding/cedar.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { allowAll, bundleOf, call, monday, policyOf } from './company.ts';

/** As a central API of the company's own might send it, without our compiler's checks. */
function unchecked(...texts: string[]) {
  const bundle = bundleOf(allowAll);
  for (const [at, text] of texts.entries()) {
    const answer = loadCedar().policyToJson(text);
    assert.ok(answer.type === 'success', JSON.stringify(answer));
    const json: PolicyJson = answer.json;
    bundle.policies.push({
      id: `X-${at}`,
      effect: json.effect,
      annotations: json.annotations ?? {},
      source: { file: 'x.cedar', line: 1 },
      json: { ...json },
    });
  }
  return openPolicy(bundle, { person: 'ann', device: { os: 'linux', appVersion: '1', managed: true }, now: () => monday });
}

const answer = (policy: ReturnType<typeof unchecked>, args: Record<string, unknown>, facts?: string[]) => {
  const verdict = policy.decide(call('write', args, facts ? { facts } : {}));
  return `${verdict.effect} ${verdict.rule}`;
};

test('a forbid whose condition errors denies: an argument that is missing', () => {
  const policy = unchecked('forbid(principal, action == Action::"call", resource) when { context.args.path like "/etc/*" };');
  assert.equal(answer(policy, { path: '/etc/x' }), 'deny X-0');
  assert.equal(answer(policy, { path: '/srv' }), 'allow ALL');
  assert.equal(answer(policy, {}), 'deny gatehouse:policy-error');
});

test('a forbid whose condition errors denies: an argument of another type', () => {
  const policy = unchecked('forbid(principal, action == Action::"call", resource) when { context.args.count > 100 };');
  assert.equal(answer(policy, { count: 1 }), 'allow ALL');
  for (const count of ['1', 1.5, [101], { n: 101 }]) assert.equal(answer(policy, { count }), 'deny gatehouse:invalid-arguments');
  assert.equal(answer(policy, { count: null }), 'deny gatehouse:policy-error');
  assert.equal(answer(policy, { count: 1e30 }), 'deny gatehouse:arguments-too-large');
  // Where no schema says so, the rule itself errs.
  const bare = unchecked('forbid(principal, action == Action::"call", resource) when { context.args.other > 100 };');
  for (const other of ['1', [101], { n: 101 }, null]) assert.equal(answer(bare, { other }), 'deny gatehouse:policy-error');
});

test('a permit whose condition errors permits nothing, and the verdict names it', () => {
  const policy = unchecked('permit(principal, action == Action::"call", resource) when { context.args.x };');
  const verdict = policy.decide(call('write', {}));
  assert.equal(verdict.rule, 'gatehouse:policy-error');
  assert.match(verdict.reason, /X-0 .*`x`/);
});

test('an entity in an argument does not become one', () => {
  const policy = unchecked(
    'forbid(principal, action == Action::"call", resource) unless { context.args has owner && context.args.owner == User::"admin" };',
  );
  assert.equal(answer(policy, { owner: { __entity: { type: 'User', id: 'admin' } } }), 'deny X-0');
});

test('an extension value in an argument does not become one', () => {
  const policy = unchecked(
    'forbid(principal, action == Action::"call", resource) unless { context.args has ip && context.args.ip == ip("127.0.0.1") };',
  );
  assert.equal(answer(policy, { ip: { __extn: { fn: 'ip', arg: '127.0.0.1' } } }), 'deny X-0');
});

test('fractions, null, BigInt and lone surrogates do not fail the request where no rule looks at them', () => {
  const policy = unchecked(
    'forbid(principal, action == Action::"call", resource) when { context.args has path && context.args.path == "/etc" };',
  );
  assert.equal(answer(policy, { path: '/srv', a: 1.5, b: 1e20, c: null, d: 12n, e: '\ud800', f: { g: null } }), 'allow ALL');
});

test('a fraction can be compared as a decimal', () => {
  const policy = unchecked(
    'forbid(principal, action == Action::"call", resource) when { context.args has share && context.args.share.greaterThan(decimal("0.5")) };',
  );
  assert.equal(answer(policy, { share: 0.25 }), 'allow ALL');
  assert.equal(answer(policy, { share: 0.75 }), 'deny X-0');
});

test('arrays become sets', () => {
  const policy = unchecked(
    'forbid(principal, action == Action::"call", resource) unless { context.args has to && ["a", "b"].containsAll(context.args.to) };',
  );
  assert.equal(answer(policy, { to: ['b', 'a', 'b'] }), 'allow ALL');
  assert.equal(answer(policy, { to: ['a', 'c'] }), 'deny X-0');
});

test('cut arguments never decide', () => {
  const policy = unchecked(
    'forbid(principal, action == Action::"call", resource) when { context.args has content && context.args.content like "*secret*" };',
  );
  assert.equal(answer(policy, { content: `${'x'.repeat(9000)}secret` }), 'deny gatehouse:arguments-too-large');
  assert.equal(answer(policy, { content: 'x' }), 'allow ALL');
  assert.equal(answer(policy, { other: 'x'.repeat(100_000) }), 'allow ALL');
});

test('deep arguments never decide and never throw', () => {
  let deep: unknown = 1;
  for (let at = 0; at < 5000; at++) deep = [deep];
  const policy = unchecked(
    'forbid(principal, action == Action::"call", resource) when { context.args has deep && context.args.deep == 1 };',
  );
  assert.equal(answer(policy, { deep }), 'deny gatehouse:policy-error');
  const present = unchecked('forbid(principal, action == Action::"call", resource) when { context.args has deep.x };');
  assert.equal(answer(present, { deep }), 'deny gatehouse:arguments-too-large');
});

test('a path that climbs out is matched where it leads', () => {
  const policy = policyOf(`${allowAll}
    @id("RAW") @reason("x") forbid(principal, action == Action::"call", resource == Tool::"files/read") unless { context.args has path && context.args.path like "/srv/ok/*" };
    @id("IN") @reason("Only the open folder.") forbid(principal, action == Action::"call", resource == Tool::"files/write") unless { context.within.contains("/srv/ok") };`);
  const path = '/srv/ok/../../etc/passwd';
  assert.equal(policy.decide(call('read', { path })).effect, 'allow', 'raw text is fooled');
  assert.equal(policy.decide(call('write', { path })).rule, 'IN');
  assert.equal(policy.decide(call('write', { path: '/srv/ok/./a' })).effect, 'allow');
  assert.equal(policy.decide(call('write', {})).rule, 'IN');
});

test('a host is matched whatever way it is written', () => {
  const policy = policyOf(
    `${allowAll}@id("HOST") @reason("x") forbid(principal, action == Action::"call", resource) when { context.hosts.contains("evil.example") };`,
  );
  for (const url of ['http://EVIL.example:80/', 'https://a:b@evil.example./x', 'https:\\\\evil.example\\x']) {
    assert.equal(policy.decide(call('fetch', { url }, { server: 'web' })).rule, 'HOST', url);
  }
});

test('a resource is judged by where its URI leads', () => {
  const policy = policyOf(
    `${allowAll}@id("ETC") @reason("x") forbid(principal, action == Action::"read", resource) when { context.folders.contains("/etc") };`,
  );
  const read = (name: string) => policy.decide({ action: 'read', server: 'files', name, agent: 'a' }).rule;
  assert.equal(read('file:///srv/ok/../../etc/passwd'), 'ETC');
  assert.equal(read('file:///srv/ok/a.txt'), 'ALL');
});

test('a rule that asks for findings denies when nothing was inspected', () => {
  const policy = unchecked('forbid(principal, action == Action::"call", resource) when { context.facts.contains("pii.card") };');
  assert.equal(answer(policy, {}), 'deny gatehouse:policy-error');
  assert.match(policy.decide(call('write', {})).reason, /nothing was inspected/);
  assert.equal(answer(policy, {}, []), 'allow ALL');
  assert.equal(answer(policy, {}, ['pii.card']), 'deny X-0');
  assert.equal(policy.asksForFacts(call('write')), true);
  assert.equal(policyOf(allowAll).asksForFacts(call('write')), false);
});

test('left-out arguments are none, not unknown ones', () => {
  const policy = policyOf(
    `${allowAll}@id("P") @reason("x") forbid(principal, action == Action::"call", resource == Tool::"files/remove") unless { context.args has project && context.args.project == "blue" };`,
  );
  const { args: _, ...question } = call('remove');
  assert.equal(policy.decide(question).rule, 'P');
  assert.equal(policy.preview(question).effect, 'allow');
});

test('a group on the right of a computed `in` is not pruned away', () => {
  const policy = unchecked(
    'forbid(principal, action == Action::"call", resource) when { principal in (if context.device.managed then Group::"devs" else Group::"red") };',
  );
  assert.equal(answer(policy, {}), 'deny X-0');
});

test('groups come from the bundle alone', () => {
  const text = '@id("D") permit(principal in Group::"devs", action, resource);';
  assert.equal(policyOf(text).decide(call('read')).effect, 'allow');
  assert.equal(policyOf(text, { groups: ['staff'] }).decide(call('read')).effect, 'deny');
});
