import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { type Cedar, loadCedar } from '../../src/policy/deciding/cedar.ts';
import { openSlots } from '../../src/policy/deciding/slots.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { allowAll, bundleOf, call, monday } from './company.ts';

let supplies = 0;

/** A policy of unchecked rules named `X-0` and so on, and what Cedar was given to read. */
function opened(texts: readonly string[], change: (json: PolicyJson) => PolicyJson = (json) => json) {
  const cedar = loadCedar();
  const bundle = bundleOf(allowAll);
  for (const [at, text] of texts.entries()) {
    const answer = cedar.policyToJson(text);
    assert.ok(answer.type === 'success', JSON.stringify(answer));
    const { effect } = answer.json;
    const source = { file: 'x.cedar', line: at };
    bundle.policies.push({ id: `X-${at}`, effect, annotations: {}, source, json: { ...change(answer.json) } });
  }
  const read: string[][] = [];
  const watched: Cedar = {
    ...cedar,
    preparsePolicySet(name, set) {
      read.push(Object.keys(set.staticPolicies as object));
      return cedar.preparsePolicySet(name, set);
    },
  };
  const device = { os: 'linux', appVersion: '1', managed: true };
  const policy = openPolicy(bundle, { person: 'ann', device, now: () => monday }, openSlots(watched, 20, `part-${supplies++}-`));
  const answer = (args: Record<string, unknown>, name = 'write') => {
    const verdict = policy.decide(call(name, args));
    return `${verdict.rule}${verdict.rule === 'gatehouse:policy-error' ? ` ${/X-\d+/.exec(verdict.reason)?.[0]}` : ''}`;
  };
  return { answer, read, policy, bundle };
}

const onCall = (effect: string, condition: string, principal = 'principal') =>
  `${effect}(${principal}, action == Action::"call", resource) when { ${condition} };`;
const over = (limit: number) => onCall('forbid', `context.args has n && context.args.n == ${limit}`);

test('of many forbids the one that holds is named, of several the first', () => {
  const { answer } = opened([over(1), over(2), over(3), onCall('forbid', 'context.args has n && context.args.n == 3')]);
  assert.deepEqual(
    [0, 1, 2, 3].map((n) => answer({ n })),
    ['ALL', 'X-0', 'X-1', 'X-2'],
  );
});

test('of many forbids one that errs denies: also the last, also one that is no boolean, also beside one that holds', () => {
  const { answer } = opened([over(1), over(2), onCall('forbid', 'context.args.flag')]);
  assert.equal(answer({ n: 0, flag: false }), 'ALL');
  assert.equal(answer({ n: 0, flag: true }), 'X-2');
  assert.equal(answer({ n: 0 }), 'gatehouse:policy-error X-2');
  assert.equal(answer({ n: 0, flag: 5 }), 'gatehouse:policy-error X-2');
  assert.equal(answer({ n: 1, flag: 5 }), 'gatehouse:policy-error X-2');
});

test('when and unless of a forbid among many: in their order, each guarding the next', () => {
  const guarded = `forbid(principal, action, resource) when { context.args has path } unless { context.args.path like "/srv/*" } when { context.args.path like "/*" };`;
  const { answer } = opened([over(1), guarded]);
  const paths = [undefined, '/srv/a', '/etc', 'etc'].map((path) => answer({ path }));
  assert.deepEqual(paths, ['ALL', 'ALL', 'X-1', 'ALL']);
  assert.equal(answer({ path: 3 }), 'gatehouse:invalid-arguments');
});

test('a condition that a permit and a forbid share counts for both', () => {
  const { answer } = opened([onCall('permit', 'context.args has n'), onCall('forbid', 'context.args has n'), over(1)]);
  assert.equal(answer({ n: 5 }), 'X-1');
  assert.equal(answer({}), 'ALL');
});

test('conditions that rules have in common are read once, and rules that ask nothing of a call not again for it', () => {
  const groups = ['staff', 'devs', 'blue'].map((group) => `principal in Group::"${group}"`);
  const { answer, read } = opened([
    ...groups.map((principal) => onCall('permit', 'context.args has n', principal)),
    ...groups.map((principal) => onCall('permit', 'resource.readOnly', principal)),
    'permit(principal, action, resource);',
  ]);
  assert.equal(answer({ n: 1 }), 'ALL');
  assert.deepEqual(
    read.map((set) => set.length),
    [1, 1],
  );
});

test('a forbid as deep as the engine reads is asked by itself', () => {
  const deep = Array.from({ length: 58 }, () => 'context.args has m').join(' || ');
  const { answer } = opened([over(1), over(2), onCall('forbid', deep)]);
  assert.equal(answer({ n: 0 }), 'ALL');
  assert.equal(answer({ m: 0 }), 'X-2');
  assert.equal(answer({ n: 2 }), 'X-1');
});

test('the groups of the person are the same, written out or sent', () => {
  const asking = (count: number) =>
    Array.from({ length: count }, (_, at) =>
      onCall('forbid', `context.args has p${at} && principal has groups && principal.groups.contains(context.args.p${at})`),
    );
  for (const count of [1, 9]) {
    const { answer } = opened([...asking(count), onCall('forbid', 'context.args has all && principal.groups == context.args.all')]);
    assert.deepEqual(
      ['devs', 'red', 3, ['devs']].map((p0) => answer({ p0 })),
      ['X-0', 'ALL', 'gatehouse:policy-error X-0', 'gatehouse:policy-error X-0'],
    );
    assert.equal(answer({ all: ['blue', 'devs', 'staff'] }), `X-${count}`);
    assert.equal(answer({ all: ['blue', 'devs'] }), 'ALL');
  }
});

test('a thing that a condition names is what it is, also where it is the one that is asked about', () => {
  const { answer } = opened([
    onCall('forbid', 'context.args has a && Tool::"files/write" has destructive && Tool::"files/write".destructive'),
    onCall('forbid', 'context.args has b && Tool::"files/write" in Server::"files"'),
    onCall('forbid', 'context.args has c && Agent::"codex" has name'),
    onCall('forbid', 'context.args has d && User::"ann" in Group::"devs"'),
  ]);
  const each = ['a', 'b', 'c', 'd'].map((name) => answer({ [name]: 1 }));
  assert.deepEqual(each, ['X-0', 'X-1', 'X-2', 'X-3']);
});

test('what is kept of a tool is not taken for another tool, nor for another agent', () => {
  const { policy } = opened([
    onCall('forbid', 'resource.destructive && context.agent == Agent::"codex"'),
    onCall('forbid', 'context.args has n && context.args.n == 1'),
  ]);
  const rule = (name: string, agent: string, n: number) => policy.decide(call(name, { n }, { agent })).rule;
  for (let again = 0; again < 2; again++) {
    assert.equal(rule('write', 'codex', 0), 'X-0');
    assert.equal(rule('write', 'other', 0), 'ALL');
    assert.equal(rule('write', 'other', 1), 'X-1');
    assert.equal(rule('read', 'codex', 0), 'ALL');
  }
});

test('a policy that calls itself a permit and is a forbid is not opened', () => {
  assert.throws(() => opened([over(1)], (json) => ({ ...json, effect: 'permit' })), /cannot be read/);
});

test('a clause that is neither when nor unless is refused, also in a forbid among many', () => {
  const odd = (json: PolicyJson): PolicyJson => ({
    ...json,
    conditions: json.conditions.map(({ body }) => ({ kind: 'maybe' as 'when', body })),
  });
  const { answer } = opened([over(1), over(2)], odd);
  assert.match(answer({ n: 0 }), /^gatehouse:policy-error/);
});

test('rules that look at no argument: what they err in denies, and where a thing is is known', () => {
  const settled = opened([onCall('forbid', 'resource.nothing'), over(1)]);
  assert.equal(settled.answer({ n: 0 }), 'gatehouse:policy-error X-0');
  assert.equal(settled.answer({ n: 1 }), 'gatehouse:policy-error X-0');
  for (const where of [
    'resource in Server::"files"',
    'resource is Tool in Server::"files"',
    'resource in [Server::"web", Server::"files"]',
  ]) {
    assert.equal(opened([onCall('forbid', where)]).answer({}), 'X-0');
    assert.equal(opened([onCall('forbid', `${where} && context.args has n`)]).answer({ n: 1 }), 'X-0');
  }
});

test('a question that Cedar does not take denies, whichever part of the rules it is about', () => {
  for (const more of ['', ' && context.args has n']) {
    const { answer, bundle } = opened([onCall('forbid', `resource.server.dataClass == "secret"${more}`)]);
    bundle.servers[0]!.dataClass = null as never;
    assert.match(answer({ n: 1 }), /^gatehouse:policy-error/);
    bundle.servers[0]!.dataClass = 'secret' as never;
    assert.equal(answer({ n: 1 }), 'X-0');
  }
});
