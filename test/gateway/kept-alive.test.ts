// An answer that takes its time is kept alive, and one timer is enough for all of them.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Answering } from '../../src/gateway/http/answer.ts';
import { keptAlive } from '../../src/gateway/http/kept-alive.ts';

test('an answer gets its first comment after fifteen to twenty seconds, then one each fifteen, and none when it is over', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const comments: Record<string, number> = { early: 0, late: 0 };
  const answer = (name: string) => ({ keepAlive: () => comments[name]!++ }) as unknown as Answering;
  const [early, late] = [answer('early'), answer('late')];
  const first = keptAlive.begin(early);
  mock.timers.tick(14_000);
  const second = keptAlive.begin(late);
  assert.deepEqual(comments, { early: 0, late: 0 });
  mock.timers.tick(6_000);
  assert.deepEqual(comments, { early: 1, late: 0 });
  mock.timers.tick(10_000);
  assert.deepEqual(comments, { early: 1, late: 1 });
  mock.timers.tick(15_000);
  assert.deepEqual(comments, { early: 2, late: 2 });
  keptAlive.rest(first);
  keptAlive.rest(second);
  mock.timers.tick(60_000);
  assert.deepEqual(comments, { early: 2, late: 2 });
  const again = keptAlive.begin(early);
  mock.timers.tick(20_000);
  assert.equal(comments['early'], 3);
  keptAlive.rest(again);
  mock.timers.reset();
});
