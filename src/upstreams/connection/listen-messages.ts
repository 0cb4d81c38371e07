import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts';
import { UpstreamError } from '../upstream.ts';

/** The messages of a `subscriptions/listen` (protocol 2026-07-28), on any transport. */

const subscriptionKey = 'io.modelcontextprotocol/subscriptionId';

export const notHonoured = () => new UpstreamError('bad-answer', 'it does not tell of changes to this resource');

/** Which URIs an acknowledgement covers; one without a list of URIs covers all. */
export function acknowledged(message: JsonObject): (uri: string) => boolean {
  const { notifications } = isObject(message['params']) ? message['params'] : {};
  const uris = isObject(notifications) ? notifications['resourceSubscriptions'] : undefined;
  return (uri) => !Array.isArray(uris) || uris.includes(uri);
}

/** The id of our stream means nothing on the next hop. */
export function withoutId(params: JsonObject): JsonObject {
  const { _meta, ...rest } = params;
  if (!isObject(_meta)) return params;
  const { [subscriptionKey]: _id, ...kept } = _meta;
  return Object.keys(kept).length > 0 ? { ...rest, _meta: kept } : rest;
}
