import { randomUUID } from 'node:crypto';
import { isObject, type JsonObject, rpc } from '../../protocol/jsonrpc.ts';
import { type Outcome, type Upstream, type UpstreamCall, UpstreamError } from '../../upstreams/upstream.ts';
import { type InputRequest, unaskable, worded } from './questions.ts';

/** The parts of an agent's call that matter here. */
export type AgentCall = Omit<UpstreamCall, 'params'> & { agent: string };

interface Asked extends InputRequest {
  answer(outcome: Outcome): void;
}

/** A call to a legacy upstream that asked something of a modern agent: it stays open here while the agent goes and asks its person. */
interface SuspendedCall {
  readonly id: string;
  readonly agent: string;
  readonly capabilities: JsonObject;
  readonly questions: Map<string, Asked>;
  readonly ended: Promise<Outcome>;
  /** The agent's request that carries it now; undefined between two requests. */
  call: AgentCall | undefined;
  asked: (() => void) | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Bounds its whole time: an agent that keeps coming back without an answer must not keep it for ever. */
  whole: NodeJS.Timeout | undefined;
  late: boolean;
  readonly cancel: AbortController;
  count: number;
  /** Answers that the agent sent ahead, by the name of the question; each is used once. */
  readonly ahead: Map<string, unknown>;
}

export type Round = { outcome: Outcome } | { parked: string; inputRequests: JsonObject };

export interface SuspendedCalls {
  /** Begins a call; it may lead to a question instead of an answer. */
  begin(call: AgentCall, upstream: Upstream, params: JsonObject): Promise<Round>;
  /** Goes on with a call that was parked. Undefined: it is not here any more. */
  resume(id: string, call: AgentCall, responses: JsonObject): Promise<Round> | undefined;
  /** Ends all suspended calls, or those of one agent. */
  close(agent?: string): void;
}

/** How long a question waits for the agent's next request; a state that carries it holds as long (`seal.ts`). */
export const roundMs = 15 * 60_000;
export const suspendedCallLimits = { perAgent: 32, total: 512, roundMs, wholeMs: 60 * 60_000 };
/** Questions that a server sends at once come to the agent together. */
const gatherMs = 5;

/**
 * The legacy era asks without keys. A server that cares (a modern agent's script may answer by key) names its question here, in the request's
 * `_meta`; any other gets a key of ours.
 */
const inputKey = 'dev.gatehouse/inputKey';

function nameOf({ params }: InputRequest): string | undefined {
  const named = isObject(params['_meta']) ? params['_meta'][inputKey] : undefined;
  return typeof named === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(named) ? named : undefined;
}

function keyOf(question: InputRequest, { questions, count }: SuspendedCall): string {
  const named = nameOf(question);
  if (named !== undefined && !questions.has(named)) return named;
  let own = count;
  while (questions.has(`q${own}`)) own++;
  return `q${own}`;
}

function takeAhead({ ahead }: SuspendedCall, question: InputRequest): JsonObject | undefined {
  const name = nameOf(question);
  const answer = name === undefined ? undefined : ahead.get(name);
  // A server that asks again did not accept it, so it is not used twice.
  if (name !== undefined) ahead.delete(name);
  return isObject(answer) ? answer : undefined;
}

/**
 * Modern agent, legacy upstream (SEP-2322 has no counterpart there): the upstream's request becomes `input_required`, the agent's retry its
 * answer. Calls that wait are bounded in number and in age; whoever does not come back is cancelled upstream.
 */
export function openSuspendedCalls(limits = suspendedCallLimits): SuspendedCalls {
  const parked = new Map<string, SuspendedCall>();

  const end = (suspended: SuspendedCall): void => {
    parked.delete(suspended.id);
    clearTimeout(suspended.timer);
    clearTimeout(suspended.whole);
    suspended.call = undefined;
    for (const question of suspended.questions.values())
      question.answer({ error: { code: rpc.internalError, message: 'The agent did not come back with an answer.' } });
    suspended.questions.clear();
  };

  const giveUp = (suspended: SuspendedCall): void => {
    suspended.cancel.abort();
    end(suspended);
  };

  const ofAgent = (agent: string): number => {
    let count = 0;
    for (const suspended of parked.values()) if (suspended.agent === agent) count++;
    return count;
  };

  const ask = (suspended: SuspendedCall, request: { method: string; params: JsonObject }, signal: AbortSignal): Promise<Outcome> => {
    const refused = unaskable(request, suspended.capabilities);
    if (refused) return Promise.resolve({ error: refused });
    const ahead = takeAhead(suspended, request);
    if (ahead) return Promise.resolve({ result: ahead });
    if (!parked.has(suspended.id) && (parked.size >= limits.total || ofAgent(suspended.agent) >= limits.perAgent))
      return Promise.resolve({ error: { code: rpc.internalError, message: 'Too many calls are waiting for an answer of this agent.' } });
    // Counted from here on, since many calls may ask at once.
    parked.set(suspended.id, suspended);
    return new Promise((resolve) => {
      suspended.count++;
      const key = keyOf(request, suspended);
      const answer = (outcome: Outcome) => {
        suspended.questions.delete(key);
        resolve(outcome);
      };
      signal.addEventListener('abort', () => answer({ error: { code: rpc.internalError, message: 'The call was cancelled.' } }), {
        once: true,
      });
      suspended.questions.set(key, { ...worded(request, 'modern'), answer });
      suspended.asked?.();
    });
  };

  /** Waits for whatever comes first: the end of the call, or questions for this exchange to carry to the agent. */
  const round = async (suspended: SuspendedCall, call: AgentCall): Promise<Round> => {
    suspended.call = call;
    clearTimeout(suspended.timer);
    const onGone = () => suspended.cancel.abort();
    call.signal.addEventListener('abort', onGone, { once: true });
    try {
      // A question may be taken back while others are gathered: then there is nothing to carry yet.
      while (suspended.questions.size === 0) {
        const asked = new Promise<undefined>((resolve) => {
          suspended.asked = () => resolve(undefined);
        });
        const outcome = await Promise.race([suspended.ended, asked]);
        if (outcome) {
          end(suspended);
          return { outcome };
        }
        await new Promise((resolve) => setTimeout(resolve, gatherMs));
      }
      if (suspended.late) {
        giveUp(suspended);
        throw new UpstreamError('timed-out', 'it waited for answers for too long in all');
      }
      suspended.timer = setTimeout(() => giveUp(suspended), limits.roundMs).unref();
      const inputRequests = Object.fromEntries([...suspended.questions].map(([key, { method, params }]) => [key, { method, params }]));
      return { parked: suspended.id, inputRequests };
    } catch (error) {
      end(suspended);
      throw error;
    } finally {
      suspended.call = undefined;
      suspended.asked = undefined;
      call.signal.removeEventListener('abort', onGone);
    }
  };

  return {
    begin(call, upstream, params) {
      const { inputResponses } = params;
      const cancel = new AbortController();
      const suspended: SuspendedCall = {
        id: randomUUID(),
        agent: call.agent,
        capabilities: call.peer.capabilities,
        questions: new Map(),
        call,
        asked: undefined,
        timer: undefined,
        whole: undefined,
        late: false,
        cancel,
        count: 0,
        ahead: new Map(params['requestState'] === undefined && isObject(inputResponses) ? Object.entries(inputResponses) : []),
        ended: upstream.call({
          method: call.method,
          params,
          peer: call.peer,
          signal: cancel.signal,
          // Through the suspended call: progress goes to the exchange that is open when it comes.
          ...(call.onProgress ? { onProgress: (progress: JsonObject) => suspended.call?.onProgress?.(progress) } : {}),
          ...(call.onNotification
            ? { onNotification: (note: { method: string; params?: JsonObject }) => suspended.call?.onNotification?.(note) }
            : {}),
          caughtUp: (held) => suspended.call?.caughtUp?.(held),
          onRequest: (request, signal) => ask(suspended, request, signal),
        }),
      };
      // A call that waits for its agent ends now. One that a request carries may still finish, but no longer asks.
      suspended.whole = setTimeout(() => {
        suspended.late = true;
        if (!suspended.call) giveUp(suspended);
      }, limits.wholeMs).unref();
      // Whoever waits for it hears of its failure; while it is parked nobody may wait, so the rejection is handled here.
      suspended.ended.catch(() => {});
      return round(suspended, call);
    },
    resume(id, call, responses) {
      const suspended = parked.get(id);
      if (!suspended || suspended.agent !== call.agent) return undefined;
      for (const [key, question] of [...suspended.questions]) {
        const response = Object.hasOwn(responses, key) ? responses[key] : undefined;
        if (typeof response === 'object' && response !== null) question.answer({ result: response as JsonObject });
      }
      return round(suspended, call);
    },
    close(agent) {
      for (const suspended of [...parked.values()]) {
        if (agent !== undefined && suspended.agent !== agent) continue;
        suspended.cancel.abort(new UpstreamError('cancelled', 'Gatehouse is closing'));
        end(suspended);
      }
    },
  };
}
