import { type Answering, keepAliveMs } from './answer.ts';

/** Of the timer in one such time. */
const turns = 3;
/** Answers that are under way, each with the turns of the timer until its next comment. One timer serves all of them. */
const answers = new Map<Answering, number>();
let timer: NodeJS.Timeout | undefined;

/** From `begin` to `rest`, an answer gets a comment after fifteen to twenty seconds, and each fifteen from then on. */
export const keptAlive = {
  begin(answer: Answering): void {
    answers.set(answer, turns + 1);
    timer ??= setInterval(turn, keepAliveMs / turns).unref();
  },
  rest(answer: Answering): void {
    answers.delete(answer);
  },
};

function turn(): void {
  for (const [answer, left] of answers) {
    answers.set(answer, left > 1 ? left - 1 : turns);
    if (left === 1) answer.keepAlive();
  }
  if (answers.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
