import { Failure } from '../../base/errors.ts';
import type { CompiledCompany } from '../content/compile.ts';
import type { RegistryTimes } from '../store/store.ts';

type Json = Record<string, unknown>;
export interface ServerResponseItem {
  server: Json;
  _meta: Json;
}

const officialKey = 'io.modelcontextprotocol.registry/official';

/** What one caller sees of the registry: the servers they may discover, by name, in the generic registry API's form (v0.1). */
export function registryView(
  company: CompiledCompany,
  visible: ReadonlySet<string>,
  times: ReadonlyMap<string, RegistryTimes>,
): ServerResponseItem[] {
  return company.servers
    .filter(({ id }) => visible.has(id))
    .map((entry) => {
      const { publishedAt, updatedAt } = times.get(entry.name) ?? {
        publishedAt: '1970-01-01T00:00:00.000Z',
        updatedAt: '1970-01-01T00:00:00.000Z',
      };
      const official = { status: 'active', statusChangedAt: publishedAt, publishedAt, updatedAt, isLatest: true };
      return { server: company.registry[entry.id]!, _meta: { [officialKey]: official } };
    })
    .sort((a, b) => (String(a.server['name']) < String(b.server['name']) ? -1 : 1));
}

/** `GET /v0.1/servers`. The cursor is the last name of the page, so pages stay right when servers come and go between them. */
export function listServers(
  all: ServerResponseItem[],
  query: URLSearchParams,
): { servers: ServerResponseItem[]; metadata: { nextCursor?: string; count: number } } {
  const limit = query.has('limit') ? Number(query.get('limit')) : 30;
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) throw bad('limit', 'a whole number from 1 to 100');
  const since = query.get('updated_since');
  if (since !== null && (!/^\d{4}-\d{2}-\d{2}T/.test(since) || Number.isNaN(Date.parse(since))))
    throw bad('updated_since', 'an RFC 3339 time');
  const after = query.has('cursor') ? Buffer.from(query.get('cursor')!, 'base64url').toString('utf8') : '';
  const search = query.get('search')?.toLowerCase() ?? '';
  const version = query.get('version') ?? 'latest';
  const text = (server: Json) => [server['name'], server['title'], server['description']].join('\n').toLowerCase();
  const matches = all.filter(
    ({ server, _meta }) =>
      String(server['name']) > after &&
      (version === 'latest' || server['version'] === version) &&
      (search === '' || text(server).includes(search)) &&
      (since === null || Date.parse(String((_meta[officialKey] as Json)['updatedAt'])) >= Date.parse(since)),
  );
  const servers = matches.slice(0, limit);
  const last = servers.at(-1)?.server['name'];
  const nextCursor = matches.length > limit ? { nextCursor: Buffer.from(String(last)).toString('base64url') } : {};
  return { servers, metadata: { ...nextCursor, count: servers.length } };
}

/** `GET /v0.1/servers/{name}/versions`: a company blesses one version at a time, so there is one. */
export function listVersions(all: ServerResponseItem[], name: string): { servers: ServerResponseItem[]; metadata: { count: number } } {
  const servers = all.filter(({ server }) => server['name'] === name);
  if (servers.length === 0) throw unknown(name);
  return { servers, metadata: { count: servers.length } };
}

/** `GET /v0.1/servers/{name}/versions/{version}`; `latest` is an alias. A server that the caller may not discover is answered like one that does not exist. */
export function getVersion(all: ServerResponseItem[], name: string, version: string): ServerResponseItem {
  const entry = all.find(({ server }) => server['name'] === name && (version === 'latest' || server['version'] === version));
  if (entry === undefined) throw unknown(name);
  return entry;
}

const unknown = (name: string) =>
  new Failure('not-found', `The registry has no server "${name}" in this version.`, 'See GET /v0.1/servers for what there is.');
const bad = (name: string, wanted: string) =>
  new Failure('bad-input', `The parameter "${name}" must be ${wanted}.`, 'Correct it, or leave it out.');
