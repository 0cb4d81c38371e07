import { fold } from '../../base/fold.ts';
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts';

/** Servers in some languages read `Name` as `name`. What rules and such a server could read differently is refused, never tidied. */

interface Members {
  [name: string]: Members | true;
}

/** The members that the protocol gives the params of calls, of both eras. Extensions may add others, and those pass. */
const known = {
  name: true,
  arguments: true,
  uri: true,
  ref: { type: true, name: true, title: true, uri: true },
  argument: { name: true, value: true },
  context: { arguments: true },
  taskId: true,
  task: { ttl: true },
  requestState: true,
  inputResponses: true,
  _meta: { progressToken: true, baggage: true },
} satisfies Members;
const reserved = 'io.modelcontextprotocol/';

/** Some readers take `task_id` for `taskId` and `meta` for `_meta`, too. */
const loose = (name: string): string => fold(name).replace(/[-_]/g, '');

const spellings = new WeakMap<Members, Map<string, string>>();

function spellingsOf(members: Members): Map<string, string> {
  const made = spellings.get(members) ?? new Map(Object.keys(members).map((name) => [loose(name), name]));
  spellings.set(members, made);
  return made;
}

/** Says of a member of a call's params that it is a member of the protocol's in another spelling. */
export function misspelt(params: JsonObject, members: Members = known, path = 'params'): string | undefined {
  for (const name in params) {
    const inner = Object.hasOwn(members, name) ? members[name] : undefined;
    if (inner !== undefined) {
      const value = params[name];
      const below = inner !== true && isObject(value) ? misspelt(value, inner, `${path}.${name}`) : undefined;
      if (below !== undefined) return below;
      continue;
    }
    const meant = spellingsOf(members).get(loose(name));
    if (meant !== undefined) return `${path} has a member ${shown(name)}, which servers may take for "${meant}". Write "${meant}".`;
    if (members === known._meta && !name.startsWith(reserved) && fold(name).startsWith(reserved))
      return `${path} has a member ${shown(name)}, which servers may take for one of "${reserved}". Write that in small letters.`;
  }
  return undefined;
}

/** Two members of one object, at any depth, that are the same to a reader that does not mind case. */
export function twins(value: unknown): [string, string] | undefined {
  if (Array.isArray(value)) {
    for (const one of value) {
      const found = twins(one);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!isObject(value)) return undefined;
  let folded: Map<string, string> | undefined;
  for (const name in value) {
    const plain = fold(name);
    // No two names that are as they fold can be the same, so most objects need no list.
    if (plain !== name) {
      const other = Object.hasOwn(value, plain) ? plain : folded?.get(plain);
      if (other !== undefined) return [shown(other), shown(name)];
      folded ??= new Map();
      folded.set(plain, name);
    }
    const below = twins(value[name]);
    if (below !== undefined) return below;
  }
  return undefined;
}

const shown = (name: string): string => JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}...` : name);
