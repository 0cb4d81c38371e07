import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts';

interface Members {
  [name: string]: Members | true;
}

/** What the protocol lets a request leave out, in both eras. Many languages write null for it; servers may refuse that. */
const optional = {
  arguments: true,
  cursor: true,
  context: { arguments: true },
  ref: { title: true },
  task: { ttl: true },
  requestState: true,
  inputResponses: true,
  capabilities: true,
  clientInfo: true,
  notifications: { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true, resourceSubscriptions: true },
  _meta: { progressToken: true, baggage: true },
} satisfies Members;
const reserved = 'io.modelcontextprotocol/';

/** Removes members of a request's params that are null to mean "left out". Null inside of arguments is a value; unknown members stay. */
export function leaveOutNulls(params: JsonObject): void {
  drop(params, optional);
  const meta = isObject(params['_meta']) ? params['_meta'] : nothing;
  for (const name in meta) if (meta[name] === null && name.startsWith(reserved)) delete meta[name];
  dropAll(params['capabilities'], capabilityLevels);
  dropAll(meta[`${reserved}clientCapabilities`], capabilityLevels);
}

const nothing: JsonObject = {};

function drop(params: JsonObject, members: Members): void {
  for (const name in params) {
    const value = params[name];
    if (typeof value !== 'object' || !Object.hasOwn(members, name)) continue;
    const inner = members[name]!;
    if (value === null) delete params[name];
    else if (inner !== true && isObject(value)) drop(value, inner);
  }
}

/** A capability and its parts; what lies below belongs to extensions. */
const capabilityLevels = 2;

function dropAll(holder: unknown, levels: number): void {
  if (levels === 0 || !isObject(holder)) return;
  for (const name of Object.keys(holder)) {
    if (holder[name] === null) delete holder[name];
    else dropAll(holder[name], levels - 1);
  }
}
