import type { ServerEntry } from '../../bundle/schema.ts';
import type { Telling } from './problem.ts';
import { refersToSecret, type SecretList, secretQuery, secretsGoTo } from './secrets.ts';
import type { Input, Remote } from './server-json.ts';

/** What reaches a remote server, with every `{variable}` resolved. */
export type Reach = Required<Pick<ServerEntry, 'transport' | 'headers'>> & { url: string };

/** In order of preference, where a server has several. */
const transports = ['streamable-http', 'sse'] as const;

/** Which of the addresses is used: the first one of the best transport; -1: none can be. */
export function usedRemote(remotes: readonly { type?: unknown }[]): number {
  return transports.map((transport) => remotes.findIndex(({ type }) => type === transport)).find((at) => at >= 0) ?? -1;
}

/** Undefined: no remote can be used. */
export function compileRemote(
  remotes: readonly Remote[],
  variables: Readonly<Record<string, string>>,
  { problem, resolve }: Telling,
  secrets: SecretList,
): Reach | undefined {
  const used = usedRemote(remotes);
  for (const [at, { type }] of remotes.entries()) {
    if (at === used) continue;
    if (!transports.some((transport) => transport === type))
      problem(['remotes', at], `This version does not speak "${type}" as a remote: remotes.${at} has no effect.`, 'Remove it.', 'warning');
    else {
      const fix = `remotes.${used} is used ("streamable-http" before "sse", then the first one): remove those that are not to be used.`;
      problem(['remotes', at], `A server is reached at one address: remotes.${at} has no effect.`, fix, 'warning');
    }
  }
  const remote = remotes[used];
  if (remote === undefined) return undefined;
  const path = ['remotes', used];
  const scope = scopeOf(remote.variables, variables);
  const headers = new Map<string, string>();
  const seen = new Map<string, number>();
  for (const [at, header] of (remote.headers ?? []).entries()) {
    const { name } = header;
    const here = [...path, 'headers', at];
    const first = seen.get(name.toLowerCase());
    if (first !== undefined) problem(here, `The header ${name} stands twice.`, `Remove it here or at headers.${first}.`);
    seen.set(name.toLowerCase(), at);
    if (!token.test(name) || name === '__proto__') problem(here, `"${name}" is no name of an HTTP header.`, 'Correct the name.');
    else if (ours.test(name)) problem(here, `The header ${name} is the gateway's own: it sets it for each request.`, 'Remove it.');
    const inputs = [remote.variables, header.variables];
    if (secrets.take(here, { ...header, variables: inputs, scope: scopeOf(header.variables, scope) }, { in: 'header', name })) continue;
    const unresolved = header.value ?? header.default;
    if (unresolved === undefined) {
      if (header.isRequired === true) problem(here, `The header ${name} is required and has no value.`, giveOne);
      continue;
    }
    const value = resolve(here, unresolved, scopeOf(header.variables, scope)).trim();
    if (value === '' && header.isRequired === true) problem(here, `The header ${name} is required and its value is empty.`, giveOne);
    else if (!plain.test(value))
      problem(here, `The value of the header ${name} has characters that HTTP cannot carry.`, 'Write it in one line of ASCII or Latin-1.');
    else if (header.choices && !header.choices.includes(value))
      problem(here, `The value of the header ${name} is none of its choices.`, `Use one of ${header.choices.join(', ')}.`);
    headers.set(name, value);
  }
  const at = [...path, 'url'];
  const address = secretQuery(at, remote.url, { variables: [remote.variables], scope }, secrets);
  const misplaced = refersToSecret(address, remote.variables);
  if (misplaced) problem(at, 'A secret cannot stand here.', secretsGoTo);
  return {
    url: misplaced ? address : resolve(at, address, scope),
    transport: remote.type as Reach['transport'],
    headers: Object.fromEntries(headers),
  };
}

const giveOne = 'Give it a "value", in which a {variable} of org.yaml may stand. Only for what "isSecret" is a person asked.';

/** RFC 9110, sections 5.1 and 5.5. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const plain = /^[\t\x20-\x7e\xa0-\xff]*$/;

/** Headers that belong to the transport. Set from outside, they would break the connection or describe another request than the one they go with. */
const ours =
  /^(?:accept|accept-encoding|connection|content-.*|expect|host|keep-alive|last-event-id|mcp-(?:method|name|param-.*|protocol-version|session-id)|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

/** As the registry's schema has it: an outer variable of the same name replaces a `default`, but not a `value`. */
export function scopeOf(
  inputs: Readonly<Record<string, Input>> | undefined,
  outer: Readonly<Record<string, string>>,
): Record<string, string> {
  const scope: Record<string, string> = { ...outer };
  for (const [name, { value, default: fallback }] of Object.entries(inputs ?? {})) {
    if (value !== undefined) scope[name] = value;
    else if (fallback !== undefined && !Object.hasOwn(outer, name)) scope[name] = fallback;
  }
  return scope;
}
