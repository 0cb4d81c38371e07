import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinObligations, readObligations } from '../../src/policy/deciding/obligations.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { allowAll, bundleOf, call, discoverAll, monday, policyOf } from './company.ts';

test('annotations are read', () => {
  assert.deepEqual(readObligations({ approval: 'self', redact: 'pii, secrets,pii', limit: '20/minute' }), {
    obligations: { approval: 'self', redact: ['pii', 'secrets'], limit: { count: 20, perMs: 60_000 } },
    mistakes: [],
  });
});

test('each mistake comes with what to write', () => {
  const { mistakes } = readObligations({ approval: 'boss', redact: 'a,,b', limit: '20/min' });
  assert.deepEqual(
    mistakes.map((mistake) => mistake.annotation),
    ['approval', 'redact', 'limit'],
  );
  for (const { fix } of mistakes) assert.match(fix, /@/);
});

test('obligations of all permits hold together: the stronger approval, all redactions, the lowest rate', () => {
  const joined = joinObligations([
    { redact: ['b'], approval: 'second-person', limit: { count: 10, perMs: 1000 } },
    { redact: ['a'], approval: 'self', limit: { count: 60, perMs: 60_000 } },
    { redact: [], limit: { count: 1, perMs: 1000 } },
  ]);
  assert.deepEqual(joined, { redact: ['a', 'b'], approval: 'second-person', limit: { count: 1, perMs: 1000 } });
});

test('a permit that asks for nothing does not free from one that asks', () => {
  const policy = policyOf(
    `${allowAll}@id("ASK") @reason("Ask first.") @approval("self") @redact("pii") permit(principal, action == Action::"call", resource == Tool::"files/write");`,
  );
  const verdict = policy.decide(call('write'));
  assert.deepEqual(
    [verdict.effect, verdict.rule, verdict.reason, verdict.obligations],
    ['ask', 'ASK', 'Ask first.', { redact: ['pii'], approval: 'self' }],
  );
  assert.equal(policy.decide(call('read')).effect, 'allow');
});

test('seeing a server is never asked for', () => {
  const policy = policyOf('@id("ASK") @approval("self") permit(principal, action, resource);');
  assert.equal(policy.canDiscover('files', 'codex').effect, 'allow');
  assert.equal(policy.decide(call('read')).effect, 'ask');
});

test('an obligation that is not understood permits nothing', () => {
  const bundle = bundleOf(`${discoverAll}@id("ODD") permit(principal, action == Action::"call", resource);`);
  bundle.policies[1]!.annotations['approval'] = 'three-persons';
  const policy = openPolicy(bundle, { person: 'ann', device: { os: 'linux', appVersion: '1', managed: true }, now: () => monday });
  assert.deepEqual([policy.decide(call('read')).effect, policy.decide(call('read')).rule], ['deny', 'gatehouse:policy-error']);
});
