import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { type Bundle, bundleFormat } from '../../bundle/schema.ts';
import type { PolicyTools } from '../content/compile.ts';
import { undecidedServers } from '../content/visibility.ts';
import type { Published } from '../store/store.ts';
import type { Signer } from './signing-key.ts';

const compress = promisify(gzip);

/** The signed answer for one distinct set of groups, in both encodings, made once and served to everybody in it. */
export interface SignedBundle {
  version: number;
  jws: Buffer;
  gzip: Buffer;
  /** Without quotes. Names the bytes of `jws`; the gzip form is another representation and so adds `-gz` (RFC 9110 section 8.8.3). */
  etag: string;
}
/** The bundle of a set of groups, before dates and signature. */
interface Audience {
  body: Omit<Bundle, 'issuedAt' | 'staleAfter' | 'notAfter'>;
  freshness: { stale: number; expires: number; resign: number };
  servers: ReadonlySet<string>;
}

export interface Bundles {
  signed(groups: readonly string[]): Promise<SignedBundle>;
  /** Ids of the servers that these groups may discover now: what the registry shows. */
  visible(groups: readonly string[]): Promise<ReadonlySet<string>>;
  /** The bundles of the version before are forgotten at once. */
  publish(next: Published): void;
}

// A signed bundle in both encodings is some 100 KB; a company with more audiences than this makes some of them again.
const most = 500;

/** Compiles, filters and signs per audience. Concurrent first requests of an audience share one compilation. */
export function openBundles(first: Published, deps: { policy: PolicyTools; signer: Signer; now: () => number }): Bundles {
  let published = first;
  let audiences = new Map<string, Promise<Audience>>();
  let bundles = new Map<string, { issuedAt: number; signed: Promise<SignedBundle> }>();

  // Groups that the company does not list never reach a bundle: they decide nothing, and would make every token its own audience.
  let listed = new Set(first.company.groups);
  const listedGroups = (claimed: readonly string[]) => [...new Set(claimed)].filter((group) => listed.has(group)).sort();
  const audience = (groups: string[], key: string) => cached(audiences, key, () => compileAudience(published, groups, deps));

  return {
    async signed(claimed) {
      const groups = listedGroups(claimed);
      const key = JSON.stringify(groups);
      const before = bundles.get(key);
      const now = deps.now();
      if (before !== undefined && now - before.issuedAt < published.company.freshness.resign && now >= before.issuedAt)
        return before.signed;
      const mine = bundles;
      const made = audience(groups, key).then((compiled) => sign(compiled, now, deps.signer));
      remember(mine, key, { issuedAt: now, signed: made });
      made.catch(() => mine.delete(key));
      return made;
    },
    async visible(claimed) {
      const groups = listedGroups(claimed);
      return (await audience(groups, JSON.stringify(groups))).servers;
    },
    publish(next) {
      published = next;
      listed = new Set(next.company.groups);
      audiences = new Map();
      bundles = new Map();
    },
  };
}

async function compileAudience(
  { version, company }: Published,
  groups: string[],
  { policy, now }: { policy: PolicyTools; now: () => number },
): Promise<Audience> {
  const policies = policy.audiencePolicies(company.policies, groups);
  const body: Audience['body'] = {
    format: bundleFormat(company.servers),
    company: company.company,
    version,
    groups,
    ...(company.minimumVersion === undefined ? {} : { minimumVersion: company.minimumVersion }),
    servers: company.servers,
    policies,
    limits: company.limits,
    ...(company.agents === undefined ? {} : { agents: company.agents }),
    clients: company.clients,
  };
  const servers = new Set(await policy.canDiscover(dated(body, company.freshness, now()), groups));
  const held = new Set([...servers, ...undecidedServers(body)]);
  const kept = company.servers.filter(({ id }) => held.has(id));
  // Which servers there are besides is not told.
  const clients = body.clients.map((rule) => (rule.servers ? { ...rule, servers: rule.servers.filter((id) => held.has(id)) } : rule));
  return { body: { ...body, format: bundleFormat(kept), servers: kept, clients }, freshness: company.freshness, servers };
}

async function sign({ body, freshness }: Audience, now: number, signer: Signer): Promise<SignedBundle> {
  const jws = Buffer.from(await signer.sign(Buffer.from(JSON.stringify(dated(body, freshness, now)))));
  const etag = createHash('sha256').update(jws).digest('base64url');
  return { version: body.version, jws, gzip: await compress(jws), etag };
}

function dated(body: Audience['body'], freshness: Audience['freshness'], now: number): Bundle {
  const iso = (at: number) => new Date(at).toISOString();
  return { ...body, issuedAt: iso(now), staleAfter: iso(now + freshness.stale), notAfter: iso(now + freshness.expires) };
}

function cached<T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const before = map.get(key);
  if (before !== undefined) return before;
  const made = make();
  remember(map, key, made);
  made.catch(() => map.delete(key));
  return made;
}

/** Oldest out first: a Map keeps the order of insertion. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value!);
}
