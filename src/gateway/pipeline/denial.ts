import { isOwnRule, type OwnRule, ownRules } from '../../contract/rule-ids.ts';
import type { Decision } from '../../policy/policy.ts';
import type { JsonObject, RpcError } from '../../protocol/jsonrpc.ts';
import { rpc } from '../../protocol/jsonrpc.ts';
import { type Outcome, SignInNeeded, type UpstreamError } from '../../upstreams/upstream.ts';
import { visible } from '../catalogue/visible.ts';
import type { Call, Passage } from './call.ts';

/** A denial by a rule of Gatehouse's own. */
export const builtIn = (rule: OwnRule, reason: string): Decision => ({
  effect: 'deny',
  rule,
  reason,
  conditional: false,
  obligations: { redact: [] },
});

/** The verdict until the first step has decided. */
export const undecided: Decision = builtIn(ownRules.policyError, 'Nothing decided on it.');

/** The answer to a call that the verdict does not let pass. Hidden: as if it did not exist. Visible: a sentence with the rule and a way out. */
export function denied({ context, target, verdict, ...call }: Passage): Outcome {
  if (context.policy && !(target && visible(context.policy, { ...target, server: target.owner.id, agent: call.agent })))
    return { error: unknown(call.method, call.asked, call.peer.era) };
  return refused(call, denialText(JSON.stringify(call.asked), target?.owner.title ?? 'Gatehouse', verdict));
}

/** A tool result, which the model can read; an error for all other methods. */
export const refused = ({ method, peer }: Pick<Call, 'method' | 'peer'>, text: string): Outcome =>
  method === 'tools/call'
    ? { result: peer.era === 'modern' ? { resultType: 'complete', ...toolError(text) } : toolError(text) }
    : { error: { code: 403, message: text } };

/** A tool result that a model can read and act on; agents do not take it for a transport failure, as they do with an HTTP error. */
const toolError = (text: string): JsonObject => ({ content: [{ type: 'text', text }], isError: true });

/** Hidden and nonexistent things get the same words, so that no list can be guessed out of errors. */
function unknown(method: string, name: string, era: 'legacy' | 'modern'): RpcError {
  if (method === 'tools/call') return { code: rpc.invalidParams, message: `Unknown tool: ${name}` };
  if (method === 'prompts/get') return { code: rpc.invalidParams, message: `Unknown prompt: ${name}` };
  if (method.startsWith('tasks/')) return { code: rpc.invalidParams, message: `Unknown task: ${name}` };
  if (method === 'completion/complete') return { code: rpc.invalidParams, message: `Unknown reference: ${name}` };
  if (method === 'skills/get') return { code: rpc.invalidParams, message: `No skill is served at ${name}` };
  if (method === 'resources/directory/read') return { code: rpc.invalidParams, message: `Not a directory resource: ${name}` };
  // SEP-2164: the modern era says -32602 where the legacy one had a code of its own.
  return { code: era === 'modern' ? rpc.invalidParams : rpc.resourceNotFound, message: `Resource not found: ${name}`, data: { uri: name } };
}

const openApp = 'Ask the person to open Gatehouse';

const request = `Do not retry unchanged. ${openApp} and choose "Request access" on this tool.`;

/** What an agent can do about a denial of our own. Empty: the reason says it, or nothing helps. */
const advice: Record<OwnRule, string> = {
  [ownRules.signedOut]: '',
  [ownRules.noRules]: '',
  [ownRules.ledgerFailed]: `Do not retry. ${openApp}: its settings say what is wrong with the record.`,
  [ownRules.unknown]: request,
  [ownRules.cancel]: '',
  [ownRules.secretMissing]: `Do not retry before it is there. ${openApp} and enter it on the page of this server; it is never to be told to an agent.`,
  [ownRules.secretUnavailable]: `Do not retry. ${openApp}: it says how its secrets are opened again.`,
  [ownRules.limit]: 'Wait a little, then try again.',
  [ownRules.unread]: 'Read the answers that wait, then try again.',
  [ownRules.invalidArguments]: 'Correct them, then try again.',
  [ownRules.noPermit]: request,
  [ownRules.agentLimit]: `${openApp}: its agents page says what this agent may reach.`,
  [ownRules.staleBundle]: '',
  [ownRules.expiredBundle]: '',
  [ownRules.argumentsTooLarge]: 'Send less at once.',
  [ownRules.policyError]: `Do not retry. ${openApp}: it says whom to tell.`,
  [ownRules.ledgerNote]: '',
};
/** Own rules that stand for the company's word: what it permits, and how much of it. */
const byTheCompany: ReadonlySet<OwnRule> = new Set([ownRules.unknown, ownRules.noPermit, ownRules.limit]);
/** Their reason says it all. */
const plain: ReadonlySet<OwnRule> = new Set([ownRules.signedOut, ownRules.noRules]);

/** Says what was tried, by which rule and why it was not run, and what to do. */
function denialText(asked: string, title: string, { rule, reason, missing }: Decision): string {
  const own = isOwnRule(rule) ? rule : undefined;
  if (own && plain.has(own)) return `Gatehouse did not run ${asked}. ${sentence(reason)}`;
  const next = own ? advice[own] : request;
  if (own && !byTheCompany.has(own))
    return [`Gatehouse did not run ${asked} on ${title}. Rule ${rule}: ${sentence(reason)}`, next].join(' ').trim();
  const unmet = missing ? ` Not met: ${missing}.` : '';
  return `Gatehouse did not run ${asked} on ${title}: company policy does not allow it. Rule ${rule}: ${sentence(reason)}${unmet} ${next}`;
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** An upstream's trouble in words: never a status that would send an agent into signing in again. */
export function troubleText(asked: string, title: string, error: UpstreamError): string {
  if (error instanceof SignInNeeded)
    return `${title} was not asked for ${asked}: ${error.message}. Ask the person to open ${error.url} in a browser, then try again.`;
  switch (error.problem) {
    case 'unauthorized':
      return `Gatehouse has no credential that ${title} takes, so ${asked} was not run. ${openApp} and look at this server; signing in again here does not help. (${error.message})`;
    case 'timed-out':
      return `${title} did not answer ${asked} in time. It may still have been carried out: check before trying again. (${error.message})`;
    case 'unreachable':
      return `${title} cannot be reached just now, so ${asked} was not run. Try again later. (${error.message})`;
    case 'cancelled':
      return `${asked} on ${title} was cancelled.`;
    case 'too-large':
      return `The answer of ${title} to ${asked} is larger than Gatehouse passes on. Ask for less at once. (${error.message})`;
    default:
      return `${title} failed while it ran ${asked}. It may have been carried out in part: check before trying again. (${error.message})`;
  }
}
