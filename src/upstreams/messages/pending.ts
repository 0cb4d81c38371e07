import type { ServerEntry } from '../../bundle/schema.ts';
import { isObject, type JsonObject, ourId } from '../../protocol/jsonrpc.ts';
import { severity } from '../../protocol/log-levels.ts';
import { type Outcome, type UpstreamCall, UpstreamError } from '../upstream.ts';
import { writtenAs } from './parse-json.ts';

/** What becomes of a request. `gone`: we gave up (the agent cancelled, or time ran out), so that the upstream can be told. */
export interface PendingHooks {
  resolve(outcome: Outcome): void;
  reject(error: UpstreamError): void;
  gone(pending: Pending, reason: string): void;
  /** It is over, in whatever way. */
  ended?(pending: Pending): void;
}

/**
 * One request that waits for its answer. It ends exactly once; whatever comes afterwards is ignored.
 *
 * Two habits of V8 would let each call survive until the old generation is collected, at a quarter of the host's CPU. An object literal with a getter
 * gets a hidden class of its own there, and that keeps the object: hence the class. And a `Map` that was built anew keeps what it held before, and
 * what it held later: hence nothing is left in this when it has ended.
 */
export class Pending {
  readonly id: number;
  /** Undefined when it has ended. */
  call: UpstreamCall | undefined;
  /** Milliseconds. */
  readonly #timeoutMs: number;
  /** Messages that it may still bring besides its answer. */
  #left: number;
  #hooks: PendingHooks | undefined;
  #held = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Registers a call and starts its clock. */
  constructor(id: number, call: UpstreamCall, limits: { timeoutMs: number; messages: number }, hooks: PendingHooks) {
    this.id = id;
    this.call = call;
    this.#timeoutMs = limits.timeoutMs;
    this.#left = limits.messages;
    this.#hooks = hooks;
    this.#timer = setTimeout(late, limits.timeoutMs, this);
    call.signal.addEventListener('abort', this);
    if (call.signal.aborted) queueMicrotask(() => this.handleEvent());
  }

  get open(): boolean {
    return this.call !== undefined;
  }

  finish(outcome: Outcome): void {
    this.#end()?.resolve(outcome);
  }

  fail(error: UpstreamError): void {
    this.#end()?.reject(error);
  }

  /** Takes what came for the call and is not its answer. False: more than one call may bring. */
  notified(message: JsonObject): boolean {
    const { call } = this;
    if (!call) return true;
    if (--this.#left < 0) return false;
    const params = isObject(message['params']) ? message['params'] : undefined;
    if (message['method'] === 'notifications/progress') {
      if (!params || ourId(params['progressToken']) !== this.id) return true;
      this.#timer?.refresh();
      call.onProgress?.(params);
    } else if (wants(call, message['method'], params))
      call.onNotification?.(params ? { method: message['method'] as string, params } : { method: message['method'] as string });
    return true;
  }

  /** Stops the clock while a person is being asked on the upstream's behalf. */
  hold(): void {
    if (!this.open || this.#held++ > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  release(): void {
    if (--this.#held === 0 && this.open) this.#timer = setTimeout(late, this.#timeoutMs, this);
  }

  /** The agent cancelled. */
  handleEvent(): void {
    this.#giveUp(new UpstreamError('cancelled', 'the call was cancelled'), 'Cancelled by the agent');
  }

  timedOut(): void {
    this.#giveUp(new UpstreamError('timed-out', `no answer and no progress for ${this.#timeoutMs / 1000} s`), 'Timed out');
  }

  #giveUp(error: UpstreamError, reason: string): void {
    const hooks = this.#end();
    hooks?.reject(error);
    hooks?.gone(this, reason);
  }

  /** Who is to be told; undefined: it had ended already. */
  #end(): PendingHooks | undefined {
    const hooks = this.#hooks;
    if (!hooks) return undefined;
    clearTimeout(this.#timer);
    this.call!.signal.removeEventListener('abort', this);
    this.call = this.#hooks = this.#timer = undefined;
    hooks.ended?.(this);
    return hooks;
  }
}

const late = (pending: Pending): void => pending.timedOut();

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
