import { lookup as systemLookup } from 'node:dns/promises';
import { request } from 'node:https';
import { BlockList, isIP } from 'node:net';

/** One address that a name stands for. */
export interface Resolved {
  address: string;
  family: number;
}

export interface FetchOptions {
  /** Asks the system; tests give their own. */
  lookup?: (host: string) => Promise<Resolved[]>;
  /** Certificate authorities beside those of the process; for tests. */
  ca?: string;
  /** Lets private addresses pass; for tests, which have no other. */
  allowPrivate?: boolean;
  /** Milliseconds, all told. */
  timeoutMs?: number;
}

/** Bytes. The draft of client id metadata documents asks for 5 KB at the most. */
const largest = 16 * 1024;

/**
 * Fetches a client's document. The URL comes from any program or web page on this machine, so nothing of the machine's own network may be reached with
 * it: https alone, a name and no address, each address that the name has must be public, and the connection is made to one of those that were looked
 * at and to no other, so that a second look-up cannot say something else. No redirect is followed and no proxy asked, which would look the name up again.
 * Rejects with an Error whose message says why.
 */
export async function fetchDocument(url: URL, options: FetchOptions = {}): Promise<{ text: string; cacheControl: string }> {
  const { lookup = (host) => systemLookup(host, { all: true, verbatim: true }), timeoutMs = 5_000, allowPrivate = false, ca } = options;
  if (url.protocol !== 'https:' || isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0)
    throw new Error('it is not https at a host with a name');
  if (!url.hostname.includes('.') && !allowPrivate) throw new Error('its host is a name of this network');
  const until = AbortSignal.timeout(timeoutMs);
  const late = new Promise<never>((_, reject) =>
    until.addEventListener('abort', () => reject(new Error('it took too long')), { once: true }),
  );
  late.catch(() => {});
  const addresses = await Promise.race([lookup(url.hostname), late]);
  if (addresses.length === 0 || (!allowPrivate && !addresses.every(isPublic)))
    throw new Error('its host has an address that is not public');
  const { address, family } = addresses[0]!;
  return await Promise.race([get(url, { address, family }, until, ca), late]);
}

function get(
  url: URL,
  { address, family }: Resolved,
  signal: AbortSignal,
  ca: string | undefined,
): Promise<{ text: string; cacheControl: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        signal,
        // An agent of its own: the process-wide one may go through a proxy.
        agent: false,
        headers: { accept: 'application/json', 'user-agent': 'gatehouse' },
        servername: url.hostname,
        ...(ca === undefined ? {} : { ca }),
        lookup: (_host, wanted, done) =>
          wanted.all
            ? done(null, [{ address, family }] as never)
            : (done as (e: null, a: string, f: number) => void)(null, address, family),
      },
      (response) => {
        const fail = (why: string) => {
          sent.destroy();
          reject(new Error(why));
        };
        if (response.statusCode !== 200) return fail(`it was answered with status ${response.statusCode}`);
        if (!/^application\/(?:[\w.+-]*\+)?json\s*(?:;|$)/i.test(response.headers['content-type'] ?? '')) return fail('it is not JSON');
        if (response.headers['content-encoding'] !== undefined) return fail('it is compressed');
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > largest) return fail(`it is larger than ${largest} bytes`);
          chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ text: Buffer.concat(chunks).toString('utf8'), cacheControl: response.headers['cache-control'] ?? '' }),
        );
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

/** IANA's registries of special-purpose addresses (RFC 6890): what is not meant for the whole internet. */
const special = new BlockList();
for (const [address, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  special.addSubnet(address, bits, 'ipv4');
// Of IPv6 only 2000::/3 is given out; in it lie tunnels and examples that lead elsewhere.
for (const [address, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  special.addSubnet(address, bits, 'ipv6');
const global = new BlockList();
global.addSubnet('2000::', 3, 'ipv6');

/** Whether an address is one of the public internet. */
export function isPublic({ address, family }: Resolved): boolean {
  if (family === 4 && isIP(address) === 4) return !special.check(address, 'ipv4');
  return family === 6 && isIP(address) === 6 && global.check(address, 'ipv6') && !special.check(address, 'ipv6');
}
