import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import type { ServerEntry } from '../bundle/schema.ts';
import { connectHttp } from './connect-http.ts';
import type { KnownEras } from './connection/era.ts';
import type { Link, LinkContext, UpstreamLimits } from './connection/link.ts';
import { notConnected } from './connection/not-begun.ts';
import { drainEveryMs, openEnding, openOutdated } from './connection/outdated.ts';
import { ConnectionState } from './connection/state.ts';
import { openSubscriptions } from './connection/subscriptions.ts';
import { watchIdle, within } from './connection/waiting.ts';
import type { Credentials } from './credentials/credentials.ts';
import { openEraWatch } from './era-watch.ts';
import { before } from './http/legacy-http.ts';
import { openOutput } from './local/output.ts';
import type { ProcessGuard } from './local/process-guard.ts';
import { openInUse } from './secrets/in-use.ts';
import type { SecretSource } from './secrets/source.ts';
import { connectStdio } from './stdio/connect-stdio.ts';
import { NoCredential, type Outcome, Outgrown, type Upstream, type UpstreamCall, UpstreamError, type UpstreamEvents } from './upstream.ts';

export interface ConnectionOptions {
  entry: ServerEntry;
  events: UpstreamEvents;
  log: Log;
  limits: UpstreamLimits;
  verdicts: KnownEras;
  processGuard: ProcessGuard;
  credentials: Credentials;
  secrets: SecretSource;
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
  const state = new ConnectionState(entry, limits, now);
  const { breaker, startMs } = state;
  const ending = openEnding(options.after);
  let revival: NodeJS.Timeout | undefined;
  let idleWatch: (() => void) | undefined;
  const secrets = openInUse(options.secrets, () => context.entry, output);
  const { concealer } = secrets;

  const context: LinkContext & { entry: ServerEntry } = {
    entry,
    clientInfo: options.clientInfo,
    log,
    limits,
    credential: (refused) => options.credentials.headers(context.entry, options.person(), state.closing, refused),
    get filled() {
      return secrets.filled;
    },
    startMs,
    output,
    uris,
    onResourceUpdated: (params) => events.onResourceUpdated(entry.id, concealer.value(params)),
    onAnswer() {
      if (!breaker.sound && !state.stuck && breaker.close()) told();
    },
    onTrouble(error) {
      concealer.error(error);
      const { problem } = error;
      if (state.closed || problem === 'cancelled' || problem === 'unauthorized' || problem === 'too-large' || error instanceof Outgrown)
        return;
      if (problem === 'unreachable') return failed(error);
      if (!breaker.strike(error)) return;
      inTrouble();
      // A channel that all share and on which nothing is heard any more: the next attempt begins with a new one.
      const { link } = state;
      if (link?.quietMs && link.quietMs() > 0) drop(link);
    },
    onLost(lost, error) {
      if (lost !== state.link) return;
      concealer.error(error);
      drop(lost);
      if (error instanceof Outgrown) {
        era.failed();
        return told();
      }
      state.crashed();
      failed(error);
    },
  };

  const era = openEraWatch(context, verdicts, now);
  const outdated = openOutdated(
    () => state.closed,
    () => told(),
  );
  const told = () => state.retired || events.onStatus(entry.id, state.status());

  /** Whatever comes next waits until the old one has ended: some servers hold a lock on their data. */
  function drop(old: Link) {
    if (state.link === old) state.link = undefined;
    idleWatch?.();
    ending.add(old);
  }

  /** What was begun with other secrets ends with its calls. A local server goes on until it is idle, since two of them could not share their data. */
  function outdate(link: Link) {
    if (entry.launch) return outdated.add(link, Number.POSITIVE_INFINITY, () => (state.link === link ? drop(link) : undefined));
    state.link = undefined;
    idleWatch?.();
    outdated.add(link, limits.drainMs, () => link.close());
  }

  /** INVARIANT: nobody calls on a session or a process that has the secrets of another person, whatever still runs there. */
  function present(): Link | undefined {
    const { link } = state;
    if (!link || secrets.areMine()) return link;
    drop(link);
    return undefined;
  }

  function failed(error: UpstreamError) {
    if (!state.closed && breaker.open(error)) inTrouble();
    else if (state.stuck) told();
  }

  function inTrouble() {
    const { error, failures, retryAt } = breaker.trouble!;
    log.warn({ server: entry.id, problem: error.problem, failures, err: error.message }, 'an upstream is in trouble');
    comeBack(retryAt - now());
    told();
  }

  /** Where somebody waits for updates, nobody's call will bring it back. */
  function comeBack(afterMs: number) {
    clearTimeout(revival);
    if (uris.size > 0 && !state.closed && !state.stuck && !state.retired)
      revival = setTimeout(() => void ready().catch(() => {}), Math.max(0, afterMs)).unref();
  }

  function ready(): Promise<Link> {
    const link = present();
    if (link) return Promise.resolve(link);
    state.connecting ??= connect().finally(() => {
      state.connecting = undefined;
      told();
    });
    return state.connecting;
  }

  async function connect(): Promise<Link> {
    queueMicrotask(told);
    // Neither the shell that is asked nor what has to end first is the server's own time.
    const [path] = await before(Promise.all([entry.launch ? options.path() : undefined, ending.last]), state.closing).catch(
      (error: unknown) => {
        throw state.closed ? gone() : error;
      },
    );
    // After all that was waited for, and before anything is sent or started.
    await secrets.allThere();
    secrets.begin();
    const stop = AbortSignal.any([state.closing, AbortSignal.timeout(startMs)]);
    const spoken = state.skipsProbe && entry.era === 'auto' ? 'legacy' : era.known();
    try {
      const link = entry.url ? await connectHttp(context, spoken, stop) : await connectStdio(context, processGuard, spoken, path, stop);
      if (!state.closed && secrets.areCurrent()) {
        state.link = link;
        era.settled(link);
        if (link.quietMs) endWhenIdle(link);
        log.info({ server: entry.id, era: link.era }, 'an upstream is connected');
        // A process that only lives until its first call would otherwise be started without a pause.
        if (entry.url && !breaker.sound) breaker.close();
        return link;
      }
      await link.close();
    } catch (error) {
      // Whatever it failed with then, it was us: the server is not to blame, and no agent cancelled anything.
      if (state.closed) throw gone();
      if (secrets.areCurrent()) throw notBegunBy(error);
    }
    // It is closed, its secrets have changed meanwhile, or somebody else is here. Nothing was called on it yet.
    return await connect();

    function notBegunBy(error: unknown): UpstreamError {
      const refused = notConnected(error, stop, startMs);
      if (refused instanceof NoCredential) return refused;
      const reason = concealer.error(refused);
      // Some servers fall over a message before the handshake: the next attempt begins with that.
      state.skipsProbe = entry.launch !== undefined;
      if (reason.problem !== 'cancelled') {
        era.failed();
        state.crashed();
      }
      failed(reason);
      return reason;
    }
  }

  function endWhenIdle(link: Link) {
    idleWatch?.();
    idleWatch = watchIdle(link, limits.idleMs, () => {
      if (state.link !== link) return;
      drop(link);
      log.info({ server: entry.id }, 'an upstream that nobody used was ended; its next call starts it again');
      told();
    });
  }

  /** Where it is not known to be well: one call at a time tries it, the others wait for how that ends. */
  async function carefully(call: UpstreamCall): Promise<Outcome> {
    let done: (() => void) | undefined;
    const mine = secrets.asker();
    const send = (link: Link) => {
      mine();
      return link.call(call);
    };
    state.waiting++;
    try {
      if (secrets.any()) await secrets.allThere();
      for (;;) {
        const refusal = state.refusal();
        if (refusal) throw refusal;
        const link = present();
        if (link && outdated.has(link) && !link.busy()) drop(link);
        else if (breaker.trouble && breaker.probing) await before(breaker.probing, call.signal);
        else if (link && !breaker.trouble && era.due(link)) {
          if ((await before(era.ask(link, state.closing), call.signal)) && state.link === link) drop(link);
        } else break;
      }
      if (breaker.trouble) done = breaker.probe();
      const link = await before(present() || startMs <= limits.patienceMs ? ready() : within(limits.patienceMs, ready()), call.signal);
      return await send(link).catch((error: unknown) => {
        if (!(error instanceof Outgrown)) throw error;
        return ready().then(send);
      });
    } finally {
      state.waiting--;
      done?.();
    }
  }

  const busy = () => state.busy || outdated.size > 0;
  const concealed = (error: UpstreamError) => Promise.reject(concealer.error(error));

  async function close() {
    clearTimeout(revival);
    state.close();
    if (state.link) drop(state.link);
    await Promise.allSettled([ending.last, state.connecting, outdated.settled()]);
  }

  return {
    get entry() {
      return context.entry;
    },
    status: () => secrets.status() ?? state.status(),
    output: () => output?.lines() ?? [],
    call(asked) {
      if (state.retired) return Promise.reject(new UpstreamError('closed', 'the server is elsewhere now'));
      const call = secrets.any() ? concealer.call(asked) : asked;
      const link = present();
      const outcome = link && !breaker.trouble && !era.due(link) && !outdated.has(link) ? link.call(call) : carefully(call);
      return call === asked ? outcome : outcome.then(concealer.outcome, concealed);
    },
    async subscribe(uri) {
      const refusal = state.refusal();
      if (refusal) throw refusal;
      if (secrets.any()) await secrets.allThere();
      return await subscriptions.hold(await ready(), uri, present).catch(concealed);
    },
    resubscribe(uri) {
      const release = subscriptions.keep(present(), uri, present);
      if (!state.link) comeBack((breaker.trouble?.retryAt ?? 0) - now());
      return release;
    },
    forget: (peerId) => state.link?.forget(peerId),
    reset() {
      if (state.closed) return;
      state.reset();
      era.failed();
      if (state.link) drop(state.link);
      told();
      comeBack(0);
    },
    wake() {
      if (state.link?.wake?.() === false) drop(state.link);
      if (!state.link) comeBack(0);
    },
    lacking: () => options.secrets.lacking(context.entry),
    renew() {
      state.reset();
      if (state.link) outdate(state.link);
      told();
      comeBack(0);
    },
    adopt(next) {
      context.entry = next;
      era.adopted();
    },
    busy,
    async retire() {
      state.retired = true;
      clearTimeout(revival);
      const until = performance.now() + limits.drainMs;
      while (!state.closed && busy() && performance.now() < until) await pause(drainEveryMs, undefined, { ref: false });
      await close();
    },
    close,
  };
}

/** Nothing was called yet, so nothing can have been carried out. */
const gone = () => new UpstreamError('unreachable', 'Gatehouse has closed it');
