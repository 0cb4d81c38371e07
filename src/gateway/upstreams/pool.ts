import { isDeepStrictEqual } from 'node:util';
import type { ServerEntry } from '../../company/bundle.ts';
import type { Log } from '../../log.ts';
import { openConnection } from './connection.ts';
import type { Verdict, Verdicts } from './era.ts';
import { openLeash } from './leash.ts';
import { defaultLimits, type UpstreamLimits } from './link.ts';
import type { Upstream, UpstreamEvents } from './upstream.ts';

/** All upstreams of the present bundle. None is contacted before it is needed. */
export interface Upstreams {
  get(id: string): Upstream | undefined;
  /** An agent's session is over: nothing that was opened for it alone stays open, at any upstream. */
  forget(peerId: string): void;
  /** The bundle changed: an upstream that is reached as before keeps its connection, one that is gone is closed. */
  replace(entries: readonly ServerEntry[]): Promise<void>;
  /** Ends everything that was started, within three seconds. */
  close(): Promise<void>;
}

export interface UpstreamsOptions {
  entries: readonly ServerEntry[];
  events: UpstreamEvents;
  log: Log;
  clientInfo: { name: string; version: string };
  /** Absent: remembered for as long as we run. */
  verdicts?: Verdicts;
  /** The search path of local servers; absent: that of our own environment. */
  path?: () => Promise<string | undefined>;
  limits?: Partial<UpstreamLimits>;
  now?: () => number;
}

export function openUpstreams(options: UpstreamsOptions): Upstreams {
  const { events, log, clientInfo } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const leash = openLeash(log);
  const verdicts = options.verdicts ?? inMemory();
  const open = new Map<string, Upstream>();
  const shared = {
    events,
    log,
    limits,
    verdicts,
    leash,
    clientInfo,
    path: options.path ?? (async () => undefined),
    now: options.now ?? Date.now,
  };
  const start = (entry: ServerEntry) => open.set(entry.id, openConnection({ entry, ...shared }));
  for (const entry of options.entries) start(entry);

  return {
    get: (id) => open.get(id),
    forget(peerId) {
      for (const upstream of open.values()) upstream.forget(peerId);
    },
    async replace(entries) {
      const wanted = new Map(entries.map((entry) => [entry.id, entry]));
      const closing: Promise<void>[] = [];
      for (const [id, upstream] of open) {
        const entry = wanted.get(id);
        if (entry && isDeepStrictEqual(reaching(entry), reaching(upstream.entry))) wanted.delete(id);
        else {
          open.delete(id);
          closing.push(upstream.close());
        }
      }
      for (const entry of wanted.values()) start(entry);
      await Promise.all(closing);
    },
    async close() {
      await Promise.all([...open.values()].map((upstream) => upstream.close()));
      open.clear();
      leash.close();
    },
  };
}

/** What of an entry decides where its connection leads and what goes over it. Titles, facts and the rest of the catalogue are the policy's matter. */
function reaching(entry: ServerEntry) {
  const { url, launch, era, auth, timeoutMs, version, catalogue, tools } = entry;
  return {
    url,
    launch,
    era,
    auth,
    timeoutMs,
    version,
    tools: catalogue.tools.map((tool) => [tool.name, tool['inputSchema'], tools[tool.name]?.timeoutMs, tools[tool.name]?.readOnly]),
  };
}

function inMemory(): Verdicts {
  const known = new Map<string, Verdict>();
  return { get: (key) => known.get(key), set: (key, verdict) => known.set(key, verdict), drop: (key) => known.delete(key) };
}
