import type { ArgumentType, RecordType } from '../deciding/arguments.ts';
import { escapeKey } from '../deciding/encode.ts';

/**
 * What policies may speak of, in Cedar's schema language. Ids: User::"<sub>", Group::"<name>", Agent::"<name>", Server::"<id>",
 * Tool::"<server>/<tool>", Prompt::"<server>/<prompt>", Resource::"<server>/<uri>". A skill is the resource of its SKILL.md; its files follow it.
 * Every argument is optional, since an agent may leave out even a required one: a policy asks `context.args has x` first.
 */
export function schemaText(call: RecordType, get: RecordType): string {
  return `entity Group;
entity User in [Group] { groups: Set<String> };
entity Agent { name: String };
entity Server { dataClass: String, trust: String, owner: String };
// Of the blessed catalogue, never of what an upstream says at run time.
entity Tool in [Server] { name: String, server: Server, readOnly: Bool, destructive: Bool, openWorld: Bool, tags: Set<String> };
entity Prompt in [Server] { name: String, server: Server };
entity Resource in [Server] { uri: String, server: Server };
// An argument whose type Cedar cannot express.
entity Anything;
// UTC: epoch in seconds, hour 0 to 23, weekday 1 (Monday) to 7, iso as RFC 3339.
type Now = { epoch: Long, hour: Long, weekday: Long, iso: String };
type Device = { os: String, appVersion: String, managed: Bool };
type Bundle = { freshness: String };
action discover appliesTo { principal: User, resource: Server, context: ${contextText('{}')} };
action call appliesTo { principal: User, resource: Tool, context: ${contextText(typeText(call))} };
action get appliesTo { principal: User, resource: Prompt, context: ${contextText(typeText(get))} };
action read appliesTo { principal: User, resource: Resource, context: ${contextText('{}')} };
`;
}

/**
 * `paths`: the paths among the arguments (or of the URI that is read), normalised; match these, never raw text with `like`.
 * `folders`: every folder that is above any of them or is one. `within`: the folders that hold all of them. What a rule compares them with is brought into
 * their form (path-rules.ts): where a match refuses, so that other spellings and calls on a folder above count, too. `hosts`: hosts of URLs, by every way in
 * which programs read them: lower case, punycode, no port, no dot at the end, an IPv4 address as `127.0.0.1` also where it is written as IPv6, an IPv6
 * address in brackets. "localhost", "127.0.0.1", "[::1]", "0.0.0.0" and "[::]" are five hosts. A text that programs read differently denies.
 * All are empty where no argument looks like a path or URL: `within.contains` then fails, but `[...].containsAll(context.hosts)` holds.
 */
function contextText(args: string): string {
  const sets = ['facts', 'paths', 'folders', 'within', 'hosts'].map((name) => `${name}: Set<String>`).join(', ');
  return `{ args: ${args}, agent: Agent, now: Now, device: Device, bundle: Bundle, ${sets} }`;
}

function typeText(type: ArgumentType): string {
  switch (type.kind) {
    case 'string':
      return 'String';
    case 'long':
      return 'Long';
    case 'bool':
      return 'Bool';
    case 'any':
      return 'Anything';
    case 'set':
      return `Set<${typeText(type.of)}>`;
    case 'record':
      // Cedar writes control characters in its own way; no argument worth a rule is named with one.
      return `{ ${[...type.members]
        .filter(([name]) => !/\p{Cc}/u.test(name) && name.isWellFormed())
        .map(([name, member]) => `${JSON.stringify(escapeKey(name))}?: ${typeText(member)}`)
        .join(', ')} }`;
  }
}
