import type { ServerEntry } from '../bundle/schema.ts';
import { type Outcome, type Upstream, type UpstreamCall, UpstreamError } from './upstream.ts';

/** Carries out calls in our own process. Rejects with an UpstreamError only. */
export type Answers = (call: UpstreamCall, entry: ServerEntry) => Promise<Outcome>;

/** An upstream without a connection, for tools of our own: always there, and its calls are decided, limited and recorded like all others. */
export function openInProcess(initialEntry: ServerEntry, answers: Answers): Upstream {
  let entry = initialEntry;
  let closed: AbortController | undefined = new AbortController();
  let calls = 0;
  const nothing = () => undefined;
  const close = async () => {
    closed?.abort();
    closed = undefined;
  };
  return {
    get entry() {
      return entry;
    },
    status: () => (closed ? { state: 'connected' } : { state: 'idle' }),
    output: () => [],
    async call(call) {
      if (!closed) throw new UpstreamError('closed', 'Gatehouse has closed it');
      calls++;
      try {
        return await answers({ ...call, signal: AbortSignal.any([call.signal, closed.signal]) }, entry);
      } catch (error) {
        throw error instanceof UpstreamError ? error : new UpstreamError('bad-answer', 'an error inside Gatehouse', { cause: error });
      } finally {
        calls--;
      }
    },
    subscribe: () => Promise.reject(new UpstreamError('bad-answer', 'it has nothing that changes')),
    resubscribe: () => nothing,
    forget: nothing,
    reset: nothing,
    lacking: nothing,
    renew: nothing,
    wake: nothing,
    adopt(next) {
      entry = next;
    },
    busy: () => calls > 0,
    retire: close,
    close,
  };
}
