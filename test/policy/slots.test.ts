import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../src/base/errors.ts';
import { loadCedar } from '../../src/policy/deciding/cedar.ts';
import { openSlots, type Slots } from '../../src/policy/deciding/slots.ts';

const cedar = loadCedar();

function parsed(text: string) {
  const answer = cedar.policyToJson(text);
  assert.ok(answer.type === 'success');
  return answer.json;
}

const permit = parsed('permit(principal, action, resource);');
const forbid = parsed('forbid(principal, action, resource);');

function ask(slots: Slots, key: string, policy: typeof permit) {
  const answer = cedar.statefulIsAuthorized({
    principal: { type: 'User', id: 'a' },
    action: { type: 'Action', id: 'call' },
    resource: { type: 'Tool', id: 's/t' },
    context: {},
    entities: [],
    preparsedPolicySetId: slots.use(key, () => ({ rule: policy })),
  });
  assert.ok(answer.type === 'success');
  return answer.response.decision;
}

test('a slot whose name was given to another set is parsed anew, never answered by it', () => {
  const slots = openSlots(cedar, 2, 'test-a-');
  assert.equal(ask(slots, 'one', permit), 'allow');
  assert.equal(ask(slots, 'two', forbid), 'deny');
  assert.equal(ask(slots, 'three', forbid), 'deny');
  assert.equal(slots.size, 2);
  assert.equal(ask(slots, 'one', permit), 'allow');
  assert.equal(ask(slots, 'two', forbid), 'deny');
});

test('the one used longest ago goes first', () => {
  const slots = openSlots(cedar, 2, 'test-b-');
  let made = 0;
  const use = (key: string) =>
    slots.use(key, () => {
      made++;
      return { rule: permit };
    });
  use('one');
  use('two');
  use('one');
  use('three');
  use('one');
  assert.equal(made, 3);
  use('two');
  assert.equal(made, 4);
});

test('a set that cannot be parsed is an expected failure and takes no slot', () => {
  const slots = openSlots(cedar, 1, 'test-c-');
  assert.throws(() => slots.use('bad', () => ({ rule: { effect: 'permit' } as never })), Failure);
  assert.equal(slots.size, 0);
  assert.equal(ask(slots, 'good', permit), 'allow');
});
