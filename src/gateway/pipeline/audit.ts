import { hash } from 'node:crypto';
import { isLong, turn } from '../../base/pace.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { byteLength, jsonOf } from '../../upstreams/messages/hole.ts';
import { type Outcome, UpstreamError } from '../../upstreams/upstream.ts';
import type { Passage, Step } from './call.ts';
import { refused, troubleText } from './denial.ts';

/** Records each call with what came of it: denials, crashes and time-outs, too. */
export const audit: Step = async (call, next) => {
  const at = call.context.now();
  const start = performance.now();
  let outcome: Outcome;
  let trouble: string | undefined;
  const digest = isLong(call.requestBytes) ? await digestApart(call.args) : undefined;
  try {
    outcome = said(await next(call));
  } catch (error) {
    const failure = error instanceof UpstreamError ? error : new UpstreamError('bad-answer', 'an error inside Gatehouse', { cause: error });
    trouble = `${failure.problem}: ${failure.message}`;
    outcome = said(refused(call, troubleText(JSON.stringify(call.asked), call.target?.owner.title ?? 'Gatehouse', failure)));
  }
  record(call, outcome, { trouble, at, totalMs: performance.now() - start, digest });
  return outcome;
};

/** Called inside the `try`: a result that cannot be written as JSON is the upstream's error, recorded like any other. */
const said = (outcome: Outcome): Outcome =>
  'error' in outcome || outcome.text !== undefined ? outcome : { result: outcome.result, text: jsonOf(outcome.result) };

/** The same hash for arguments of megabytes: pauses between its steps, and hashes in a thread of Node's. */
async function digestApart(args: JsonObject): Promise<string> {
  const text = JSON.stringify(args);
  await turn();
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text)));
  await turn();
  return digest.toString('base64url');
}

function record(
  call: Passage,
  outcome: Outcome,
  { trouble, at, totalMs, digest }: { trouble: string | undefined; at: number; totalMs: number; digest: string | undefined },
): void {
  const { context, verdict } = call;
  context.ledger.append({
    at,
    person: context.person,
    agent: call.agent,
    server: call.target?.owner.id ?? '',
    method: call.method,
    target: (call.target?.name ?? call.asked).slice(0, 512),
    decision: verdict.effect,
    rule: verdict.rule,
    reason: verdict.reason,
    bundleVersion: context.policy?.version ?? 0,
    outcome: trouble === undefined && 'result' in outcome && outcome.result['isError'] !== true ? 'ok' : 'error',
    error: (trouble ?? errorOf(outcome))?.slice(0, 512),
    totalMs,
    upstreamMs: call.upstreamMs,
    requestBytes: call.requestBytes,
    responseBytes: 'result' in outcome ? byteLength(outcome.text!) : 0,
    argumentHash: digest ?? hash('sha256', JSON.stringify(call.args), 'base64url'),
    session: call.session,
  });
}

function errorOf(outcome: Outcome): string | undefined {
  if ('error' in outcome) return `${outcome.error.code} ${outcome.error.message}`;
  return outcome.result['isError'] === true ? 'tool_error' : undefined;
}
