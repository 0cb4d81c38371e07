import assert from 'node:assert/strict';
import { test } from 'node:test';
import { olderThan } from '../../src/app/join.ts';

test('the company may ask for a least version; it is compared by numbers', () => {
  for (const [own, least] of [
    ['0.9.0', '0.10.0'],
    ['1.2', '1.2.1'],
    ['1.9.9', '2.0.0'],
    ['1.0.0', 'newest'],
    ['', '1.0.0'],
  ])
    assert.equal(olderThan(own!, least), true, `${own} < ${least}`);
  for (const [own, least] of [
    ['0.10.0', '0.9.0'],
    ['1.2.0', '1.2'],
    ['2.0.0-beta.1', '2.0.0'],
    ['1.0.0', undefined],
  ])
    assert.equal(olderThan(own!, least), false, `${own} >= ${least}`);
});
