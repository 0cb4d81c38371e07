import type { Reservation } from '../../base/unread.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { isObject, longest } from '../../protocol/jsonrpc.ts';
import type { Outcome } from '../../upstreams/upstream.ts';
import { mayName } from '../catalogue/skills.ts';
import type { Surface } from '../catalogue/surface.ts';
import type { Answering } from '../http/answer.ts';
import { keptAlive } from '../http/kept-alive.ts';
import type { Call, Target } from '../pipeline/call.ts';
import type { CallContext } from '../pipeline/call-context.ts';
import { pass } from '../pipeline/compose.ts';
import { type Task, taskMethods } from '../rounds/tasks.ts';
import { completed } from './completion.ts';
import { misspelt } from './lookalikes.ts';
import type { Incoming } from './request.ts';

/** Methods that reach an upstream, each recorded and decided. */
export const callMethods = new Set(['tools/call', 'prompts/get', 'resources/read', 'completion/complete']);

/** What the agent named, and which server has it; a string says how the params are malformed. */
export function target(
  surface: Surface,
  method: string,
  params: JsonObject,
  task?: (id: string) => Task | undefined,
): { asked: string; target: Target | undefined; args: JsonObject } | string {
  const { directory } = surface;
  const wrong = tooLong(params) ?? misspelt(params);
  if (wrong !== undefined) return wrong;
  if (method === 'completion/complete') return completed(directory, params);
  if (method === 'resources/read' || method === 'resources/directory/read' || method === 'skills/get') {
    const uri = params['uri'];
    if (typeof uri !== 'string') return 'params.uri must be a string.';
    const resource = directory.findResource(uri);
    const target =
      resource && mayName(method, resource) ? { owner: resource.owner, name: resource.uri, action: 'read' as const } : undefined;
    return { asked: uri, target, args: {} };
  }
  if (taskMethods.has(method)) {
    const id = params['taskId'];
    if (typeof id !== 'string') return 'params.taskId must be a string.';
    const begun = task?.(id);
    const owner = begun && directory.servers.find((server) => server.id === begun.server);
    return {
      asked: id,
      target: owner && { owner, name: begun.tool, action: 'call', taskId: begun.taskId },
      args: begun?.args ?? {},
    };
  }
  const name = params['name'];
  if (typeof name !== 'string') return 'params.name must be a string.';
  const args = params['arguments'];
  if (args !== undefined && !isObject(args)) return 'params.arguments must be an object.';
  // The protocol says so, and a rule that compares an argument with a text must not meet a list.
  if (method === 'prompts/get' && args && Object.values(args).some((value) => typeof value !== 'string'))
    return 'params.arguments of a prompt must be strings.';
  const listed = directory.find(method === 'prompts/get' ? 'prompts' : 'tools', name);
  return {
    asked: name,
    target: listed && { owner: listed.owner, name: listed.name, action: method === 'prompts/get' ? 'get' : 'call' },
    args: args ?? {},
  };
}

/** Which name or URI of a call is too long; undefined: none. */
function tooLong(params: JsonObject): string | undefined {
  const ref = params['ref'];
  return (
    over('name', params['name'], longest.name) ??
    over('taskId', params['taskId'], longest.name) ??
    over('uri', params['uri'], longest.uri) ??
    (isObject(ref) ? (over('ref.name', ref['name'], longest.name) ?? over('ref.uri', ref['uri'], longest.uri)) : undefined)
  );
}

const over = (key: string, value: unknown, most: number): string | undefined =>
  typeof value === 'string' && value.length > most ? `params.${key} has at most ${most} characters here.` : undefined;

/** Bytes of an answer that need not be reserved before it is written. */
const shortAnswer = 256 * 1024;

/** Runs one call; a comment keeps the agent's connection alive while the upstream takes its time. */
export async function run(call: Call, context: CallContext, { response }: Incoming, answer: Answering): Promise<Outcome> {
  const kept = keptAlive.begin(answer);
  let hold: Reservation | undefined;
  const caughtUp = (held: number) => {
    if (held > shortAnswer) hold ??= response.unread?.hold(call.agent);
    return answer.caughtUp() ?? hold?.grow(held);
  };
  response.about = {
    server: call.target?.owner.id ?? '',
    method: call.method,
    target: call.target?.name ?? call.asked,
    session: call.session,
  };
  call.caughtUp = caughtUp;
  try {
    return await pass(call, context);
  } finally {
    keptAlive.rest(kept);
    hold?.release();
  }
}

/** Sends progress under the agent's own token; one call may have many thousands of them. */
export function progressTo(token: unknown, answer: Answering): (params: JsonObject) => void {
  return (params) => {
    // Changed in place: a copy would cost as much as the rest of this function.
    params['progressToken'] = token;
    answer.send(`{"jsonrpc":"2.0","method":"notifications/progress","params":${JSON.stringify(params)}}`);
  };
}

export const notificationText = (method: string, params?: JsonObject): string =>
  JSON.stringify({ jsonrpc: '2.0', method, ...(params ? { params } : {}) });
