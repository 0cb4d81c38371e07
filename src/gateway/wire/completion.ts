import { isObject, type JsonObject, longest } from '../../protocol/jsonrpc.ts';
import type { Directory } from '../catalogue/directory.ts';
import { expand, variablesOf } from '../catalogue/template.ts';
import type { Target } from '../pipeline/call.ts';

/** To complete a value is to ask about it, so it is decided as the `get` or the `read` that it would become. */
export function completed(
  directory: Directory,
  params: JsonObject,
): { asked: string; target: Target | undefined; args: JsonObject } | string {
  const { ref, argument, context = {} } = params;
  if (!isObject(ref)) return 'params.ref must be an object.';
  const { name, value } = isObject(argument) ? argument : {};
  if (typeof name !== 'string' || typeof value !== 'string')
    return 'params.argument must be an object with a name and a value, both strings.';
  const before = isObject(context) ? (context['arguments'] ?? {}) : undefined;
  if (!isObject(before) || Object.values(before).some((text) => typeof text !== 'string'))
    return 'params.context must be an object, and its arguments an object of strings.';
  const args = { ...before, [name]: value } as Record<string, string>;
  if (ref['type'] === 'ref/prompt' && typeof ref['name'] === 'string') {
    const listed = directory.find('prompts', ref['name']);
    return { asked: ref['name'], target: listed && { owner: listed.owner, name: listed.name, action: 'get' }, args };
  }
  if (ref['type'] === 'ref/resource' && typeof ref['uri'] === 'string') {
    const asked = ref['uri'];
    const variables = variablesOf(asked);
    const tooLong = `The URI that params.argument makes has more than ${longest.uri} characters.`;
    if (expand(asked, args).length > longest.uri) return tooLong;
    const resource = directory.findResource(asked);
    // What a name that is no variable of the template does to the URI is not known, so nothing is offered for it.
    const completable = variables.size === 0 || Object.keys(args).every((key) => variables.has(key)) ? resource : undefined;
    const target = completable && { owner: completable.owner, name: completable.uri, action: 'read' as const };
    return { asked, target: target && (variables.size === 0 ? target : { ...target, filled: expand(completable.uri, args) }), args };
  }
  return 'params.ref must be a ref/prompt with a name or a ref/resource with a uri.';
}
