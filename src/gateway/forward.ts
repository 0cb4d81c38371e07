import type { Call } from './calls.ts';
import { declares, tasks } from './extensions.ts';
import { isObject, rpc } from './jsonrpc.ts';
import { scopedUri } from './names.ts';
import type { Parking, Round } from './parking.ts';
import { type Question, questionsOf, unaskable, wantedVisits } from './questions.ts';
import { untilComplete } from './rounds.ts';
import { digestOf, type Seal, type State } from './seal.ts';
import type { Tasks } from './tasks.ts';
import { type JsonObject, type Long, type Outcome, type RpcError, type Upstream, UpstreamError } from './upstreams/upstream.ts';

/** Asks the upstream in its own words and gives its answer back in the agent's. Everything that no rule speaks of stays as it came. */
export async function forward(call: Call, upstream: Upstream | undefined, gate: Bridge, timing: { upstreamMs: number }): Promise<Outcome> {
  if (!upstream) throw new UpstreamError('unreachable', 'the server is not running');
  const start = performance.now();
  try {
    const outcome = await (call.peer.era === 'modern' ? fromModern(call, upstream, gate) : fromLegacy(call, upstream));
    if ('error' in outcome) return { error: errorFor(call, outcome.error) };
    const result = inward(call, ownTask(call, outcome.result, gate));
    const text = outcome.text === undefined ? undefined : stillSaid(outcome.result, outcome.text, result);
    return text === undefined ? { result } : { result, text };
  } finally {
    timing.upstreamMs = performance.now() - start;
  }
}

/** What carries a modern agent over a question: the seal on states, and the calls that wait for its answer. */
export interface Bridge {
  person: string;
  seal: Seal;
  parking: Parking;
  tasks: Tasks;
  now(): number;
}

const fromLegacy = (call: Call, upstream: Upstream): Promise<Outcome> =>
  untilComplete(call, outward(call), (params) =>
    upstream.call({ ...hooks(call), method: call.method, params, peer: call.peer, signal: call.signal }),
  );

async function fromModern(call: Call, upstream: Upstream, gate: Bridge): Promise<Outcome> {
  const params = outward(call);
  const state = call.params['requestState'];
  const binding = {
    agent: call.agent,
    person: gate.person,
    server: upstream.entry.id,
    method: call.method,
    name: call.target!.name,
    digest: digestOf(call.params),
  };
  const { inputResponses } = call.params;
  const sealed = (inner: State) => gate.seal.seal(binding, inner, gate.now());
  let round: Promise<Round> | undefined;
  if (state === undefined) {
    if (mayBeAsked(call.peer.capabilities)) round = gate.parking.begin(call, upstream, params);
    else
      round = upstream
        .call({ ...hooks(call), method: call.method, params, peer: call.peer, signal: call.signal })
        .then((outcome) => ({ outcome }));
  } else {
    const opened = gate.seal.open(state, binding, gate.now());
    if (typeof opened === 'string') return { error: { code: rpc.invalidParams, message: opened } };
    if ('anew' in opened) round = gate.parking.begin(call, upstream, visited(params));
    else if ('inner' in opened) round = gate.parking.begin(call, upstream, { ...params, requestState: opened.inner });
    else round = gate.parking.resume(opened.parked, call, isObject(inputResponses) ? inputResponses : {});
    if (!round) return { error: { code: rpc.invalidParams, message: 'The call that this answers is not waiting any more. Make it anew.' } };
  }
  const reached = await round;
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

const urlQuestion: Question = { method: 'elicitation/create', params: { mode: 'url' } };

const missing = (requiredCapabilities: JsonObject): Outcome => ({
  error: {
    code: rpc.missingCapability,
    message: 'The server needs a capability that the agent did not declare.',
    data: { requiredCapabilities },
  },
});

/** The call as it was first made, once its person has been to the addresses that it wanted visited. */
function visited(params: JsonObject): JsonObject {
  const { inputResponses, requestState: _state, ...first } = params;
  const answers = isObject(inputResponses) ? Object.values(inputResponses) : [];
  if (answers.some((answer) => isObject(answer) && answer['action'] !== 'accept'))
    throw new UpstreamError('cancelled', 'the person did not go to the address that it named');
  return first;
}

const mayBeAsked = (capabilities: JsonObject): boolean =>
  capabilities['elicitation'] !== undefined || capabilities['sampling'] !== undefined || capabilities['roots'] !== undefined;

function hooks(call: Call) {
  return {
    ...(call.onProgress ? { onProgress: call.onProgress } : {}),
    ...(call.onNotification ? { onNotification: call.onNotification } : {}),
    ...(call.onRequest ? { onRequest: call.onRequest } : {}),
    ...(call.caughtUp ? { caughtUp: call.caughtUp } : {}),
  };
}

function outward(call: Call): JsonObject {
  const { _meta, ...params } = call.params;
  const target = call.target!;
  if (target.taskId !== undefined) params['taskId'] = target.taskId;
  else if (call.method === 'resources/read') params['uri'] = target.name;
  else if (call.method === 'completion/complete') {
    const ref = params['ref'] as JsonObject;
    params['ref'] = ref['type'] === 'ref/resource' ? { ...ref, uri: target.name } : { ...ref, name: target.name };
  } else params['name'] = target.name;
  // Tasks of 2025-11-25 are not offered, so they count as not asked for: the agent gets its result in the call.
  if (call.method === 'tools/call') delete params['task'];
  const crossing = isObject(_meta) ? crossingMeta(_meta) : undefined;
  if (crossing) params['_meta'] = crossing;
  return params;
}

/** A task goes to the agent under a name of ours, bound to whom it belongs to; `tasks/get` gives it back under that name. */
function ownTask(call: Call, result: JsonObject, gate: Bridge): JsonObject {
  const { target, agent, args, asked, requestBytes } = call;
  if (target!.taskId !== undefined) return result['taskId'] === undefined ? result : { ...result, taskId: asked };
  if (result['resultType'] !== 'task') return result;
  const { taskId } = result;
  if (call.method !== 'tools/call' || typeof taskId !== 'string' || !declares(call.peer.capabilities, tasks))
    throw new UpstreamError('bad-answer', 'it answers with a task, which the agent did not ask for');
  const task = { agent, person: gate.person, server: target!.entry.id, taskId, tool: target!.name, args, bytes: requestBytes };
  return { ...result, taskId: gate.tasks.own(task) };
}

/** The envelope of one hop stays on it; vendors' keys and `traceparent` go on. `baggage` is for nobody outside (W3C Baggage, "Privacy"). */
function crossingMeta(meta: JsonObject): JsonObject | undefined {
  let kept: JsonObject | undefined;
  for (const key in meta) {
    if (key === 'progressToken' || key === 'baggage' || key.startsWith('io.modelcontextprotocol/')) continue;
    kept ??= {};
    kept[key] = meta[key];
  }
  return kept;
}

/** The code for a missing resource is no word of the modern era (SEP-2164). */
function errorFor(call: Call, error: RpcError): RpcError {
  return call.peer.era === 'modern' && error.code === rpc.resourceNotFound ? { ...error, code: rpc.invalidParams } : error;
}

/** The text of a result that became `shaped`, where that changed nothing or put only members before it. */
function stillSaid(result: JsonObject, text: Long, shaped: JsonObject): Long | undefined {
  if (shaped === result) return text;
  const ahead: JsonObject = {};
  let same = 0;
  for (const key of Object.keys(shaped)) {
    if (!Object.hasOwn(result, key)) ahead[key] = shaped[key];
    else if (result[key] === shaped[key]) same++;
    else return undefined;
  }
  if (same === 0 || same !== Object.keys(result).length) return undefined;
  return { ahead: `${JSON.stringify(ahead).slice(0, -1)},`, bytes: text.bytes.subarray(text.bytes.indexOf('{') + 1) };
}

function inward(call: Call, result: JsonObject): JsonObject {
  const target = call.target!;
  let shaped = call.peer.era === 'modern' ? modern(call, result) : legacy(result);
  if (target.taskId !== undefined && isObject(shaped['result']) && Array.isArray(shaped['result']['content']))
    shaped = { ...shaped, result: withLinks(call, shaped['result'], shaped['result']['content']) };
  else if (call.method === 'tools/call' && Array.isArray(shaped['content'])) shaped = withLinks(call, shaped, shaped['content']);
  else if (call.method === 'resources/read' && call.asked !== target.name && Array.isArray(shaped['contents']))
    shaped = {
      ...shaped,
      contents: shaped['contents'].map((item: unknown) =>
        isObject(item) && item['uri'] === target.name ? { ...item, uri: call.asked } : item,
      ),
    };
  return shaped;
}

function modern(call: Call, result: JsonObject): JsonObject {
  const typed = result['resultType'] === undefined ? { resultType: 'complete', ...result } : result;
  if (call.method !== 'resources/read' || typed['resultType'] !== 'complete') return typed;
  // What policy let through for one person is never public, whatever the upstream says of it (SEP-2549).
  return { ttlMs: 0, ...typed, cacheScope: 'private' };
}

/** A modern result without the words that the legacy era does not know. */
function legacy(result: JsonObject): JsonObject {
  if (result['resultType'] === undefined) return result;
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, _meta, ...rest } = result;
  const kept = isObject(_meta) ? crossingMeta(_meta) : undefined;
  return kept ? { ...rest, _meta: kept } : rest;
}

/** Links in a result stay as they are and stay readable: the directory remembers whose they are. Only a clash is spelt out. */
function withLinks(call: Call, result: JsonObject, content: unknown[]): JsonObject {
  const { entry } = call.target!;
  let changed: unknown[] | undefined;
  content.forEach((item, index) => {
    if (!isObject(item)) return;
    const holder =
      item['type'] === 'resource_link' ? item : item['type'] === 'resource' && isObject(item['resource']) ? item['resource'] : undefined;
    const uri = holder?.['uri'];
    if (!holder || typeof uri !== 'string') return;
    const owner = call.directory.findResource(uri);
    if (owner && owner.entry.id !== entry.id) {
      const scoped = { ...holder, uri: scopedUri(entry.id, uri) };
      changed ??= [...content];
      changed[index] = holder === item ? scoped : { ...item, resource: scoped };
    } else call.directory.mention(entry, uri);
  });
  return changed ? { ...result, content: changed } : result;
}
