import { hash } from 'node:crypto';
import { byteLength, jsonOf } from '../../upstreams/messages/hole.ts';
import { type Outcome, UpstreamError } from '../../upstreams/upstream.ts';
import type { Passage, Step } from './call.ts';
import { refused, troubleText } from './denial.ts';

/** Records each call with what came of it: denials, crashes and time-outs, too. */
export const audit: Step = async (call, next) => {
  const at = call.gate.now();
  const start = performance.now();
  let outcome: Outcome;
  let trouble: string | undefined;
  try {
    outcome = said(await next());
  } catch (error) {
    const known = error instanceof UpstreamError ? error : new UpstreamError('bad-answer', 'an error inside Gatehouse', { cause: error });
    trouble = `${known.problem}: ${known.message}`;
    outcome = said(refused(call, troubleText(JSON.stringify(call.asked), call.target?.entry.title ?? 'Gatehouse', known)));
  }
  record(call, outcome, trouble, at, performance.now() - start);
  return outcome;
};

/** In here: what cannot be said to the agent is the upstream's trouble, and recorded like any other. */
const said = (outcome: Outcome): Outcome =>
  'error' in outcome || outcome.text !== undefined ? outcome : { result: outcome.result, text: jsonOf(outcome.result) };

function record(call: Passage, outcome: Outcome, trouble: string | undefined, at: number, totalMs: number): void {
  const { gate, verdict } = call;
  gate.ledger.append({
    at,
    person: gate.person,
    agent: call.agent,
    server: call.target?.entry.id ?? '',
    method: call.method,
    target: (call.target?.name ?? call.asked).slice(0, 512),
    decision: verdict.effect,
    rule: verdict.rule,
    reason: verdict.reason,
    bundleVersion: gate.policy?.version ?? 0,
    outcome: trouble === undefined && 'result' in outcome && outcome.result['isError'] !== true ? 'ok' : 'error',
    ...(trouble === undefined ? errorOf(outcome) : { error: trouble.slice(0, 512) }),
    totalMs,
    upstreamMs: call.upstreamMs,
    requestBytes: call.requestBytes,
    responseBytes: 'result' in outcome ? byteLength(outcome.text!) : 0,
    argumentHash: hash('sha256', JSON.stringify(call.args), 'base64url'),
    session: call.session,
  });
}

function errorOf(outcome: Outcome): { error?: string } {
  if ('error' in outcome) return { error: `${outcome.error.code} ${outcome.error.message}`.slice(0, 512) };
  return outcome.result['isError'] === true ? { error: 'tool_error' } : {};
}
