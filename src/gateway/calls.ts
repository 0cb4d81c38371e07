import { hash } from 'node:crypto';
import type { ServerEntry } from '../company/bundle.ts';
import type { LedgerEntry } from '../ledger/record.ts';
import type { Policy, Question, Verdict } from '../policy/policy.ts';
import { loadValidation, validationIsLoaded } from '../policy/validation.ts';
import { denialText, toolError, troubleText, unknown } from './denial.ts';
import type { Directory } from './directory.ts';
import { type Bridge, forward } from './forward.ts';
import type { Limiter } from './limits.ts';
import { isLong, turn } from './pace.ts';
import { byteLength, jsonOf, type Long } from './upstreams/hole.ts';
import type { JsonObject } from './upstreams/upstream.ts';
import { type Outcome, type Peer, type UpstreamCall, UpstreamError } from './upstreams/upstream.ts';

/** What a call asks of an upstream, once it is known whose the name is. */
export interface Target {
  entry: ServerEntry;
  /** As the upstream spells it. */
  name: string;
  action: Question['action'];
  /** What is asked for is what came of an earlier call: the upstream's name for it. */
  taskId?: string;
}

/** One exchange on its way through the gate. */
export interface Call extends Pick<UpstreamCall, 'signal' | 'onProgress' | 'onNotification' | 'onRequest' | 'caughtUp'> {
  agent: string;
  peer: Peer;
  method: string;
  /** As the agent sent them. */
  params: JsonObject;
  /** As the agent named it. */
  asked: string;
  target: Target | undefined;
  args: JsonObject;
  requestBytes: number;
  directory: Directory;
  /** What the ledger groups it by. */
  session?: string;
}

export interface Gate extends Bridge {
  /** Said where there is no policy: why, and what to do, in a sentence or two. */
  closedBecause: string;
  limiter: Limiter;
  ledger: { append(entry: LedgerEntry): void; healthy(): boolean };
}

/** What goes back to the agent: the JSON text of a result, or an error. */
export type Answered = { result: string | Long } | { error: Extract<Outcome, { error: unknown }>['error'] };

const noObligations = { redact: [] };
const builtIn = (rule: string, reason: string): Verdict => ({
  effect: 'deny',
  rule: `gatehouse:${rule}`,
  reason,
  conditional: false,
  obligations: noObligations,
});

/**
 * audit( authorize( limit( forward ))). Audit is outermost: denials, crashes and time-outs are recorded too.
 * Never rejects: whatever happens inside becomes an answer and a record.
 */
export async function pass(call: Call, gate: Gate): Promise<Answered> {
  const startedAt = gate.now();
  const start = performance.now();
  const timing = { upstreamMs: 0 };
  if (!validationIsLoaded()) await loadValidation();
  const digest = isLong(call.requestBytes) ? await digestApart(call.args) : undefined;
  const verdict = authorize(call, gate);
  let outcome: Outcome;
  let trouble: string | undefined;
  let text: string | Long | undefined;
  if (verdict.effect !== 'allow') outcome = refuse(call, gate, verdict);
  else {
    const release = gate.limiter.take(call.agent, `${call.target!.entry.id}/${call.target!.name}`, limitOf(call, verdict), startedAt);
    try {
      if (isLong(call.requestBytes)) await turn();
      outcome = await forward(call, gate, timing);
      // In here: what cannot be said to the agent is the upstream's trouble, and recorded like any other.
      text = textOf(outcome);
    } catch (error) {
      const known = error instanceof UpstreamError ? error : new UpstreamError('bad-answer', 'an error inside Gatehouse', { cause: error });
      trouble = `${known.problem}: ${known.message}`;
      outcome = refusal(call, troubleText(JSON.stringify(call.asked), call.target!.entry.title, known));
    } finally {
      release();
    }
  }
  text ??= textOf(outcome);
  gate.ledger.append({
    at: startedAt,
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
    totalMs: performance.now() - start,
    upstreamMs: timing.upstreamMs,
    requestBytes: call.requestBytes,
    responseBytes: text === undefined ? 0 : byteLength(text),
    argumentHash: digest ?? hash('sha256', JSON.stringify(call.args), 'base64url'),
    session: call.session,
  });
  return text === undefined ? { error: (outcome as Extract<Outcome, { error: unknown }>).error } : { result: text };
}

/** The same hash of arguments of megabytes: each step by itself, and the hashing in a thread of Node's. */
async function digestApart(args: JsonObject): Promise<string> {
  const text = JSON.stringify(args);
  await turn();
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text)));
  await turn();
  return digest.toString('base64url');
}

const textOf = (outcome: Outcome) => ('result' in outcome ? (outcome.text ?? jsonOf(outcome.result)) : undefined);

function errorOf(outcome: Outcome): { error?: string } {
  if ('error' in outcome) return { error: `${outcome.error.code} ${outcome.error.message}`.slice(0, 512) };
  return outcome.result['isError'] === true ? { error: 'tool_error' } : {};
}

function authorize(call: Call, gate: Gate): Verdict {
  if (!gate.policy) return builtIn('no-rules', gate.closedBecause);
  if (!gate.ledger.healthy()) return builtIn('ledger-failed', 'The record of calls cannot be written, and nothing may pass unrecorded.');
  if (!call.target) return builtIn('unknown', 'No blessed server offers it.');
  const { entry, name, action } = call.target;
  if (call.method === 'tasks/cancel') return { ...builtIn('cancel', 'Who began something may end it.'), effect: 'allow' };
  const verdict = gate.policy.decide({ action, server: entry.id, name, args: call.args, agent: call.agent });
  if (verdict.effect === 'deny') return verdict;
  // INVARIANT: an obligation that cannot be met here denies; a rule's author must be able to rely on it.
  if (verdict.effect === 'ask' || verdict.obligations.approval)
    return { ...verdict, effect: 'deny', missing: 'an approval, which this version of Gatehouse cannot ask for' };
  if (verdict.obligations.redact.length > 0)
    return { ...verdict, effect: 'deny', missing: 'redaction, which this version of Gatehouse cannot do' };
  const over = gate.limiter.over(call.agent, `${entry.id}/${name}`, limitOf(call, verdict), gate.now());
  return over === undefined ? verdict : builtIn('limit', over);
}

/** A rule's limit is on calls; asking what became of one is not another. */
const limitOf = (call: Call, verdict: Verdict) => (call.target?.taskId === undefined ? verdict.obligations.limit : undefined);

/** Hidden: as if it did not exist. Visible: a sentence with the rule and a way out. */
function refuse(call: Call, gate: Gate, verdict: Verdict): Outcome {
  const { target } = call;
  if (gate.policy && (!target || !visible(gate.policy, target, call.agent)))
    return { error: unknown(call.method, call.asked, call.peer.era) };
  return refusal(call, denialText(JSON.stringify(call.asked), target?.entry.title ?? 'Gatehouse', verdict));
}

const refusal = (call: Call, text: string): Outcome =>
  call.method === 'tools/call'
    ? { result: call.peer.era === 'modern' ? { resultType: 'complete', ...toolError(text) } : toolError(text) }
    : { error: { code: 403, message: text } };

/** What lists show, decided by the same rules as calls. A URI outside the blessed lists is visible where reading it is allowed at all. */
export function visible(policy: Policy, target: Target, agent: string): boolean {
  if (target.action === 'discover') return policy.canDiscover(target.entry.id, agent).effect !== 'deny';
  const verdicts = policy.list(target.action, target.entry.id, agent);
  const skill = target.action === 'read' ? policy.skillOf(target.entry.id, target.name) : undefined;
  // Whoever sees a skill sees its files.
  const listed = verdicts.get(target.name) ?? verdicts.get(skill ?? '');
  return listed !== undefined && listed.effect !== 'deny';
}
