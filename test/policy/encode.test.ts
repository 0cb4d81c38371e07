import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadCedar } from '../../src/policy/deciding/cedar.ts';
import { encodeArguments } from '../../src/policy/deciding/encode.ts';

const json = (args: Record<string, unknown>, only?: ReadonlySet<string>) => JSON.parse(JSON.stringify(encodeArguments(args, only).value));

test('an argument cannot become an entity or an extension value', () => {
  assert.deepEqual(json({ owner: { __entity: { type: 'User', id: 'admin' } } }), { owner: { $__entity: { type: 'User', id: 'admin' } } });
  assert.deepEqual(json({ a: { __extn: { fn: 'ip', arg: '127.0.0.1' } }, b: { __expr: 'x' } }), {
    a: { $__extn: { fn: 'ip', arg: '127.0.0.1' } },
    b: { $__expr: 'x' },
  });
});

test('two different keys never become one by escaping', () => {
  assert.deepEqual(json({ a: { __entity: 1, $__entity: 2 } }), { a: { $__entity: 1, $$__entity: 2 } });
});

test('a fraction becomes a decimal of four digits where it fits in them, and decides nothing where it does not', () => {
  assert.deepEqual(json({ a: 1.5, c: 1.0 }), { a: { __extn: { fn: 'decimal', arg: '1.5000' } }, c: 1 });
  for (const b of [-0.00001, 7.00001, 1e20, Number.NaN]) assert.equal(encodeArguments({ b }).truncated, true, String(b));
});

test('a number that Cedar cannot hold becomes text', () => {
  assert.deepEqual(json({ a: 1e20, b: 2 ** 53, c: Number.NaN }), { a: '100000000000000000000', b: '9007199254740992', c: 'NaN' });
});

test('null is left out, wherever it stands', () => {
  assert.deepEqual(json({ a: null, b: [1, null, 2], c: { d: null } }), { b: [1, 2], c: {} });
});

test('a BigInt becomes text, and what is no JSON is left out', () => {
  assert.deepEqual(json({ a: 12n, b: undefined, c: () => 1, d: Symbol('x') }), { a: '12' });
});

test('__proto__ is a member like any other', () => {
  const { value } = encodeArguments(JSON.parse('{"__proto__": {"admin": true}}'));
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal(value['admin'], undefined);
});

test('deep, long and many-membered arguments are cut and say so', () => {
  let deep: unknown = 1;
  for (let at = 0; at < 500; at++) deep = { deep };
  assert.equal(encodeArguments({ deep }).truncated, true);
  assert.equal(encodeArguments({ a: 'x'.repeat(8193) }).truncated, true);
  assert.equal(encodeArguments({ a: 'x'.repeat(8192) }).truncated, false);
  assert.equal(encodeArguments({ a: Array.from({ length: 3000 }, (_, at) => at) }).truncated, true);
  assert.equal(encodeArguments({ ['k'.repeat(9000)]: 1 }).truncated, true);
});

test('a cycle ends', () => {
  const a: Record<string, unknown> = {};
  a['self'] = a;
  assert.equal(encodeArguments(a).truncated, true);
});

test('a lone surrogate, which would fail the request, counts as cut', () => {
  assert.equal(encodeArguments({ a: '\ud800' }).truncated, true);
});

test('what no rule looks at need not fit', () => {
  const args = { path: '/a', content: 'x'.repeat(100_000) };
  assert.deepEqual(encodeArguments(args, new Set(['path'])), {
    value: Object.assign(Object.create(null), { path: '/a' }),
    truncated: false,
  });
});

test('a rule can still ask for an escaped name', () => {
  assert.deepEqual(json({ __entity: 1, other: 2 }, new Set(['$__entity'])), { $__entity: 1 });
});

test('whatever the arguments, Cedar takes the encoded context', () => {
  const cedar = loadCedar();
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__entity', '__extn', '__proto__')),
        fc.anything({ withBigInt: true, withNullPrototype: true }),
      ),
      (args) => {
        const answer = cedar.checkParseContext({ context: { args: encodeArguments(args).value } });
        assert.equal(answer.type, 'success', JSON.stringify(answer));
      },
    ),
    { numRuns: 300 },
  );
});
