import { isLong, turn } from '../../base/pace.ts';
import { declares, tasks } from '../../protocol/extensions.ts';
import { isObject, type JsonObject, rpc } from '../../protocol/jsonrpc.ts';
import { type Outcome, type SignInNeeded, type Upstream, type UpstreamCall, UpstreamError } from '../../upstreams/upstream.ts';
import { untilComplete } from '../rounds/input-rounds.ts';
import { type InputRequest, questionsOf, unaskable, wantedVisits } from '../rounds/questions.ts';
import { digestOf, type State } from '../rounds/seal.ts';
import type { Round } from '../rounds/suspended-calls.ts';
import type { Call, Passage, Step } from './call.ts';
import type { CallContext } from './call-context.ts';
import { completing } from './completing.ts';
import { crossingMeta, errorFor, inward, readsUri, stillSaid } from './inward.ts';
import { decidedAgain, signedIn, signInRequest } from './signing-in.ts';
import { changedSince, getSkill } from './skill-answers.ts';

/** Calls the upstream with its own names and in its era, and answers with the agent's. All else stays as it came. */
export const forward: Step = async (call) => {
  const { context } = call;
  if (call.method === 'skills/get' && context.policy) return getSkill(call, context.policy);
  const start = performance.now();
  try {
    // Deciding and sending a long request in one go would hold everybody up for both.
    if (isLong(call.requestBytes)) await turn();
    const outcome = await (call.peer.era === 'modern' ? fromModern(call, context) : fromLegacy(call, context));
    if ('error' in outcome) return { error: errorFor(call, outcome.error) };
    const refused = call.method === 'resources/read' ? changedSince(call, outcome.result) : undefined;
    if (refused) return refused;
    const result = inward(call, ownTask(call, outcome.result, context), context.policy);
    const text = typeof outcome.text !== 'object' ? undefined : stillSaid(outcome.result, outcome.text, result);
    return text === undefined ? { result } : { result, text };
  } finally {
    call.upstreamMs = performance.now() - start;
  }
};

function present(call: Call, context: CallContext): Upstream {
  const upstream = context.upstream(call.target!.owner.id);
  if (!upstream) throw new UpstreamError('unreachable', 'the server is not running');
  return upstream;
}

const fromLegacy = (call: Passage, context: CallContext): Promise<Outcome> =>
  untilComplete(call, outward(call), (params) => signedIn(call, () => present(call, context).call(upstreamCall(call, params))));

async function fromModern(call: Passage, context: CallContext): Promise<Outcome> {
  const upstream = present(call, context);
  const params = outward(call);
  const state = call.params['requestState'];
  // A function, since it hashes the arguments and most calls have no state that needs it.
  const binding = () => ({
    agent: call.agent,
    person: context.person,
    server: upstream.entry.id,
    method: call.method,
    name: call.target!.name,
    digest: digestOf(call.params),
  });
  const { inputResponses } = call.params;
  const sealed = (inner: State) => context.seal.seal(binding(), inner, context.now());
  let round: Promise<Round> | undefined;
  if (state === undefined) {
    if (mayBeAsked(call.peer.capabilities)) round = context.suspended.begin(call, upstream, params);
    else round = upstream.call(upstreamCall(call, params)).then((outcome) => ({ outcome }));
  } else {
    const opened = context.seal.open(state, binding(), context.now());
    if (typeof opened === 'string') return { error: { code: rpc.invalidParams, message: opened } };
    if ('anew' in opened) {
      const again = visited(params);
      if (opened.anew !== true) {
        await context.signedIn(opened.anew, call.signal);
        const refused = decidedAgain(call);
        if (refused) return refused;
      }
      round = context.suspended.begin(call, present(call, context), again);
    } else if ('inner' in opened) round = context.suspended.begin(call, upstream, { ...params, requestState: opened.inner });
    else round = context.suspended.resume(opened.parked, call, isObject(inputResponses) ? inputResponses : {});
    if (!round) return { error: { code: rpc.invalidParams, message: 'The call that this answers is not waiting any more. Make it anew.' } };
  }
  let reached: Round;
  try {
    reached = await round;
  } catch (error) {
    const signIn = signInRequest(call, error);
    if (!signIn) throw error;
    return {
      result: { resultType: 'input_required', inputRequests: { signIn }, requestState: sealed({ anew: (error as SignInNeeded).ticket }) },
    };
  }
  if ('parked' in reached)
    return {
      result: {
        resultType: 'input_required',
        inputRequests: reached.inputRequests,
        requestState: sealed({ parked: reached.parked }),
      },
    };
  const { outcome } = reached;
  if ('error' in outcome) {
    const inputRequests = wantedVisits(outcome.error);
    if (!inputRequests) return outcome;
    if (unaskable(urlQuestion, call.peer.capabilities)) return missing({ elicitation: { url: {} } });
    return { result: { resultType: 'input_required', inputRequests, requestState: sealed({ anew: true }) } };
  }
  const { result } = outcome;
  if (result['resultType'] !== 'input_required') return outcome;
  for (const [, question] of questionsOf(result))
    if (unaskable(question, call.peer.capabilities)) throw new UpstreamError('bad-answer', 'it asks for input that this agent cannot give');
  return result['requestState'] === undefined
    ? outcome
    : { result: { ...result, requestState: sealed({ inner: result['requestState'] }) } };
}

const urlQuestion: InputRequest = { method: 'elicitation/create', params: { mode: 'url' } };

const missing = (requiredCapabilities: JsonObject): Outcome => ({
  error: {
    code: rpc.missingCapability,
    message: 'The server needs a capability that the agent did not declare.',
    data: { requiredCapabilities },
  },
});

/** The call as it was first made, after the person visited the addresses that the upstream asked for. */
function visited(params: JsonObject): JsonObject {
  const { inputResponses, requestState: _state, ...first } = params;
  const answers = isObject(inputResponses) ? Object.values(inputResponses) : [];
  if (answers.length === 0 || !answers.every((answer) => isObject(answer) && answer['action'] === 'accept'))
    throw new UpstreamError('cancelled', 'the person did not go to the address that it named');
  return first;
}

const mayBeAsked = (capabilities: JsonObject): boolean =>
  capabilities['elicitation'] !== undefined || capabilities['sampling'] !== undefined || capabilities['roots'] !== undefined;

const upstreamCall = (call: Call, params: JsonObject): UpstreamCall => ({
  method: call.method,
  params,
  peer: call.peer,
  signal: call.signal,
  onProgress: call.onProgress,
  onNotification: call.onNotification,
  onRequest: call.onRequest,
  caughtUp: call.caughtUp,
});

function outward(call: Call): JsonObject {
  const { _meta, ...rest } = call.params;
  const target = call.target!;
  const params = call.method === 'completion/complete' ? completing(rest, target) : rest;
  if (target.taskId !== undefined) params['taskId'] = target.taskId;
  else if (readsUri.has(call.method)) params['uri'] = target.name;
  else if (call.method !== 'completion/complete') params['name'] = target.name;
  // Tasks of 2025-11-25 are not offered, so they count as not asked for: the agent gets its result in the call.
  if (call.method === 'tools/call') delete params['task'];
  // Members of the modern era. From a legacy agent they have no seal, and an upstream would take them for answers to its questions.
  if (call.peer.era === 'legacy') {
    delete params['requestState'];
    delete params['inputResponses'];
  }
  const crossing = isObject(_meta) ? crossingMeta(_meta) : undefined;
  if (crossing) params['_meta'] = crossing;
  return params;
}

/** The agent gets an id of ours for a task, bound to its agent and person; answers about the task carry that id. */
function ownTask(call: Call, result: JsonObject, context: CallContext): JsonObject {
  const { target, agent, args, asked, requestBytes } = call;
  if (target!.taskId !== undefined) return result['taskId'] === undefined ? result : { ...result, taskId: asked };
  if (result['resultType'] !== 'task') return result;
  const { taskId } = result;
  if (call.method !== 'tools/call' || typeof taskId !== 'string' || !declares(call.peer.capabilities, tasks))
    throw new UpstreamError('bad-answer', 'it answers with a task, which the agent did not ask for');
  const task = { agent, person: context.person, server: target!.owner.id, taskId, tool: target!.name, args, bytes: requestBytes };
  return { ...result, taskId: context.tasks.own(task) };
}
