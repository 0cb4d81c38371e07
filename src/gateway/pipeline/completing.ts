import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts';
import type { Target } from './call.ts';

/** A completion's params with the upstream's name. They name one thing and give the completed argument one value: those that were decided on. */
export function completing(params: JsonObject, { name, action }: Target): JsonObject {
  const { name: _name, uri: _uri, ...ref } = params['ref'] as JsonObject;
  const { context, ...rest } = params;
  const named = { ...rest, ref: { ...ref, [action === 'get' ? 'name' : 'uri']: name } };
  if (!isObject(context)) return named;
  const before = context['arguments'];
  const own = (params['argument'] as { name: string }).name;
  if (!isObject(before) || !Object.hasOwn(before, own)) return { ...named, context };
  return {
    ...named,
    context: { ...context, arguments: Object.fromEntries(Object.entries(before).filter(([argument]) => argument !== own)) },
  };
}
