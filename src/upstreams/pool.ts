import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../base/log.ts';
import type { ServerEntry } from '../bundle/schema.ts';
import type { KnownEra, KnownEras } from './connection/era.ts';
import { defaultLimits, type UpstreamLimits } from './connection/link.ts';
import { openConnection } from './connection.ts';
import { type Credentials, companyHeaders } from './credentials/credentials.ts';
import { type Answers, openInProcess } from './in-process.ts';
import { openProcessGuard } from './local/process-guard.ts';
import { noSecrets, type SecretSource } from './secrets/source.ts';
import type { Upstream, UpstreamEvents } from './upstream.ts';

/** All upstreams of the present bundle. None is contacted before it is needed. */
export interface Upstreams {
  get(id: string): Upstream | undefined;
  /** An agent's session is over: closes what was opened for this agent alone, at all upstreams. */
  forget(peerId: string): void;
  /**
   * The bundle changed. An upstream that is reached in the same way keeps its connection. One that is reached in another way gets a new connection,
   * and its running calls end on the old one. One that is gone is closed at once with its running calls: that is how access is taken back.
   */
  replace(entries: readonly ServerEntry[]): Promise<void>;
  /**
   * The person has signed in, everywhere or at one server: servers that are called as the person are connected to anew, and what failed for want of a
   * token is forgotten.
   */
  signedIn(server?: string): void;
  /** The machine slept: no call is to wait for an answer on a connection that died meanwhile. */
  wake(): void;
  /** Ends everything that was started, within three seconds. */
  close(): Promise<void>;
}

export interface UpstreamsOptions {
  entries: readonly ServerEntry[];
  events: UpstreamEvents;
  log: Log;
  clientInfo: { name: string; version: string };
  /** Absent: kept in memory. */
  verdicts?: KnownEras;
  /** The search path of local servers; absent: that of our own environment. */
  path?: () => Promise<string | undefined>;
  /** Absent: the headers in the registry entries. */
  credentials?: Credentials;
  /** Absent: servers that take secrets are not reached. */
  secrets?: SecretSource;
  /** Who is signed in at present. */
  person?: () => string;
  /** Gives what carries out the calls of an entry in our own process; undefined: the entry is a server. */
  inProcess?: (entry: ServerEntry) => Answers | undefined;
  limits?: Partial<UpstreamLimits>;
  now?: () => number;
}

export function openUpstreams(options: UpstreamsOptions): Upstreams {
  const { events, log, clientInfo } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const processGuard = openProcessGuard(log);
  const verdicts = options.verdicts ?? inMemory();
  const open = new Map<string, Upstream>();
  const shared = {
    events,
    log,
    limits,
    verdicts,
    processGuard,
    clientInfo,
    credentials: options.credentials ?? companyHeaders,
    secrets: options.secrets ?? noSecrets,
    person: options.person ?? (() => ''),
    path: options.path ?? (async () => undefined),
    now: options.now ?? Date.now,
  };
  /** Retired upstreams that still finish their calls. */
  const leaving = new Set<Upstream>();
  const start = (entry: ServerEntry, after?: Promise<void>) => {
    const answers = options.inProcess?.(entry);
    open.set(entry.id, answers ? openInProcess(entry, answers) : openConnection({ entry, ...shared, ...(after ? { after } : {}) }));
  };
  for (const entry of options.entries) start(entry);
  /** Its running calls end on the connection of before. Resolves when that has ended. */
  const renew = (entry: ServerEntry, upstream: Upstream): Promise<void> | undefined => {
    const busy = upstream.busy();
    leaving.add(upstream);
    const end = upstream.retire().finally(() => leaving.delete(upstream));
    start(entry, busy ? undefined : end);
    return busy ? undefined : end;
  };

  return {
    get: (id) => open.get(id),
    forget(peerId) {
      for (const upstream of [...open.values(), ...leaving]) upstream.forget(peerId);
    },
    signedIn(server) {
      for (const [id, upstream] of open)
        if ((server ?? id) === id && upstream.entry.auth.type !== 'none') {
          if (upstream.busy()) renew(upstream.entry, upstream);
          else upstream.reset();
        }
    },
    wake() {
      for (const upstream of [...open.values(), ...leaving]) upstream.wake();
    },
    async replace(entries) {
      const wanted = new Map(entries.map((entry) => [entry.id, entry]));
      const closing: Promise<void>[] = [];
      for (const [id, upstream] of open) {
        const entry = wanted.get(id);
        if (!entry) {
          open.delete(id);
          closing.push(upstream.close());
        } else if (isDeepStrictEqual(reach(entry), reach(upstream.entry))) upstream.adopt(entry);
        else {
          const end = renew(entry, upstream);
          if (end) closing.push(end);
        }
      }
      for (const upstream of leaving) if (!wanted.has(upstream.entry.id)) closing.push(upstream.close());
      for (const entry of wanted.values()) if (!open.has(entry.id)) start(entry);
      await Promise.all(closing);
    },
    async close() {
      await Promise.all([...open.values(), ...leaving].map((upstream) => upstream.close()));
      open.clear();
      processGuard.close();
    },
  };
}

/**
 * The parts of an entry that decide how it is reached: if one changes, a new connection is made. The company's own headers are among them, since they
 * may decide what a session can do. Deadlines and the headers of a call are adopted without that; the rest concerns only the policy.
 */
const reach = ({ url, transport, headers, launch, era, auth, secrets }: ServerEntry) => ({
  ...{ url, transport, headers, launch, era, auth },
  secrets: secrets.map(({ name, where }) => ({ name, where })),
});

function inMemory(): KnownEras {
  const verdicts = new Map<string, KnownEra>();
  return { get: (key) => verdicts.get(key), set: (key, verdict) => verdicts.set(key, verdict), drop: (key) => verdicts.delete(key) };
}
