import { type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import { proxied, trusted } from '../../base/outward.ts';
import { withQuery } from '../../base/url.ts';
import type { LinkContext } from '../connection/link.ts';
import type { HeaderList, Refusal } from '../credentials/credentials.ts';

/** Where an upstream is, with connections of its own: one that hangs uses up nobody else's. */
export interface HttpTarget {
  readonly origin: string;
  readonly path: string;
  /** The headers that authenticate one request. `refused`: those that were just refused. */
  credential(refused?: Refusal): HeaderList | Promise<HeaderList>;
  /** The headers that hold secrets. They never change: whoever's they are, a request that is made again goes with no one else's. */
  readonly secretHeaders: HeaderList;
  readonly dispatch: Dispatcher['dispatch'];
  /** Each request on a connection of its own. */
  fresh(): Dispatcher;
  /** Requests from now on go over new connections; those under way keep theirs. */
  renew(): void;
  /** Cuts all connections. */
  close(): Promise<void>;
}

const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

export function openTarget({
  entry,
  limits,
  credential,
  filled,
}: Pick<LinkContext, 'entry' | 'limits' | 'credential' | 'filled'>): HttpTarget {
  const url = new URL(entry.url!);
  const { pathname, search } = withQuery(url, filled.query);
  const options = {
    connections: limits.connections,
    allowH2: false,
    // Time limits are ours: per call, extended by progress. Streams may be silent for as long as they like.
    headersTimeout: 0,
    bodyTimeout: 0,
    // Servers close idle connections, many after 5 s without announcing it (a stated `Keep-Alive: timeout` is heeded). No request may be sent on one then.
    keepAliveTimeout: 3_000,
    keepAliveTimeoutThreshold: 2_000,
    keepAliveMaxTimeout: 30_000,
    connect: { timeout: limits.connectMs, ...(url.protocol === 'https:' ? { ca: trusted() } : {}) },
  };
  const direct = loopback.test(url.hostname) || !proxied();
  const pool = (more: { pipelining?: number } = {}): Dispatcher =>
    direct ? new Pool(url.origin, { ...options, ...more }) : new EnvHttpProxyAgent({ ...options, ...more, requestTls: options.connect });
  let present = pool();
  let single: Dispatcher | undefined;
  const leaving = new Set<Dispatcher>();
  return {
    origin: url.origin,
    path: pathname + search,
    credential,
    secretHeaders: filled.headers,
    dispatch: (request, handler) => present.dispatch(request, handler),
    fresh: () => (single ??= pool({ pipelining: 0 })),
    renew() {
      const old = present;
      present = pool();
      leaving.add(old);
      const gone = () => leaving.delete(old);
      old.close().then(gone, gone);
    },
    async close() {
      await Promise.all([present, ...leaving, ...(single ? [single] : [])].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** INVARIANT: only where the same request goes to the same origin. */
export function redirectedTo(status: number, location: string | string[] | undefined, origin: string, path: string): string | undefined {
  if ((status !== 307 && status !== 308) || typeof location !== 'string') return undefined;
  const url = URL.parse(location, origin + path);
  return url && url.origin === origin ? url.pathname + url.search : undefined;
}
