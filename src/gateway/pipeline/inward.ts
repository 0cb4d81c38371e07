import type { Policy } from '../../policy/policy.ts';
import type { JsonObject, RpcError } from '../../protocol/jsonrpc.ts';
import { isObject, rpc } from '../../protocol/jsonrpc.ts';
import type { Long } from '../../upstreams/messages/hole.ts';
import { scopedUri } from '../catalogue/names.ts';
import type { Call } from './call.ts';
import { children } from './skill-answers.ts';

export const readsUri = new Set(['resources/read', 'resources/directory/read']);

/** What of `_meta` goes on: vendors' keys and `traceparent`. The protocol's own keys are for one hop; `baggage` may be private (W3C Baggage, "Privacy"). */
export function crossingMeta(meta: JsonObject): JsonObject | undefined {
  let kept: JsonObject | undefined;
  for (const key in meta) {
    if (key === 'progressToken' || key === 'baggage' || key.startsWith('io.modelcontextprotocol/')) continue;
    kept ??= {};
    kept[key] = meta[key];
  }
  return kept;
}

/** The modern era has no error code for a missing resource (SEP-2164). */
export function errorFor(call: Call, error: RpcError): RpcError {
  return call.peer.era === 'modern' && error.code === rpc.resourceNotFound ? { ...error, code: rpc.invalidParams } : error;
}

/** The JSON text of `shaped`, made from that of `result`; undefined where shaping did more than put members before the others. */
export function stillSaid(result: JsonObject, text: Long, shaped: JsonObject): Long | undefined {
  if (shaped === result) return text;
  const ahead: JsonObject = {};
  let same = 0;
  for (const key of Object.keys(shaped)) {
    if (!Object.hasOwn(result, key)) ahead[key] = shaped[key];
    else if (result[key] === shaped[key]) same++;
    else return undefined;
  }
  if (same === 0 || same !== Object.keys(result).length) return undefined;
  const [first, ...rest] = text;
  return [`${JSON.stringify(ahead).slice(0, -1)},`, first!.slice(first!.indexOf('{') + 1), ...rest];
}

/** An upstream's result with the names and in the era of the agent. `result` itself is not changed: what differs is a new object. */
export function inward(call: Call, result: JsonObject, policy: Policy | undefined): JsonObject {
  const target = call.target!;
  let shaped = call.peer.era === 'modern' ? modern(call, result) : legacy(result);
  if (target.taskId !== undefined && isObject(shaped['result']) && Array.isArray(shaped['result']['content']))
    shaped = { ...shaped, result: withLinks(call, shaped['result'], shaped['result']['content']) };
  else if (call.method === 'tools/call' && Array.isArray(shaped['content'])) shaped = withLinks(call, shaped, shaped['content']);
  else if (call.method === 'resources/directory/read') shaped = { ...shaped, resources: children(call, shaped['resources'], policy) };
  else if (call.method === 'resources/read' && call.asked !== target.name && Array.isArray(shaped['contents']))
    shaped = {
      ...shaped,
      contents: shaped['contents'].map((content: unknown) =>
        isObject(content) && content['uri'] === target.name ? { ...content, uri: call.asked } : content,
      ),
    };
  return shaped;
}

function modern(call: Call, result: JsonObject): JsonObject {
  const typed = result['resultType'] === undefined ? { resultType: 'complete', ...result } : result;
  if (!readsUri.has(call.method) || typed['resultType'] !== 'complete') return typed;
  // What policy let through for one person is never public, whatever the upstream says of it (SEP-2549).
  return { ttlMs: 0, ...typed, cacheScope: 'private' };
}

/** A modern result without the members that the legacy era does not know. */
function legacy(result: JsonObject): JsonObject {
  if (result['resultType'] === undefined) return result;
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, _meta, ...rest } = result;
  const kept = isObject(_meta) ? crossingMeta(_meta) : undefined;
  return kept ? { ...rest, _meta: kept } : rest;
}

/** Links in a result keep their URIs and stay readable: the directory remembers their server. Only a URI that another server has too names its server. */
function withLinks(call: Call, result: JsonObject, content: unknown[]): JsonObject {
  const { owner } = call.target!;
  let changed: unknown[] | undefined;
  content.forEach((block, index) => {
    if (!isObject(block)) return;
    const holder =
      block['type'] === 'resource_link'
        ? block
        : block['type'] === 'resource' && isObject(block['resource'])
          ? block['resource']
          : undefined;
    const uri = holder?.['uri'];
    if (!holder || typeof uri !== 'string') return;
    const listed = call.directory.findResource(uri);
    if (listed && listed.owner.id !== owner.id) {
      const scoped = { ...holder, uri: scopedUri(owner.id, uri) };
      changed ??= [...content];
      changed[index] = holder === block ? scoped : { ...block, resource: scoped };
    } else call.directory.mention(owner, uri);
  });
  return changed ? { ...result, content: changed } : result;
}
