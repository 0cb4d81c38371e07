import type { ServerEntry } from '../../bundle/schema.ts';
import { isObject, type JsonObject, ourId } from '../../protocol/jsonrpc.ts';
import { severity } from '../../protocol/log-levels.ts';
import { type Outcome, type UpstreamCall, UpstreamError } from '../upstream.ts';
import { writtenAs } from './parse-json.ts';

/** One request that waits for its answer. It ends exactly once; whatever comes afterwards is ignored. */
export interface Pending {
  readonly id: number;
  readonly call: UpstreamCall;
  readonly open: boolean;
  finish(outcome: Outcome): void;
  fail(error: UpstreamError): void;
  /** Takes what came for the call and is not its answer. False: more than one call may bring. */
  notified(message: JsonObject): boolean;
  /** Stops the clock while a person is being asked on the upstream's behalf. */
  hold(): void;
  release(): void;
}

/**
 * Registers a call and starts its clock. `onGone` is told when we give up (the agent cancelled, or time ran out), so that the upstream can be told;
 * `onEnd` when it is over in whatever way.
 */
export function openPending(
  id: number,
  call: UpstreamCall,
  limits: { timeoutMs: number; messages: number },
  hooks: { onGone(pending: Pending, reason: string): void; onEnd?(pending: Pending): void },
  settle: { resolve(outcome: Outcome): void; reject(error: UpstreamError): void },
): Pending {
  const { signal } = call;
  let open = true;
  let held = 0;
  let messages = 0;
  let timer: NodeJS.Timeout | undefined = setTimeout(late, limits.timeoutMs);
  signal.addEventListener('abort', cancelled);

  function end(): boolean {
    if (!open) return false;
    open = false;
    clearTimeout(timer);
    signal.removeEventListener('abort', cancelled);
    hooks.onEnd?.(pending);
    return true;
  }
  function late() {
    if (!end()) return;
    settle.reject(new UpstreamError('timed-out', `no answer and no progress for ${limits.timeoutMs / 1000} s`));
    hooks.onGone(pending, 'Timed out');
  }
  function cancelled() {
    if (!end()) return;
    settle.reject(new UpstreamError('cancelled', 'the call was cancelled'));
    hooks.onGone(pending, 'Cancelled by the agent');
  }

  const pending: Pending = {
    id,
    call,
    get open() {
      return open;
    },
    finish(outcome) {
      if (end()) settle.resolve(outcome);
    },
    fail(error) {
      if (end()) settle.reject(error);
    },
    notified(message) {
      if (!open) return true;
      if (++messages > limits.messages) return false;
      const params = isObject(message['params']) ? message['params'] : undefined;
      if (message['method'] === 'notifications/progress') {
        if (!params || ourId(params['progressToken']) !== id) return true;
        timer?.refresh();
        call.onProgress?.(params);
      } else if (wants(call, message['method'], params))
        call.onNotification?.(params ? { method: message['method'] as string, params } : { method: message['method'] as string });
      return true;
    },
    hold() {
      if (!open || held++ > 0) return;
      clearTimeout(timer);
      timer = undefined;
    },
    release() {
      if (--held === 0 && open) timer = setTimeout(late, limits.timeoutMs);
    },
  };
  if (signal.aborted) queueMicrotask(cancelled);
  return pending;
}

/** Milliseconds that the upstream may be silent: as the caller says, else as the company states for the tool, else for the server. */
export function deadlineOf({ timeoutMs, method, params }: UpstreamCall, entry: ServerEntry): number {
  const ofTool = method === 'tools/call' ? entry.tools[params['name'] as string]?.timeoutMs : undefined;
  return timeoutMs ?? ofTool ?? entry.timeoutMs;
}

/**
 * Progress extends the deadline even if the agent does not want to see it, and many servers report it only for a token. So a tool call always carries
 * one, the request's own id.
 */
export const wantsProgress = ({ method, onProgress }: UpstreamCall): boolean => method === 'tools/call' || onProgress !== undefined;

/** The params as a legacy upstream gets them. */
export function withToken(call: UpstreamCall, id: number): JsonObject {
  const { params } = call;
  if (!wantsProgress(call)) return params;
  const meta = params['_meta'] as JsonObject | undefined;
  return { ...params, _meta: meta === undefined ? { progressToken: id } : { ...meta, progressToken: id } };
}

const reading = new Set(['resources/read', 'resources/directory/read', 'prompts/get', 'completion/complete']);

/** Reading twice does no harm. That a tool only reads is what the company says of it, not what its upstream does. */
export function repeatable({ method, params }: UpstreamCall, entry: ServerEntry): boolean {
  if (method !== 'tools/call') return reading.has(method);
  const name = params['name'] as string;
  return Object.hasOwn(entry.tools, name) && entry.tools[name]!.readOnly;
}

/** Log messages go only to agents that asked for them, from the level that each asked for: a shared session is set to the lowest of these levels. */
export function wants(call: UpstreamCall, method: unknown, params: JsonObject | undefined): boolean {
  if (typeof method !== 'string' || !call.onNotification) return false;
  // Lists are the blessed ones, whatever the upstream would offer now: agents hear of changes from the bundle.
  if (method.endsWith('/list_changed')) return false;
  if (method !== 'notifications/message') return true;
  return call.peer.logLevel !== undefined && severity(params?.['level']) >= severity(call.peer.logLevel);
}

/** The answer in a message, if it is a well-formed one. Results pass as the very object that was parsed. */
export function outcomeOf(message: JsonObject): Outcome | undefined {
  const { result, error } = message;
  if (isObject(result)) {
    const bytes = writtenAs(result);
    return bytes === undefined ? { result } : { result, text: [bytes] };
  }
  if (!isObject(error) || typeof error['code'] !== 'number' || typeof error['message'] !== 'string') return undefined;
  const said = error as unknown as Extract<Outcome, { error: unknown }>['error'];
  return { error: said.message.length > longestMessage ? { ...said, message: `${said.message.slice(0, longestMessage)}...` } : said };
}

/** Characters. JSON-RPC 2.0, 5.1: the message should be "a concise single sentence". It is written several times. */
const longestMessage = 16 * 1024;
