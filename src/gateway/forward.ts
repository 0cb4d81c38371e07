import type { Call } from './calls.ts';
import { isObject } from './jsonrpc.ts';
import { scopedUri } from './names.ts';
import { type JsonObject, type Outcome, type Upstream, UpstreamError } from './upstreams/upstream.ts';

const maxRounds = 8;

/** Asks the upstream in its own words and gives its answer back in the agent's. Everything that no rule speaks of stays as it came. */
export async function forward(call: Call, upstream: Upstream | undefined, timing: { upstreamMs: number }): Promise<Outcome> {
  if (!upstream) throw new UpstreamError('unreachable', 'the server is not running');
  const start = performance.now();
  let params = outward(call);
  try {
    for (let round = 0; round < maxRounds; round++) {
      const outcome = await upstream.call({ ...hooks(call), method: call.method, params, peer: call.peer, signal: call.signal });
      if ('error' in outcome) return outcome;
      if (outcome.result['resultType'] !== 'input_required' || call.peer.era === 'modern') return { result: inward(call, outcome.result) };
      params = { ...params, ...(await askAgent(call, outcome.result)) };
    }
    throw new UpstreamError('bad-answer', `it asked for input more than ${maxRounds} times`);
  } finally {
    timing.upstreamMs = performance.now() - start;
  }
}

function hooks(call: Call) {
  return {
    ...(call.onProgress ? { onProgress: call.onProgress } : {}),
    ...(call.onNotification ? { onNotification: call.onNotification } : {}),
    ...(call.onRequest ? { onRequest: call.onRequest } : {}),
  };
}

/** A modern upstream that needs input, a legacy agent: its questions become real requests to the agent (SEP-2322 the other way round). */
async function askAgent(call: Call, result: JsonObject): Promise<JsonObject> {
  const responses: JsonObject = {};
  for (const [key, request] of Object.entries(isObject(result['inputRequests']) ? result['inputRequests'] : {})) {
    if (!isObject(request) || typeof request['method'] !== 'string' || !call.onRequest)
      throw new UpstreamError('bad-answer', 'it asks for input that this agent cannot give');
    const outcome = await call.onRequest(
      { method: request['method'], params: isObject(request['params']) ? request['params'] : {} },
      call.signal,
    );
    if ('error' in outcome)
      throw new UpstreamError('bad-answer', `the agent did not answer what the server asked: ${outcome.error.message}`);
    responses[key] = outcome.result;
  }
  return { inputResponses: responses, ...(result['requestState'] === undefined ? {} : { requestState: result['requestState'] }) };
}

function outward(call: Call): JsonObject {
  const { _meta, ...params } = call.params;
  const target = call.target!;
  if (call.method === 'resources/read') params['uri'] = target.name;
  else if (call.method === 'completion/complete') {
    const ref = params['ref'] as JsonObject;
    params['ref'] = ref['type'] === 'ref/resource' ? { ...ref, uri: target.name } : { ...ref, name: target.name };
  } else params['name'] = target.name;
  const crossing = isObject(_meta) ? crossingMeta(_meta) : undefined;
  if (crossing) params['_meta'] = crossing;
  return params;
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

function inward(call: Call, result: JsonObject): JsonObject {
  const target = call.target!;
  let shaped = call.peer.era === 'modern' ? modern(call, result) : legacy(result);
  if (call.method === 'tools/call' && Array.isArray(shaped['content'])) shaped = withLinks(call, shaped, shaped['content']);
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
