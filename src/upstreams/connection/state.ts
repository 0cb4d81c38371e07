import type { ServerEntry } from '../../bundle/schema.ts';
import { downloads } from '../local/environment.ts';
import { UpstreamError, type UpstreamStatus } from '../upstream.ts';
import { type Breaker, openBreaker } from './breaker.ts';
import { crashLoop } from './crash-loop.ts';
import type { Link, UpstreamLimits } from './link.ts';

/** How one upstream stands: what is known of it now, and what follows from that. Connecting and ending are the work of `connection.ts`. */
export class ConnectionState {
  readonly breaker: Breaker;
  /** Milliseconds that a start may take. */
  readonly startMs: number;
  link: Link | undefined;
  connecting: Promise<Link> | undefined;
  /** It crashed again and again, and is not started any more before a person asks for it. */
  stuck = false;
  /** Takes no more calls; those that it has may end. */
  retired = false;
  /** The next start begins with the legacy handshake. */
  skipsProbe = false;
  /** Calls that wait for the connection. */
  waiting = 0;
  readonly #closing = new AbortController();
  readonly #crashes = crashLoop();
  readonly #local: boolean;
  /** Its program may have to be downloaded first. */
  readonly #fetched: boolean;
  readonly #now: () => number;

  constructor({ launch }: ServerEntry, limits: UpstreamLimits, now: () => number) {
    this.#local = launch !== undefined;
    this.#fetched = launch !== undefined && downloads(launch);
    this.#now = now;
    this.breaker = openBreaker(limits, now);
    this.startMs = this.#fetched ? Math.max(limits.downloadMs, limits.connectMs) : limits.connectMs;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }
  /** Aborts when it is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }
  close() {
    this.#closing.abort();
  }

  get busy(): boolean {
    return this.waiting > 0 || this.link?.busy() === true;
  }

  /** A local server's process ended, or did not come up. */
  crashed() {
    if (this.#local && this.#crashes.crashed(this.#now())) this.stuck = true;
  }

  /** A person wants it tried again: nothing of before counts. */
  reset() {
    this.breaker.close();
    this.stuck = false;
    this.skipsProbe = false;
    this.#crashes.reset();
  }

  /** Why no call can begin now. A call fails at once while the upstream is waited for: hanging until the next attempt, it would hang the agent. */
  refusal(): UpstreamError | undefined {
    if (this.closed) return new UpstreamError('closed', 'Gatehouse has closed it');
    const { trouble } = this.breaker;
    if (!trouble) return undefined;
    const { error, retryAt } = trouble;
    const problem = error.problem === 'unauthorized' ? 'unauthorized' : 'unreachable';
    if (this.stuck)
      return new UpstreamError(problem, `it ended too often in a short time: ${error.message}; reconnect it in Gatehouse to try again`);
    const wait = retryAt - this.#now();
    if (wait <= 0) return undefined;
    return new UpstreamError(problem, `${error.message}; the next attempt is in ${Math.ceil(wait / 1000)} s`, { cause: error });
  }

  /** In the words of the window. */
  status(): UpstreamStatus {
    const { link } = this;
    const { trouble } = this.breaker;
    const spoken = link ? { era: link.era } : {};
    if (this.stuck) return { state: 'failed', error: `it ended again and again; ${trouble?.error.message ?? 'see the log'}` };
    if (this.connecting) {
      const note = this.#fetched ? { note: 'it may have to be downloaded first, which can take minutes' } : {};
      return { state: 'connecting', ...spoken, ...(trouble ? { error: trouble.error.message } : {}), ...note };
    }
    // A process that is up again has to answer once before its trouble is forgotten, but it is connected. Of a remote server only an answer says so.
    if (trouble && !(link && this.#local && this.#now() >= trouble.retryAt))
      return { state: 'backing-off', ...spoken, error: trouble.error.message, retryAt: trouble.retryAt };
    return link ? { state: 'connected', ...spoken } : { state: 'idle' };
  }
}
