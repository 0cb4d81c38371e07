import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { isIP } from 'node:net';
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent, type RequestInit as UndiciInit, fetch as undici } from 'undici';
import { type AddressKind, kindOf, within } from './address-kind.ts';
import { Failure } from './errors.ts';
import { proxied, trusted } from './outward.ts';
import { readHost } from './url.ts';

/** Milliseconds and bytes of one answer, head and body together. */
const guardLimits = { timeoutMs: 10_000, bytes: 1_048_576 };

export interface GuardOptions {
  limits?: typeof guardLimits;
  /** The resolver. */
  names?: typeof lookup;
  /** Told where a connection went, once it stands (over TLS: once the certificate is good). */
  arrived?(at: AddressKind): void;
  /** Never through an HTTP proxy. */
  direct?: boolean;
}

/** The kind of the place that a URL names without asking anybody: an address, or this machine; undefined: a name, whose owner says where it leads. */
export function literalPlace(url: URL): AddressKind | undefined {
  const host = bareHost(url);
  if (isIP(host) !== 0) return kindOf(host);
  return host === 'localhost' || host.endsWith('.localhost') ? 'loopback' : undefined;
}

/** Without the brackets of IPv6, and without the dot at its end that a resolver passes over. */
const bareHost = (url: URL): string => (url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname.replace(/\.$/, ''));

/**
 * A `fetch` for URLs that strangers name (metadata documents, endpoints that they list). It reaches places of the kind `most` and less, over TLS, in
 * the clear on this machine only; the address that was checked is the one that is connected to, so that a name cannot change its address in between.
 * Redirects are not followed, time and size are bounded, nothing of the person's (cookies, credentials) is sent along.
 * Behind an HTTP proxy the proxy resolves names, and decides where it lets us, unless it is to be `direct`.
 */
export function guardedFetch(most: AddressKind, options: GuardOptions = {}): typeof fetch {
  const { limits = guardLimits } = options;
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    check(url, most);
    const signal = AbortSignal.any([AbortSignal.timeout(limits.timeoutMs), ...(init?.signal ? [init.signal] : [])]);
    const dispatcher = dispatcherFor(url, most, options);
    try {
      const request = { ...init, redirect: 'manual', signal, dispatcher } as unknown as UndiciInit;
      const response = await undici(url, request);
      const body = await bounded(response.body as AsyncIterable<Uint8Array> | null, limits.bytes);
      const { status, statusText } = response;
      const headers = new Headers([...response.headers].filter(([name]) => !/^content-(?:encoding|length)$/.test(name)));
      return new Response(body && ![204, 205, 304].includes(status) ? body : null, { status, statusText, headers });
    } finally {
      void dispatcher.destroy().catch(() => {});
    }
  };
}

function check(url: URL, most: AddressKind): void {
  const host = bareHost(url);
  const local = literalPlace(url) === 'loopback';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) throw refused(url, 'it is not an https address');
  if (url.username !== '' || url.password !== '') throw refused(url, 'it names a user');
  if (isIP(host) === 0 && readHost(url.hostname) === undefined) throw refused(url, 'its host can be read in two ways');
  if (local && !within('loopback', most)) throw refused(url, 'it leads to this machine');
  if (isIP(host) !== 0 && !within(kindOf(host), most)) throw refused(url, 'it leads into a network that is not to be reached from there');
}

const refused = (url: URL, why: string): Failure =>
  new Failure(
    'denied',
    `Gatehouse does not go to ${url.origin.slice(0, 200)}: ${why}.`,
    "Tell IT: what the server says of its sign-in doesn't look right.",
  );

function dispatcherFor(url: URL, most: AddressKind, { names = lookup, arrived, direct = false }: GuardOptions): Dispatcher {
  const connect = {
    timeout: guardLimits.timeoutMs,
    ...(url.protocol === 'https:' ? { ca: trusted() } : {}),
    lookup: (
      host: string,
      options: LookupOptions,
      done: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
    ) =>
      names(host, { ...options, all: true }, (error, found) => {
        if (error) return done(error, '');
        if (found.length === 0 || !found.every(({ address }) => within(kindOf(address), most)))
          return done(refused(url, 'it leads into a network that is not to be reached from there'), '');
        if (options.all) done(null, found);
        else done(null, found[0]!.address, found[0]!.family);
      }),
  };
  if (proxied() && !direct && !within('loopback', most)) return new EnvHttpProxyAgent({ requestTls: connect, connect });
  const connector = buildConnector(connect);
  return new Agent({
    pipelining: 0,
    connect: (target, done) =>
      connector(target, (...result) => {
        const [error, socket] = result;
        if (!error && socket) arrived?.(kindOf(socket.remoteAddress ?? ''));
        done(...result);
      }),
  });
}

async function bounded(body: AsyncIterable<Uint8Array> | null, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (body === null) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
