import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { watchClock } from '../../src/base/clock.ts';

test('a clock that went on by itself, or back, is noticed once; one that ticks is not', (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.after(() => mock.timers.reset());
  let now = 1_000_000;
  let jumps = 0;
  const stop = watchClock(
    () => now,
    () => jumps++,
    1000,
  );
  const tick = (ms: number) => {
    now += ms;
    mock.timers.tick(1000);
    return jumps;
  };
  assert.equal(tick(1000), 0);
  assert.equal(tick(3900), 0, 'a busy machine');
  assert.equal(tick(600_000), 1);
  assert.equal(tick(1000), 1);
  assert.equal(tick(-600_000), 2);
  stop();
  assert.equal(tick(600_000), 2);
});
