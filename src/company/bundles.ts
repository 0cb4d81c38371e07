import { type ErrorValue, Failure } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { openListeners } from '../base/listeners.ts';
import type { Log } from '../base/log.ts';
import type { Bootstrap } from '../bundle/schema.ts';
import { type Device, openDevice } from './device.ts';
import { type BundleHolder, type BundleState, openHolder } from './holder.ts';
import { type CompanyRequest, type LedgerAnswer, type LedgerHead, openPosts } from './post.ts';
import { type CompanyTiming, type FetchOutcome, openRenewal, type Renewal } from './renewal.ts';
import type { AccessToken } from './send.ts';
import { openStore, type Person } from './store.ts';

export interface Contact {
  state: 'connecting' | 'online' | 'offline';
  /** With `online`: the central API answers, but not with a bundle (it does not know the person, or no longer). */
  error?: ErrorValue;
  /** Milliseconds since the epoch. */
  lastContactAt?: number;
}

/** The central API as the rest of the app sees it: one bundle, whether there is contact, and what is sent up. */
export interface CompanyClient {
  bundle(): BundleState;
  contact(): Contact;
  /** Calls back when the bundle, the contact or the freshness tier changed; returns how to stop. */
  watch(listener: () => void): () => void;
  /** Reports the outcome of a request for the bootstrap document. Until a bundle is fetched, nothing else is known of the contact. */
  heard(outcome: FetchOutcome): void;
  /**
   * After sign-in or resume. Resolves as soon as it is known which bundle decides: the stored one (verified again) where it is fresh, or else the
   * outcome of the first fetch. Fetching, polling and push go on by themselves; for a person who is active already it only fetches again. Never rejects.
   */
  start(person: Person): Promise<void>;
  /** `forget`: sign-out, the stored bundle goes too (its high mark stays). Without it the next start finds the bundle again. */
  stop(options: { forget: boolean }): void;
  /** Fetches now, or joins the fetch under way. What went wrong is in `contact()` and in the state's `error`. */
  refresh(): Promise<BundleState>;
  /** The machine slept: checks at once what depends on the clock, and asks the central API. */
  wake(): void;
  /** This installation's identity; its `id` is the `device` of ledger uploads. */
  device(): Promise<Device>;
  /** `records`: a JSON array of them. */
  postLedger(records: string, chain: string, signal?: AbortSignal): Promise<LedgerAnswer>;
  /** Where this device's chain ends at the central API; undefined where it has nothing of it. A Failure says that it could not be asked. */
  ledgerHead(until: AbortSignal): Promise<LedgerHead | undefined>;
  /** Says that the present version is in use. Done by itself after each new version. */
  postReceipt(): Promise<void>;
  postRequest(request: CompanyRequest): Promise<{ id: string }>;
  close(): Promise<void>;
}

const usual: CompanyTiming = {
  requestMs: 30_000,
  heartbeatMs: 45_000,
  reconnectMs: 2_000,
  reconnectMaxMs: 120_000,
  pollMs: 5 * 60_000,
  retryMs: 5_000,
  retryMaxMs: 15 * 60_000,
  tickMs: 30_000,
};

/** One person's time with the central API, from start to stop. Whatever arrives after its end is dropped. */
interface PersonSession {
  person: Person;
  ending: AbortController;
  holder: BundleHolder;
  renewal?: Renewal;
  /** The stored bundle is read, and either it is fresh or the first fetch is over. */
  ready?: Promise<void>;
}

/** Opens nothing yet: `start` does, when somebody is signed in. */
export function openCompany(options: {
  host: Host;
  bootstrap: Bootstrap;
  accessToken: AccessToken;
  /** Asks for the bootstrap document anew (`fetchBootstrap`, with its checks) when a bundle is signed with a key that we do not know yet. */
  renewBootstrap?: (signal: AbortSignal) => Promise<Bootstrap>;
  pollMs?: number;
  timing?: Partial<CompanyTiming>;
  log: Log;
}): CompanyClient {
  const { host, log, accessToken } = options;
  const timing: CompanyTiming = { ...usual, ...(options.pollMs === undefined ? {} : { pollMs: options.pollMs }), ...options.timing };
  const now = () => host.now();
  const store = openStore(host.dataDir, log);
  const via = { fetch: host.fetch, accessToken };
  const posts = openPosts({ via, bootstrap: () => bootstrap, now, timeoutMs: timing.requestMs });
  const listeners = openListeners<void>('the company', log);
  let bootstrap = options.bootstrap;
  let keysRenewedAt = Number.NEGATIVE_INFINITY;
  let session: PersonSession | undefined;
  let contact: Contact = { state: 'connecting' };
  let identity: Promise<Device> | undefined;
  let told = '';
  let closed = false;

  const state = (): BundleState => session?.holder.state() ?? { state: 'none' };
  function tell(): void {
    const { state: tier, bundle, error } = state();
    const present = JSON.stringify([tier, bundle?.version, bundle?.issuedAt, error, contact.state, contact.error]);
    if (present === told) return;
    told = present;
    listeners.tell();
  }
  function fetched(outcome: FetchOutcome): void {
    const error = outcome.error === undefined ? {} : { error: outcome.error };
    if (outcome.reached) contact = { state: 'online', lastContactAt: now(), ...error };
    else contact = { ...contact, state: 'offline', ...error };
    tell();
  }

  const tick = setInterval(tell, timing.tickMs).unref();

  /** A planned replacement of the signing key shows in the bootstrap document first. At most one look a minute: a bad bundle must not cause a storm. */
  async function renewKeys(signal: AbortSignal): Promise<void> {
    if (options.renewBootstrap === undefined || performance.now() - keysRenewedAt < 60_000) return;
    keysRenewedAt = performance.now();
    try {
      const renewed = await options.renewBootstrap(signal);
      // Another company or issuer is no renewal: the person signed in with the old one.
      if (!signal.aborted && renewed.company.id === bootstrap.company.id && renewed.issuer === bootstrap.issuer) bootstrap = renewed;
    } catch (error) {
      log.warn({ err: error }, 'the signing keys could not be looked up anew');
    }
  }
  function device(): Promise<Device> {
    // A vault that fails is asked again: the person may have unlocked it meanwhile.
    identity ??= openDevice(host).catch((error) => {
      identity = undefined;
      throw error;
    });
    return identity;
  }
  /** Runs work that ends with the person's session, and then fails with `signed-out`. */
  async function asPerson<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = session?.ending.signal;
    const nobody = () => new Failure('signed-out', 'Nobody is signed in.', 'Sign in, then try again.');
    if (signal === undefined) throw nobody();
    try {
      return await work(signal);
    } catch (error) {
      throw signal.aborted ? nobody() : error;
    }
  }
  function stop({ forget }: { forget: boolean }): void {
    session?.ending.abort();
    session = undefined;
    if (forget) store.removeBundle();
    tell();
  }
  async function begin(mine: PersonSession): Promise<void> {
    const { holder, ending } = mine;
    const { signal } = ending;
    await holder.load().catch((error) => log.error({ err: error }, 'the stored company state could not be read'));
    if (signal.aborted) return;
    tell();
    mine.renewal = openRenewal({
      via,
      bootstrap: () => bootstrap,
      renewKeys,
      holder,
      person: mine.person.sub,
      posts,
      device,
      now,
      outcome: fetched,
      timing,
      signal,
      log,
    });
    const first = mine.renewal.fetch();
    // A stale or expired bundle decides meanwhile, as always; but an agent should not begin its session with it.
    if (holder.state().state !== 'fresh') await first;
  }

  return {
    bundle: state,
    contact: () => contact,
    watch: (listener) => listeners.add(listener),
    heard(outcome) {
      if (!closed && contact.state === 'connecting') fetched(outcome);
    },
    async start(person) {
      if (closed) return;
      if (session?.person.sub === person.sub && session.person.issuer === person.issuer) {
        session.renewal?.wake();
        return session.ready;
      }
      session?.ending.abort();
      const ending = new AbortController();
      const holder = openHolder({ store, person, bootstrap: () => bootstrap, now, signal: ending.signal });
      const mine: PersonSession = { person, ending, holder };
      session = mine;
      contact = { ...contact, state: 'connecting' };
      tell();
      mine.ready = begin(mine);
      return mine.ready;
    },
    stop,
    async refresh() {
      const mine = session;
      // Before the stored bundle is read there is nothing to compare with; its reading leads to a fetch anyway.
      if (mine !== undefined) await (mine.renewal?.fetch() ?? mine.ready);
      return state();
    },
    wake() {
      tell();
      session?.renewal?.wake();
    },
    device,
    postLedger: (records, chain, signal) =>
      asPerson(async (mine) => posts.ledger(await device(), records, chain, signal === undefined ? mine : AbortSignal.any([mine, signal]))),
    ledgerHead: (until) => asPerson(async (mine) => posts.ledgerHead(await device(), AbortSignal.any([mine, until]))),
    postReceipt: () =>
      asPerson(async (mine) => posts.receipt(await device(), session?.person.sub ?? '', session?.holder.version() ?? 0, now(), mine)),
    postRequest: (request) => asPerson((mine) => posts.request(request, mine)),
    async close() {
      closed = true;
      clearInterval(tick);
      listeners.clear();
      const last = session;
      stop({ forget: false });
      await last?.ready;
      await last?.renewal?.settled();
      await store.settled();
    },
  };
}
