import { ownRules } from '../../contract/rule-ids.ts';
import type { Step } from './call.ts';
import { builtIn, denied } from './denial.ts';

/** Holds calls to the company's limits and to those of the rule that let them pass. */
export const limit: Step = async (call, next) => {
  const { context, agent, verdict } = call;
  const { owner, name, taskId } = call.target!;
  // A rule's limit counts calls. Asking about the task of an earlier call is not another call.
  const rule = taskId === undefined ? verdict.obligations.limit : undefined;
  const tool = `${owner.id}/${name}`;
  const now = context.now();
  const over = context.limiter.over(agent, tool, rule, now);
  if (over !== undefined) {
    call.verdict = builtIn(ownRules.limit, over);
    return denied(call);
  }
  context.limiter.take(agent, tool, rule, now);
  try {
    return await next(call);
  } finally {
    context.limiter.release(agent);
  }
};
