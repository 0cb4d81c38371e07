import { fold, isAscii } from '../../base/fold.ts';
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts';

/** Servers in some languages read `Name` as `name`. What rules and such a server could read differently is refused, never corrected. */

interface Members {
  [name: string]: Members | true;
}

/** The members that the protocol gives the params of calls, of both eras. Extensions may add others, and those pass. */
const protocolMembers = {
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

/** Says which member of a call's params is one of the protocol's in another spelling; undefined: none. */
export function misspelt(params: JsonObject, members: Members = protocolMembers, path = 'params'): string | undefined {
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
    if (members === protocolMembers._meta && !name.startsWith(reserved) && fold(name).startsWith(reserved))
      return `${path} has a member ${shown(name)}, which servers may take for one of "${reserved}". Write that in small letters.`;
  }
  return undefined;
}

/** Characters in member names outside of ASCII, which take a thousand times longer to fold; more are refused. No agent's message comes near. */
const mostForeign = 256 * 1024;

/** Why the members of an object in `value`, at any depth, cannot be told apart: two are the same to a reader that does not mind case. */
export function indistinct(value: unknown): string | undefined {
  let left = mostForeign;
  function look(value: unknown): string | undefined {
    if (Array.isArray(value)) {
      for (const entry of value) {
        const collision = look(entry);
        if (collision !== undefined) return collision;
      }
      return undefined;
    }
    if (!isObject(value)) return undefined;
    let folded: Map<string, string> | undefined;
    for (const name in value) {
      if (!isAscii(name) && (left -= name.length) < 0)
        return 'The names of the members in params have too many letters outside of ASCII. Send less at once.';
      const plain = fold(name);
      // Two names that folding leaves unchanged cannot be the same, so most objects need no map.
      if (plain !== name) {
        const other = Object.hasOwn(value, plain) ? plain : folded?.get(plain);
        if (other !== undefined)
          return `An object in params has the members ${shown(other)} and ${shown(name)}, which are the same to servers that do not mind case. Rename one of them.`;
        folded ??= new Map();
        folded.set(plain, name);
      }
      const below = look(value[name]);
      if (below !== undefined) return below;
    }
    return undefined;
  }
  return look(value);
}

const shown = (name: string): string => JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}...` : name);
