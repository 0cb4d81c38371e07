import { backOff, someJitter } from '../base/backoff.ts';
import { type ErrorValue, Failure, toErrorValue } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Bootstrap } from '../bundle/schema.ts';
import { readText } from './answer.ts';
import type { Device } from './device.ts';
import type { BundleHolder } from './holder.ts';
import { findKey } from './keys.ts';
import type { Posts } from './post.ts';
import { openPush } from './push.ts';
import { type AccessToken, retryAfterMs, send } from './send.ts';
import { kidOf, maxBundleBytes } from './verify.ts';

export interface CompanyTiming {
  requestMs: number;
  /** Silence on the event stream after which it counts as dead; the central API speaks every 15 s. */
  heartbeatMs: number;
  reconnectMs: number;
  reconnectMaxMs: number;
  pollMs: number;
  retryMs: number;
  retryMaxMs: number;
  /** How often the clock is looked at: for the freshness tier, and for sleep of the machine, during which timers stand still. */
  tickMs: number;
}

/** Keeps one person's bundle new: conditional fetches, a jittered poll, the event stream, and a receipt for each new version. */
export interface Renewal {
  /** Fetches, or joins the fetch under way. Never rejects: the outcome goes to `outcome`. */
  fetch(): Promise<void>;
  /** Sleep, resume, a new network: every connection is in doubt. */
  wake(): void;
  settled(): Promise<unknown>;
}

/** `reached`: the central API answered, whatever it said. */
export type FetchOutcome = { reached: true; error?: ErrorValue } | { reached: false; error: ErrorValue };

export function openRenewal(options: {
  via: { fetch: typeof fetch; accessToken: AccessToken };
  bootstrap: () => Bootstrap;
  /** Looks the signing keys up anew, and takes them over where they pass their checks. */
  renewKeys: (signal: AbortSignal) => Promise<void>;
  holder: BundleHolder;
  person: string;
  posts: Posts;
  device: () => Promise<Device>;
  now: () => number;
  /** Called after each fetch. Whoever follows the bundle uses the new one when this returns. */
  outcome: (outcome: FetchOutcome) => void;
  timing: CompanyTiming;
  /** Ends everything. */
  signal: AbortSignal;
  log: Log;
}): Renewal {
  const { via, bootstrap, holder, signal, timing, log } = options;
  let fetching: Promise<void> | undefined;
  let receipting: Promise<void> | undefined;
  let poll: NodeJS.Timeout | undefined;
  let failures = 0;
  signal.addEventListener('abort', () => clearTimeout(poll), { once: true });

  function fetchNow(): Promise<void> {
    clearTimeout(poll);
    fetching ??= fetchOnce().finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  async function fetchOnce(): Promise<void> {
    let wait = timing.pollMs;
    let outcome: FetchOutcome = { reached: true };
    try {
      await conditionalGet();
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      const value = toErrorValue(error);
      if (error instanceof Failure) log.warn({ code: value.code, problem: value.message }, 'the bundle was not renewed');
      else log.error({ err: error }, 'renewing the bundle failed');
      // What was refused is shown with the bundle; it is no trouble of the connection.
      if (value.code === 'integrity') holder.refuse(value);
      else outcome = { reached: !['unavailable', 'timed-out', 'internal'].includes(value.code), error: value };
      wait = Math.max(retryAfterMs(error), backOff(failures++, timing.retryMs, timing.retryMaxMs));
    }
    if (signal.aborted) return;
    clearTimeout(poll);
    poll = setTimeout(() => void fetchNow(), someJitter(wait)).unref();
    options.outcome(outcome);
    if (outcome.error === undefined) receipting ??= sendReceipts().finally(() => void (receipting = undefined));
  }

  async function conditionalGet(): Promise<void> {
    const etag = holder.etag();
    const answer = await send(via, {
      method: 'GET',
      url: bootstrap().endpoints.bundle,
      headers: { accept: 'application/jose', ...(etag === undefined ? {} : { 'if-none-match': etag }) },
      statuses: etag === undefined ? [200] : [200, 304],
      signal,
      timeoutMs: timing.requestMs,
      read: async (response) =>
        response.status === 304
          ? 'unchanged'
          : { jws: (await readText(response, maxBundleBytes)).trim(), etag: response.headers.get('etag') ?? undefined },
    });
    signal.throwIfAborted();
    if (answer === 'unchanged') return holder.confirm();
    if (!knowsKey(answer.jws)) await options.renewKeys(signal);
    signal.throwIfAborted();
    if (await holder.accept(answer.jws, answer.etag)) log.info({ version: holder.version() }, 'a bundle is in use');
  }
  function knowsKey(jws: string): boolean {
    try {
      return findKey(bootstrap().bundle_jwks, kidOf(jws)) !== undefined;
    } catch {
      // Not a bundle at all: no other key would make it one.
      return true;
    }
  }

  async function sendReceipts(): Promise<void> {
    for (let version = holder.version(); version > 0 && version !== holder.receipted(); version = holder.version()) {
      try {
        await options.posts.receipt(await options.device(), options.person, version, options.now(), signal);
        if (signal.aborted) return;
        holder.receipted(version);
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error, version }, 'the receipt was not taken; it is sent again after the next contact');
        return;
      }
    }
  }

  /** A fetch that began before the announcement may bring the version before it: then it fetches once more. */
  async function follow(version: number): Promise<void> {
    for (let tries = 0; tries < 2 && !signal.aborted && holder.version() < version; tries++) await fetchNow();
  }

  const push = openPush({
    connect: (either) =>
      send(via, {
        method: 'GET',
        url: bootstrap().endpoints.events,
        headers: { accept: 'text/event-stream' },
        statuses: [200],
        signal: either,
        timeoutMs: timing.requestMs,
        read: eventStream,
      }),
    opened: () => void fetchNow(),
    announced: (version) => void follow(version),
    timing,
    signal,
    log,
  });

  return {
    fetch: fetchNow,
    wake() {
      push.renew();
      void fetchNow();
    },
    settled: () => Promise.allSettled([fetching, receipting]),
  };
}

async function eventStream(response: Response): Promise<ReadableStream<Uint8Array>> {
  if (response.body !== null && response.headers.get('content-type')?.startsWith('text/event-stream')) return response.body;
  await response.body?.cancel();
  throw new Failure(
    'unavailable',
    'The central API opened no event stream.',
    'Changes still arrive by polling. Check proxies that buffer or cut streams.',
  );
}
