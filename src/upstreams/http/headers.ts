import { annotated, type Parameter } from '../../bundle/parameters.ts';
import type { Catalogue } from '../../bundle/schema.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { isObject } from '../../protocol/jsonrpc.ts';

/** Tool name -> the arguments that go into `Mcp-Param-*` headers (SEP-2243). */
export type ParameterHeaders = ReadonlyMap<string, Parameter[]>;

/** From the blessed catalogue only: what an upstream says at run time must not choose which arguments leave the body. */
export function parameterHeaders(tools: Catalogue['tools']): ParameterHeaders {
  const all = new Map<string, Parameter[]>();
  for (const tool of tools) {
    const parameters = annotated(tool['inputSchema']);
    if (parameters && parameters.length > 0) all.set(tool.name, parameters);
  }
  return all;
}

const plain = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

/** A header value as it is, or in the `=?base64?...?=` form where HTTP could not carry it or it could be taken for that form. */
export function headerValue(text: string): string {
  if (plain.test(text) && !(text.startsWith('=?base64?') && text.endsWith('?='))) return text;
  return `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}

/** The headers that repeat a request's body, as a flat list of names and values: method, name or URI, annotated arguments. */
export function requestHeaders(method: string, params: JsonObject, parameters: ParameterHeaders): string[] {
  const headers = ['mcp-method', headerValue(method)];
  const name = method === 'resources/read' ? params['uri'] : method.startsWith('tasks/') ? params['taskId'] : params['name'];
  if (typeof name === 'string') headers.push('mcp-name', headerValue(name));
  if (method !== 'tools/call') return headers;
  for (const { header, path } of parameters.get(name as string) ?? []) {
    let value: unknown = params['arguments'];
    for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    if (typeof value === 'string') headers.push(header, headerValue(value));
    else if (typeof value === 'boolean' || Number.isSafeInteger(value)) headers.push(header, String(value));
  }
  return headers;
}
