import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAdmission } from '../../src/agents/bridged/admission.ts';
import { openAgents } from '../../src/agents/credentials/credentials.ts';
import { openAuthorization } from '../../src/agents/oauth/authorization.ts';
import type { Fetching } from '../../src/agents/oauth/documents.ts';
import { bridges } from '../../src/app/bridges.ts';
import { followAgents } from '../../src/app/follow-agents.ts';
import { silent } from '../../src/base/log.ts';
import type { UnreadLimits } from '../../src/base/unread.ts';
import { readable } from '../../src/bundle/readable.ts';
import { type Bundle, bundle as bundleSchema, type ServerEntry, serverEntry } from '../../src/bundle/schema.ts';
import { addressAt, addressOf, merged } from '../../src/gateway/catalogue/address.ts';
import { openEntrance } from '../../src/gateway/entrance.ts';
import { type GatewayOptions, openGateway } from '../../src/gateway/gateway.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { happened } from '../../src/ledger/record.ts';
import { compilePolicies } from '../../src/policy/authoring/compile.ts';
import { limited } from '../../src/policy/limited.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { ownPrograms } from '../../src/port/owner.ts';
import type { Credentials } from '../../src/upstreams/credentials/credentials.ts';
import { openUpstreams, type UpstreamsOptions } from '../../src/upstreams/pool.ts';

type Definition = { name: string; [key: string]: unknown };

/** What a definition needs to be one at all, where a test does not care. */
export const wholeCatalogue = (catalogue: Partial<ServerEntry['catalogue']>): Partial<ServerEntry['catalogue']> => ({
  ...catalogue,
  ...(catalogue.tools ? { tools: catalogue.tools.map((tool) => ({ inputSchema: { type: 'object' }, ...tool })) } : {}),
  ...(catalogue.resources ? { resources: catalogue.resources.map((resource) => ({ name: resource.uri, ...resource })) } : {}),
  ...(catalogue.resourceTemplates
    ? { resourceTemplates: catalogue.resourceTemplates.map((template) => ({ name: template.uriTemplate, ...template })) }
    : {}),
});

/** A blessed entry for a server at `url`, as central would compile it. */
export function entry(
  fields: Pick<ServerEntry, 'id'> & { url?: string; launch?: { command: string; args: string[] }; tools?: Definition[] } & Omit<
      Partial<ServerEntry>,
      'tools' | 'catalogue' | 'launch'
    > & { catalogue?: Partial<ServerEntry['catalogue']> },
): ServerEntry {
  const { tools = [], catalogue, ...rest } = fields;
  return serverEntry.parse({
    name: `com.example/${fields.id}`,
    title: fields.id,
    description: `The ${fields.id} server`,
    version: '1.0.0',
    ...rest,
    catalogue: wholeCatalogue({ tools, capabilities: { tools: {} }, ...catalogue }),
    tools: Object.fromEntries(
      (catalogue?.tools ?? tools).map((tool) => [tool.name, { readOnly: true, destructive: false, openWorld: false, tags: [] }]),
    ),
  });
}

export const allowAll = `@id("all") @reason("test") permit(principal, action, resource);`;

export function makeBundle(fields: Omit<Partial<Bundle>, 'policies' | 'servers'> & { servers: ServerEntry[]; policies?: string }): Bundle {
  const { servers, policies: text = allowAll, groups = ['staff'], version = 1, ...rest } = fields;
  const { policies, problems } = compilePolicies([{ file: 'test.cedar', text }], {
    servers: servers.map(({ id, catalogue }) => ({
      id,
      tools: catalogue.tools,
      prompts: catalogue.prompts.map((prompt) => prompt.name),
      resources: readable(catalogue),
    })),
    groups,
  } as unknown as Parameters<typeof compilePolicies>[1]);
  const errors = problems.filter((problem) => problem.severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const now = Date.now();
  return bundleSchema.parse({
    format: 1,
    company: { id: 'test', name: 'Test' },
    version,
    groups,
    issuedAt: new Date(now).toISOString(),
    staleAfter: new Date(now + 3_600_000).toISOString(),
    notAfter: new Date(now + 7_200_000).toISOString(),
    servers,
    policies,
    ...rest,
  });
}

/** The gateway with everything behind it real: agents, policy, ledger, upstreams; only the company is left out. */
export async function openTestGateway(
  bundle: Bundle | undefined,
  options: {
    port?: number;
    maxBodyBytes?: number;
    headersTimeoutMs?: number;
    now?: () => number;
    dataDir?: string;
    token?: string;
    unread?: UnreadLimits;
    credentials?: Credentials;
    secrets?: UpstreamsOptions['secrets'];
    /** Whom the upstreams are called for; rules and record know Pat. */
    person?: () => string;
    inProcess?: UpstreamsOptions['inProcess'];
    signedIn?: GatewayOptions['signedIn'];
    endpoint?: GatewayOptions['endpoint'];
    /** How documents of clients are fetched. */
    fetching?: Fetching;
    listensAt?: (address: string, port: number) => Promise<string | undefined>;
    settled?: Promise<void>;
    /** Who started a bridge. Absent: the system is asked. */
    starter?: Parameters<typeof openAdmission>[0]['starter'];
  } = {},
) {
  const dir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'gatehouse-test-')));
  const now = options.now ?? Date.now;
  const agents = openAgents({ file: join(dir, 'agents.json'), now, log: silent });
  const ledger = await openLedger({ file: join(dir, 'ledger.sqlite'), log: silent, now, key: Buffer.alloc(32, 1) });
  const upstreams = openUpstreams({
    entries: bundle?.servers ?? [],
    log: silent,
    clientInfo: { name: 'gatehouse', version: '0' },
    person: options.person ?? (() => 'pat'),
    ...(options.credentials ? { credentials: options.credentials } : {}),
    ...(options.secrets ? { secrets: options.secrets } : {}),
    ...(options.inProcess ? { inProcess: options.inProcess } : {}),
    events: { onStatus() {}, onResourceUpdated: (server, params) => gateway.resourceUpdated(server, params) },
  });
  const entrance = await openEntrance({
    port: options.port ?? 0,
    headersTimeoutMs: options.headersTimeoutMs ?? 10_000,
    ...(options.unread ? { unread: options.unread } : {}),
  });
  const authorization = openAuthorization({
    file: join(dir, 'oauth-clients.json'),
    agents,
    resourceAt: (resource) => addressOf(resource, entrance.number)?.path,
    defaultResource: merged.path,
    reserved: ['gatehouse'],
    own: { ...ownPrograms, peer: (from) => ownPrograms.peer(from, entrance.number) },
    changed() {},
    note: (reason) => ledger.append(happened('agent', reason, now())),
    log: silent,
    now,
    ...(options.fetching ? { fetching: options.fetching } : {}),
    ...(options.listensAt ? { listensAt: options.listensAt } : {}),
  });
  const admission = openAdmission({
    pipes: authorization.pipes,
    grants: agents.grants,
    isAddress: (path) => addressAt(path) !== undefined,
    now,
    ...(options.starter ? { starter: options.starter } : {}),
  });
  const gateway = await openGateway({
    entrance,
    signIn: authorization,
    version: '0',
    maxBodyBytes: options.maxBodyBytes ?? 4 * 1024 * 1024,
    maxDepth: 64,
    stateKey: Buffer.alloc(32, 2),
    dataDir: dir,
    agents: { ...agents, bridged: admission.bridged },
    upstream: (id) => upstreams.get(id),
    forget: (peer) => upstreams.forget(peer),
    ledger,
    log: silent,
    now,
    ...(options.settled ? { settled: options.settled } : {}),
    ...(options.signedIn ? { signedIn: options.signedIn } : {}),
    ...(options.endpoint ? { endpoint: options.endpoint } : {}),
  });
  followAgents(agents, authorization, () => gateway);
  const apply = async (next: Bundle | undefined) => {
    if (!next) {
      authorization.suspend();
      return gateway.apply(undefined);
    }
    const rules = openPolicy(next, { person: 'pat', device: { os: 'linux', appVersion: '0', managed: false }, now });
    const policy = limited(rules, (agent, server) => agents.reaches(agent, server));
    authorization.follow(next);
    await upstreams.replace(next.servers);
    gateway.apply({ bundle: next, policy, person: 'pat' });
  };
  await apply(bundle);
  const token = options.token ?? (await agents.add('Tester')).token;
  return {
    gateway,
    agents,
    authorization,
    /** For `openControl`, as the core has it. */
    ...bridges(admission, () => gateway),
    ledger,
    upstreams,
    token,
    apply,
    url: gateway.url,
    records: async () => {
      await ledger.flush();
      return ledger.list({ limit: 500 }).items.toReversed();
    },
    async close() {
      authorization.close();
      await gateway.close();
      await upstreams.close();
      await agents.close();
      await ledger.close();
      if (options.dataDir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

export interface RawAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  json: () => Record<string, unknown>;
  /** The messages of an event stream, in order. */
  events: () => Record<string, unknown>[];
}

/** One HTTP request, exactly as given: no client library tidies what a test wants to be wrong. */
export function raw(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: options.method ?? 'POST', headers: options.headers ?? {}, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: () => JSON.parse(text),
          events: () =>
            text
              .split('\n')
              .filter((line) => line.startsWith('data: {'))
              .map((line) => JSON.parse(line.slice(6))),
        });
      });
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(options.body);
  });
}

/** Posts one JSON-RPC message with the headers that every agent sends. */
export const post = (url: string, token: string, message: unknown, headers: Record<string, string> = {}): Promise<RawAnswer> =>
  raw(url, {
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  });

/** A legacy session by hand: initialize, initialized, then `send`. */
export async function legacySession(url: string, token: string, capabilities: object = {}) {
  const opened = await post(url, token, {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'raw', version: '1' } },
  });
  const id = String(opened.headers['mcp-session-id']);
  const headers = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
  await post(url, token, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
  let last = 0;
  return {
    id,
    headers,
    opened,
    send: (method: string, params: object = {}) => post(url, token, { jsonrpc: '2.0', id: ++last, method, params }, headers),
  };
}

/** What a tool without arguments answers, and whether the call failed. */
export async function toldBy(session: Pick<Awaited<ReturnType<typeof legacySession>>, 'send'>, name: string) {
  const { result } = (await session.send('tools/call', { name, arguments: {} })).json() as {
    result: { isError?: boolean; content: { text: string }[] };
  };
  return { failed: result.isError === true, text: result.content[0]!.text };
}

/** One modern request with a right envelope; `headers` and `meta` override. */
export function modernRequest(
  url: string,
  token: string,
  method: string,
  params: Record<string, unknown> = {},
  overrides: { headers?: Record<string, string>; meta?: Record<string, unknown>; id?: number } = {},
) {
  const name = (params['name'] ?? params['uri']) as string | undefined;
  return post(
    url,
    token,
    {
      jsonrpc: '2.0',
      id: overrides.id ?? 1,
      method,
      params: {
        ...params,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
          ...overrides.meta,
        },
      },
    },
    {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(name === undefined ? {} : { 'mcp-name': name }),
      ...overrides.headers,
    },
  );
}
