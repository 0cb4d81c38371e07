import { randomUUID } from 'node:crypto';
import { isObject, type JsonObject, rpc } from '../../protocol/jsonrpc.ts';
import { type Outcome, type Upstream, type UpstreamCall, UpstreamError } from '../../upstreams/upstream.ts';
import { type InputRequest, unaskable, worded } from './questions.ts';

/** A call as far as it matters here. */
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
  /** The exchange that speaks for it at present; between two of them there is none. */
  call: AgentCall | undefined;
  asked: (() => void) | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Runs from its beginning: an agent that comes back again and again without an answer must not keep it for ever. */
  whole: NodeJS.Timeout | undefined;
  late: boolean;
  readonly cancel: AbortController;
  count: number;
  /** Answers that the agent sent ahead, by the name of the question; each is good for one. */
  readonly ahead: Map<string, unknown>;
}

export type Round = { outcome: Outcome } | { parked: string; inputRequests: JsonObject };

export interface SuspendedCalls {
  /** Begins a call; it may come to a question instead of an answer. */
  begin(call: AgentCall, upstream: Upstream, params: JsonObject): Promise<Round>;
  /** Goes on with a call that was parked. Undefined: it is not here any more. */
  resume(id: string, call: AgentCall, responses: JsonObject): Promise<Round> | undefined;
  /** Ends all that waits, or what waits for one agent. */
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
  // Asked again it was no good: the next answer is to be a new one.
  if (name !== undefined) ahead.delete(name);
  return isObject(answer) ? answer : undefined;
}

/**
 * Modern agent, legacy upstream (SEP-2322 has no counterpart there): the upstream's request becomes `input_required`, the agent's retry its
 * answer. Calls that wait are bounded in number and in age; whoever does not come back is cancelled upstream.
 */
export function openSuspendedCalls(limits = suspendedCallLimits): SuspendedCalls {
  const parked = new Map<string, SuspendedCall>();

  const end = (conversation: SuspendedCall): void => {
    parked.delete(conversation.id);
    clearTimeout(conversation.timer);
    clearTimeout(conversation.whole);
    conversation.call = undefined;
    for (const question of conversation.questions.values())
      question.answer({ error: { code: rpc.internalError, message: 'The agent did not come back with an answer.' } });
    conversation.questions.clear();
  };

  const giveUp = (conversation: SuspendedCall): void => {
    conversation.cancel.abort();
    end(conversation);
  };

  const ofAgent = (agent: string): number => {
    let count = 0;
    for (const one of parked.values()) if (one.agent === agent) count++;
    return count;
  };

  const ask = (conversation: SuspendedCall, request: { method: string; params: JsonObject }, signal: AbortSignal): Promise<Outcome> => {
    const refused = unaskable(request, conversation.capabilities);
    if (refused) return Promise.resolve({ error: refused });
    const ahead = takeAhead(conversation, request);
    if (ahead) return Promise.resolve({ result: ahead });
    if (!parked.has(conversation.id) && (parked.size >= limits.total || ofAgent(conversation.agent) >= limits.perAgent))
      return Promise.resolve({ error: { code: rpc.internalError, message: 'Too many calls are waiting for an answer of this agent.' } });
    // From here on it counts: many calls may ask at once.
    parked.set(conversation.id, conversation);
    return new Promise((resolve) => {
      conversation.count++;
      const key = keyOf(request, conversation);
      const answer = (outcome: Outcome) => {
        conversation.questions.delete(key);
        resolve(outcome);
      };
      signal.addEventListener('abort', () => answer({ error: { code: rpc.internalError, message: 'The call was cancelled.' } }), {
        once: true,
      });
      conversation.questions.set(key, { ...worded(request, 'modern'), answer });
      conversation.asked?.();
    });
  };

  /** Waits for whatever comes first: the end of the call, or questions for this exchange to carry to the agent. */
  const round = async (conversation: SuspendedCall, call: AgentCall): Promise<Round> => {
    conversation.call = call;
    clearTimeout(conversation.timer);
    const onGone = () => conversation.cancel.abort();
    call.signal.addEventListener('abort', onGone, { once: true });
    try {
      // A question may be taken back while others are gathered: then there is nothing to carry yet.
      while (conversation.questions.size === 0) {
        const asked = new Promise<undefined>((resolve) => {
          conversation.asked = () => resolve(undefined);
        });
        const outcome = await Promise.race([conversation.ended, asked]);
        if (outcome) {
          end(conversation);
          return { outcome };
        }
        await new Promise((resolve) => setTimeout(resolve, gatherMs));
      }
      if (conversation.late) {
        giveUp(conversation);
        throw new UpstreamError('timed-out', 'it waited for answers for too long in all');
      }
      conversation.timer = setTimeout(() => giveUp(conversation), limits.roundMs).unref();
      const inputRequests = Object.fromEntries([...conversation.questions].map(([key, { method, params }]) => [key, { method, params }]));
      return { parked: conversation.id, inputRequests };
    } catch (error) {
      end(conversation);
      throw error;
    } finally {
      conversation.call = undefined;
      conversation.asked = undefined;
      call.signal.removeEventListener('abort', onGone);
    }
  };

  return {
    begin(call, upstream, params) {
      const { inputResponses } = params;
      const cancel = new AbortController();
      const conversation: SuspendedCall = {
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
          // Through the conversation: progress goes to the exchange that is open when it comes.
          ...(call.onProgress ? { onProgress: (progress: JsonObject) => conversation.call?.onProgress?.(progress) } : {}),
          ...(call.onNotification
            ? { onNotification: (note: { method: string; params?: JsonObject }) => conversation.call?.onNotification?.(note) }
            : {}),
          caughtUp: (held) => conversation.call?.caughtUp?.(held),
          onRequest: (request, signal) => ask(conversation, request, signal),
        }),
      };
      // While an exchange speaks for it and nothing is asked, it is a call like any other.
      conversation.whole = setTimeout(() => {
        conversation.late = true;
        if (!conversation.call) giveUp(conversation);
      }, limits.wholeMs).unref();
      // Whoever waits for it hears of its failure; parked, nobody may be waiting.
      conversation.ended.catch(() => {});
      return round(conversation, call);
    },
    resume(id, call, responses) {
      const conversation = parked.get(id);
      if (!conversation || conversation.agent !== call.agent) return undefined;
      for (const [key, question] of [...conversation.questions]) {
        const given = Object.hasOwn(responses, key) ? responses[key] : undefined;
        if (typeof given === 'object' && given !== null) question.answer({ result: given as JsonObject });
      }
      return round(conversation, call);
    },
    close(agent) {
      for (const conversation of [...parked.values()]) {
        if (agent !== undefined && conversation.agent !== agent) continue;
        conversation.cancel.abort(new UpstreamError('cancelled', 'Gatehouse is closing'));
        end(conversation);
      }
    },
  };
}
