import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import type { ServerEntry } from '../bundle/schema.ts';
import { connectHttp } from './connect-http.ts';
import { openBreaker } from './connection/breaker.ts';
import { crashLoop } from './connection/crash-loop.ts';
import type { KnownEras } from './connection/era.ts';
import type { Link, LinkContext, UpstreamLimits } from './connection/link.ts';
import { notConnected } from './connection/not-begun.ts';
import { statusOf } from './connection/status.ts';
import { openSubscriptions } from './connection/subscriptions.ts';
import { watchIdle, within } from './connection/waiting.ts';
import type { Credentials } from './credentials/credentials.ts';
import { openEraWatch } from './era-watch.ts';
import { before } from './http/legacy-http.ts';
import { downloads } from './local/environment.ts';
import { openOutput } from './local/output.ts';
import type { ProcessGuard } from './local/process-guard.ts';
import { connectStdio } from './stdio/connect-stdio.ts';
import { type Outcome, Outgrown, type Upstream, type UpstreamCall, UpstreamError, type UpstreamEvents } from './upstream.ts';

/** How often a connection that takes no more calls looks whether the last one has ended. */
const drainEveryMs = 50;

export interface ConnectionOptions {
  entry: ServerEntry;
  events: UpstreamEvents;
  log: Log;
  limits: UpstreamLimits;
  verdicts: KnownEras;
  processGuard: ProcessGuard;
  credentials: Credentials;
  /** Who is signed in at present; empty: nobody. */
  person(): string;
  clientInfo: { name: string; version: string };
  /** The search path of local servers. */
  path(): Promise<string | undefined>;
  now(): number;
  /** What was there before has to end first: some servers hold a lock on their data. */
  after?: Promise<void>;
}

/** One upstream over time: connects at first use, waits longer after each failure, stops trying where a process only crashes, ends what idles. */
export function openConnection(options: ConnectionOptions): Upstream {
  const { events, log, limits, verdicts, processGuard, now } = options;
  // How it is reached never changes; what else its entry says is read from the context at each use.
  const { entry } = options;
  const subscriptions = openSubscriptions();
  const { uris } = subscriptions;
  const output = entry.launch && openOutput(Object.values(entry.launch.env));
  const crashes = crashLoop();
  const breaker = openBreaker(limits, now);
  const fetched = entry.launch !== undefined && downloads(entry.launch);
  const startMs = fetched ? Math.max(limits.downloadMs, limits.connectMs) : limits.connectMs;
  let link: Link | undefined;
  let connecting: Promise<Link> | undefined;
  let ending = options.after;
  let stuck = false;
  let closed: AbortController | undefined = new AbortController();
  let revive: NodeJS.Timeout | undefined;
  let watch: (() => void) | undefined;
  let skipProbe = false;
  let retired = false;
  /** Calls that wait for the connection. */
  let waiting = 0;

  const context: LinkContext & { entry: ServerEntry } = {
    entry,
    clientInfo: options.clientInfo,
    log,
    limits,
    credential: (refused) => options.credentials.headers(context.entry, options.person(), closed?.signal ?? AbortSignal.abort(), refused),
    startMs,
    output,
    uris,
    onResourceUpdated: (params) => events.onResourceUpdated(entry.id, params),
    onAnswer() {
      if (!breaker.sound) recovered();
    },
    onTrouble(error) {
      const { problem } = error;
      if (!closed || problem === 'cancelled' || problem === 'unauthorized' || problem === 'too-large' || error instanceof Outgrown) return;
      if (problem === 'unreachable') return failed(error);
      if (!breaker.strike(error)) return;
      inTrouble();
      // A channel that all share and on which nothing is heard any more: the next attempt begins with a new one.
      if (link?.quietMs && link.quietMs() > 0) drop(link);
    },
    onLost(lost, error) {
      if (lost !== link) return;
      drop(lost);
      if (error instanceof Outgrown) {
        era.failed();
        return told();
      }
      if (entry.launch && crashes.crashed(now())) stuck = true;
      failed(error);
    },
  };

  const era = openEraWatch(context, verdicts, now);
  const told = () => retired || events.onStatus(entry.id, status());

  const status = () =>
    statusOf({
      trouble: breaker.trouble,
      link,
      stuck,
      connecting: connecting !== undefined,
      local: entry.launch !== undefined,
      fetched,
      now: now(),
    });

  /** Whatever comes next waits until the old one has ended: some servers hold a lock on their data. */
  function drop(old: Link) {
    if (link === old) link = undefined;
    watch?.();
    const end: Promise<void> = Promise.allSettled([ending, old.close()]).then(() => {
      if (ending === end) ending = undefined;
    });
    ending = end;
  }

  function failed(error: UpstreamError) {
    if (closed && breaker.open(error)) inTrouble();
    else if (stuck) told();
  }

  function inTrouble() {
    const { error, failures, retryAt } = breaker.trouble!;
    log.warn({ server: entry.id, problem: error.problem, failures, err: error.message }, 'an upstream is in trouble');
    comeBack(retryAt - now());
    told();
  }

  /** Where somebody waits for updates, nobody's call will bring it back. */
  function comeBack(afterMs: number) {
    clearTimeout(revive);
    if (uris.size > 0 && closed && !stuck && !retired)
      revive = setTimeout(() => void ready().catch(() => {}), Math.max(0, afterMs)).unref();
  }

  function recovered() {
    if (!stuck && breaker.close()) told();
  }

  /** Fails at once while waiting: a call that hangs until the next attempt would hang the agent with it. */
  function guard(): UpstreamError | undefined {
    if (!closed) return new UpstreamError('closed', 'Gatehouse has closed it');
    if (!breaker.trouble) return undefined;
    const { error, retryAt } = breaker.trouble;
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
    queueMicrotask(told);
    const closing = closed!.signal;
    // Neither the shell that is asked nor what has to end first is the server's own time.
    const [path] = await before(Promise.all([entry.launch ? options.path() : undefined, ending]), closing).catch((error: unknown) => {
      throw closed ? error : gone();
    });
    const stop = AbortSignal.any([closing, AbortSignal.timeout(startMs)]);
    const known = skipProbe && entry.era === 'auto' ? 'legacy' : era.known();
    try {
      const made = entry.url ? await connectHttp(context, known, stop) : await connectStdio(context, processGuard, known, path, stop);
      if (!closed) {
        await made.close();
        throw gone();
      }
      link = made;
      era.settled(made);
      if (made.quietMs) endWhenIdle(made);
      log.info({ server: entry.id, era: made.era }, 'an upstream is connected');
      // A process that only lives until its first call would otherwise be started without a pause.
      if (entry.url && !breaker.sound) breaker.close();
      return made;
    } catch (error) {
      // Whatever it failed with then, it was us: the server is not to blame, and no agent cancelled anything.
      if (!closed) throw gone();
      const known = notConnected(error, stop, startMs);
      if (known.problem !== 'cancelled') era.failed();
      if (entry.launch) {
        // Some servers fall over a message before the handshake: the next attempt begins with that.
        skipProbe = true;
        if (known.problem !== 'cancelled' && crashes.crashed(now())) stuck = true;
      }
      failed(known);
      throw known;
    }
  }

  function endWhenIdle(made: Link) {
    watch?.();
    watch = watchIdle(made, limits.idleMs, () => {
      if (link !== made) return;
      drop(made);
      log.info({ server: entry.id }, 'an upstream that nobody used was ended; its next call starts it again');
      told();
    });
  }

  /** Where it is not known to be well: one call at a time tries it, the others wait for how that ends. */
  async function carefully(call: UpstreamCall): Promise<Outcome> {
    let done: (() => void) | undefined;
    waiting++;
    try {
      for (;;) {
        const refused = guard();
        if (refused) throw refused;
        const old: Link | undefined = link;
        if (breaker.trouble && breaker.probing) await before(breaker.probing, call.signal);
        else if (old && !breaker.trouble && era.due(old)) {
          if ((await before(era.ask(old, closed!.signal), call.signal)) && link === old) drop(old);
        } else break;
      }
      if (breaker.trouble) done = breaker.probe();
      const made = await before(link || startMs <= limits.patienceMs ? ready() : within(limits.patienceMs, ready()), call.signal);
      return await made.call(call).catch((error: unknown) => {
        if (!(error instanceof Outgrown)) throw error;
        return ready().then((other) => other.call(call));
      });
    } finally {
      waiting--;
      done?.();
    }
  }

  const busy = () => waiting > 0 || link?.busy() === true;

  async function close() {
    const stop = closed;
    closed = undefined;
    clearTimeout(revive);
    stop?.abort();
    if (link) drop(link);
    await Promise.allSettled([ending, connecting]);
  }

  return {
    get entry() {
      return context.entry;
    },
    status,
    output: () => output?.lines() ?? [],
    call(call) {
      if (retired) return Promise.reject(new UpstreamError('closed', 'the server is elsewhere now'));
      return link && !breaker.trouble && !era.due(link) ? link.call(call) : carefully(call);
    },
    async subscribe(uri) {
      const refused = guard();
      if (refused) throw refused;
      return await subscriptions.hold(await ready(), uri, () => link);
    },
    resubscribe(uri) {
      const release = subscriptions.keep(link, uri, () => link);
      if (!link) comeBack((breaker.trouble?.retryAt ?? 0) - now());
      return release;
    },
    forget: (peerId) => link?.forget(peerId),
    reset() {
      if (!closed) return;
      breaker.close();
      stuck = false;
      skipProbe = false;
      crashes.reset();
      era.failed();
      if (link) drop(link);
      told();
      comeBack(0);
    },
    wake() {
      if (link?.wake?.() === false) drop(link);
      if (!link) comeBack(0);
    },
    adopt(next) {
      context.entry = next;
      era.adopted();
    },
    busy,
    async retire() {
      retired = true;
      clearTimeout(revive);
      const until = performance.now() + limits.drainMs;
      while (closed && busy() && performance.now() < until) await pause(drainEveryMs, undefined, { ref: false });
      await close();
    },
    close,
  };
}

/** Nothing was called yet, so nothing can have been carried out. */
const gone = () => new UpstreamError('unreachable', 'Gatehouse has closed it');
