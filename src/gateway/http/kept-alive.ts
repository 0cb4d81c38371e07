import { type Answering, keepAliveMs } from './answer.ts';

/** Of the timer in one such time. */
const turns = 3;
/** An answer that is under way. */
export interface Kept {
  /** Undefined when it is over: a `Set` that V8 has built anew keeps what it held before. */
  answer: Answering | undefined;
  /** Turns of the timer until its next comment. */
  left: number;
}
const all = new Set<Kept>();
let timer: NodeJS.Timeout | undefined;

/** From `begin` to `rest`, an answer gets a comment after fifteen to twenty seconds, and each fifteen from then on. One timer serves all of them. */
export const keptAlive = {
  begin(answer: Answering): Kept {
    const kept = { answer, left: turns + 1 };
    all.add(kept);
    timer ??= setInterval(turn, keepAliveMs / turns).unref();
    return kept;
  },
  rest(kept: Kept): void {
    kept.answer = undefined;
    all.delete(kept);
  },
};

function turn(): void {
  for (const kept of all) {
    if (--kept.left > 0) continue;
    kept.left = turns;
    kept.answer?.keepAlive();
  }
  if (all.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
