import type { ServerEntry } from '../../company/bundle.ts';
import type { Log } from '../../log.ts';
import { backoffMs, crashLoop } from './backoff.ts';
import { connectHttp } from './connect-http.ts';
import { connectStdio } from './connect-stdio.ts';
import { remembered, type Verdicts } from './era.ts';
import type { Leash } from './leash.ts';
import { before } from './legacy-http.ts';
import type { Link, LinkContext, UpstreamLimits } from './link.ts';
import { type Outcome, type Upstream, type UpstreamCall, UpstreamError, type UpstreamEvents, type UpstreamStatus } from './upstream.ts';

export interface ConnectionOptions {
  entry: ServerEntry;
  events: UpstreamEvents;
  log: Log;
  limits: UpstreamLimits;
  verdicts: Verdicts;
  leash: Leash;
  clientInfo: { name: string; version: string };
  now(): number;
}

/** One upstream over time: connects at first use, waits longer after each failure, stops trying where a process only crashes. */
export function openConnection(options: ConnectionOptions): Upstream {
  const { entry, events, log, limits, verdicts, leash, now } = options;
  const subscribed = new Map<string, { count: number; acknowledged: Promise<void> }>();
  const uris = new Set<string>();
  const crashes = crashLoop();
  let link: Link | undefined;
  let connecting: Promise<Link> | undefined;
  let trouble: { error: UpstreamError; failures: number; retryAt: number } | undefined;
  let stuck = false;
  let closed: AbortController | undefined = new AbortController();
  let revive: NodeJS.Timeout | undefined;
  let skipProbe = false;

  const context: LinkContext = {
    entry,
    clientInfo: options.clientInfo,
    log,
    limits,
    uris,
    onResourceUpdated: (params) => events.onResourceUpdated(entry.id, params),
    onTrouble: (error) => failed(error),
    onLost(lost, error) {
      if (lost !== link) return;
      link = undefined;
      if (entry.launch && crashes.crashed(now())) stuck = true;
      void lost.close().catch(() => {});
      failed(error);
    },
  };

  const told = () => events.onStatus(entry.id, status());

  function status(): UpstreamStatus {
    const era = link ? { era: link.era } : {};
    if (stuck) return { state: 'failed', error: `it ended again and again; ${trouble?.error.message ?? 'see the log'}` };
    if (connecting) return { state: 'connecting', ...era, ...(trouble ? { error: trouble.error.message } : {}) };
    // A process that is up again has to answer once before its trouble is forgotten, but it is connected.
    if (trouble && !(link && now() >= trouble.retryAt))
      return { state: 'backing-off', ...era, error: trouble.error.message, retryAt: trouble.retryAt };
    return link ? { state: 'connected', ...era } : { state: 'idle' };
  }

  function failed(error: UpstreamError) {
    if (!closed) return;
    // Calls in flight at the same time find the same trouble: it counts once.
    if (trouble && now() < trouble.retryAt && !stuck) return;
    const failures = (trouble?.failures ?? 0) + 1;
    trouble = { error, failures, retryAt: now() + backoffMs(failures, limits, Math.random) };
    log.warn({ server: entry.id, problem: error.problem, failures, err: error.message }, 'an upstream is in trouble');
    if (uris.size > 0 && !stuck) {
      // Somebody waits for updates, so nobody's call will bring it back.
      clearTimeout(revive);
      revive = setTimeout(() => void ready().catch(() => {}), trouble.retryAt - now()).unref();
    }
    told();
  }

  function recovered() {
    if (!trouble || stuck) return;
    trouble = undefined;
    told();
  }

  /** Fails at once while waiting: a call that hangs until the next attempt would hang the agent with it. */
  function guard(): UpstreamError | undefined {
    if (!closed) return new UpstreamError('closed', 'Gatehouse has closed it');
    if (!trouble) return undefined;
    const { error, retryAt } = trouble;
    const problem = error.problem === 'unauthorized' ? 'unauthorized' : 'unreachable';
    if (stuck)
      return new UpstreamError(problem, `it ended too often in a short time: ${error.message}; reconnect it in Gatehouse to try again`);
    const wait = retryAt - now();
    if (wait <= 0) return undefined;
    return new UpstreamError(problem, `${error.message}; the next attempt is in ${Math.ceil(wait / 1000)} s`, { cause: error });
  }

  function ready(): Promise<Link> {
    if (link) return Promise.resolve(link);
    connecting ??= connect().finally(() => {
      connecting = undefined;
      told();
    });
    return connecting;
  }

  async function connect(): Promise<Link> {
    const stop = AbortSignal.any([closed!.signal, AbortSignal.timeout(limits.connectMs)]);
    const known = entry.era === 'auto' ? (skipProbe ? 'legacy' : remembered(verdicts, entry.id, now())) : entry.era;
    queueMicrotask(told);
    try {
      const made = entry.url ? await connectHttp(context, known, stop) : await connectStdio(context, leash, known, stop);
      if (!closed) {
        await made.close();
        throw new UpstreamError('closed', 'Gatehouse has closed it');
      }
      link = made;
      if (entry.era === 'auto' && remembered(verdicts, entry.id, now()) !== made.era) verdicts.set(entry.id, { era: made.era, at: now() });
      log.info({ server: entry.id, era: made.era }, 'an upstream is connected');
      // A process that only lives until its first call would otherwise be started without a pause.
      if (entry.url) trouble = undefined;
      return made;
    } catch (error) {
      const known = asProblem(error, stop, limits);
      if (entry.launch) {
        // Some servers fall over a message before the handshake: the next attempt begins with that.
        skipProbe = true;
        if (known.problem !== 'cancelled' && crashes.crashed(now())) stuck = true;
      }
      failed(known);
      throw known;
    }
  }

  async function connectAndCall(call: UpstreamCall): Promise<Outcome> {
    const made = await before(ready(), call.signal);
    const outcome = await made.call(call);
    recovered();
    return outcome;
  }

  /** The first to want a URI subscribes to it; who comes later waits for the same answer. */
  function hold(made: Link, uri: string): Promise<void> {
    const known = subscribed.get(uri);
    if (known) {
      known.count++;
      return known.acknowledged;
    }
    uris.add(uri);
    const acknowledged = made.subscribe(uri);
    subscribed.set(uri, { count: 1, acknowledged });
    return acknowledged;
  }

  function release(uri: string) {
    const known = subscribed.get(uri);
    if (!known || --known.count > 0) return;
    subscribed.delete(uri);
    uris.delete(uri);
    link?.unsubscribe(uri);
  }

  return {
    entry,
    status,
    call(call) {
      if (link && !trouble) return link.call(call);
      const refused = guard();
      return refused ? Promise.reject(refused) : connectAndCall(call);
    },
    async subscribe(uri) {
      const refused = guard();
      if (refused) throw refused;
      const made = await ready();
      let held = true;
      const letGo = () => {
        if (held) release(uri);
        held = false;
      };
      try {
        await hold(made, uri);
      } catch (error) {
        letGo();
        throw error;
      }
      return letGo;
    },
    forget: (peerId) => link?.forget(peerId),
    reset() {
      if (!closed) return;
      trouble = undefined;
      stuck = false;
      skipProbe = false;
      crashes.reset();
      const old = link;
      link = undefined;
      old?.close().catch(() => {});
      told();
      if (uris.size > 0) void ready().catch(() => {});
    },
    async close() {
      const stop = closed;
      closed = undefined;
      clearTimeout(revive);
      stop?.abort();
      const old = link;
      link = undefined;
      await Promise.allSettled([old?.close(), connecting]);
    },
  };
}

function asProblem(error: unknown, stop: AbortSignal, limits: UpstreamLimits): UpstreamError {
  if (stop.aborted && stop.reason instanceof DOMException && stop.reason.name === 'TimeoutError')
    return new UpstreamError('unreachable', `no connection within ${limits.connectMs / 1000} s`, { cause: error });
  if (!(error instanceof UpstreamError)) return new UpstreamError('unreachable', 'the connection failed', { cause: error });
  // Nothing was called yet, so nothing can have been carried out.
  return error.problem === 'timed-out' || error.problem === 'closed'
    ? new UpstreamError('unreachable', error.message, { cause: error })
    : error;
}
