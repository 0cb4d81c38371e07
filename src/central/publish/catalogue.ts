import { type JSONRPCMessage, StreamableHTTPClientTransport, type Transport } from '@modelcontextprotocol/client';
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Failure } from '../../base/errors.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import { type Definitions, type Kind, type LeftOut, usable, usableAbout } from './usable.ts';

type Json = Record<string, unknown>;
type Found = Definitions & { leftOut: LeftOut[] };

const skills = 'io.modelcontextprotocol/skills';
// Everything an agent might declare: servers offer more tools to a client that can more, and all of them are to be reviewed.
const capabilities = {
  roots: { listChanged: true },
  sampling: {},
  elicitation: { form: {}, url: {} },
  extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] }, [skills]: {} },
};
const clientInfo = { name: 'gatehouse-bless', version: '1.0.0' };
const modernVersion = '2026-07-28';
const legacyVersion = '2025-11-25';
const stepMs = 20_000;
const mostPages = 200;

/** What an upstream says of itself now: every definition as it came, unknown fields included, in its own order; and what of it cannot be blessed. */
export async function fetchCatalogue(entry: Pick<ServerEntry, 'id' | 'url' | 'launch' | 'era'>, signal?: AbortSignal): Promise<Found> {
  const eras = entry.era === 'auto' ? (['modern', 'legacy'] as const) : [entry.era];
  let last: unknown;
  for (const era of eras) {
    // A connection of its own for each era: an old server may die of a question it does not know.
    const session = openSession(entry, signal);
    try {
      return era === 'modern' ? await readModern(session) : await readLegacy(session);
    } catch (error) {
      last = error;
      signal?.throwIfAborted();
    } finally {
      await session.close();
    }
  }
  const why = last instanceof Error ? last.message : String(last);
  throw new Failure(
    'unavailable',
    `The server ${entry.id} could not be read: ${why}`,
    'Start it, check its address, then bless it again.',
    { cause: last },
  );
}

interface Session {
  request(method: string, params?: Json, timeoutMs?: number): Promise<Json>;
  notify(method: string): Promise<void>;
  /** How often a list changed since the connection was opened. */
  changes(): number;
  transport: Transport;
  close(): Promise<void>;
}

/** JSON-RPC over the SDK's raw transport: the SDK's Client would drop what it does not know. */
function openSession(entry: Pick<ServerEntry, 'url' | 'launch'>, signal: AbortSignal | undefined): Session {
  const transport: Transport = entry.url === undefined ? stdio(entry.launch!) : new StreamableHTTPClientTransport(new URL(entry.url));
  const waiting = new Map<number, { resolve(result: Json): void; reject(error: Error): void }>();
  let id = 0;
  let changed = 0;
  let started: Promise<void> | undefined;
  const fail = (error: Error) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const send = async (message: Json) => {
    started ??= transport.start();
    await started;
    await transport.send({ jsonrpc: '2.0', ...message } as unknown as JSONRPCMessage);
  };
  transport.onclose = () => fail(new Error('it closed the connection.'));
  transport.onmessage = (message: unknown) => {
    const {
      id: about,
      method,
      result,
      error,
    } = message as { id?: number; method?: string; result?: Json; error?: { code: number; message: string } };
    if (method !== undefined) {
      if (about !== undefined) void send({ id: about, ...answerTo(method) }).catch(() => {});
      else if (method.endsWith('/list_changed')) changed++;
      return;
    }
    const call = waiting.get(about!);
    waiting.delete(about!);
    if (error !== undefined) call?.reject(Object.assign(new Error(`it answered ${error.code}: ${error.message}`), { code: error.code }));
    else call?.resolve(result ?? {});
  };
  return {
    transport,
    changes: () => changed,
    notify: (method) => send({ method }),
    async request(method, params = {}, timeoutMs = stepMs) {
      const mine = ++id;
      const { promise, resolve, reject } = Promise.withResolvers<Json>();
      waiting.set(mine, { resolve, reject });
      const timer = setTimeout(() => reject(new Error(`no answer to ${method} within ${timeoutMs / 1000} s.`)), timeoutMs);
      const stop = () => reject(new Error('stopped.'));
      signal?.addEventListener('abort', stop);
      try {
        send({ id: mine, method, params }).catch(reject);
        return await promise;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        waiting.delete(mine);
      }
    },
    close: () => transport.close().catch(() => {}),
  };
}

function stdio({ command, args, env, cwd }: NonNullable<ServerEntry['launch']>): Transport {
  return new StdioClientTransport({
    command: command === 'node' ? process.execPath : command,
    args,
    env: { ...getDefaultEnvironment(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stderr: 'ignore',
  });
}

/** We declared these, so we must answer; nothing is ever given away. */
function answerTo(method: string): Json {
  if (method === 'ping') return { result: {} };
  if (method === 'roots/list') return { result: { roots: [] } };
  if (method === 'elicitation/create') return { result: { action: 'decline' } };
  return { error: { code: -32601, message: 'Method not found' } };
}

async function readModern(session: Session): Promise<Found> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': modernVersion,
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    'io.modelcontextprotocol/clientInfo': clientInfo,
  };
  const ask = (method: string, params: Json = {}) =>
    session.request(method, { ...params, _meta }, method === 'server/discover' ? 5000 : stepMs);
  const found = await ask('server/discover');
  const versions = found['supportedVersions'];
  if (!Array.isArray(versions) || !versions.includes(modernVersion)) throw new Error(`it does not speak ${modernVersion}.`);
  const serverInfo = (found['_meta'] as Json | undefined)?.['io.modelcontextprotocol/serverInfo'];
  return readLists(ask, { ...found, serverInfo }, () => 0);
}

async function readLegacy(session: Session): Promise<Found> {
  const found = await session.request('initialize', { protocolVersion: legacyVersion, capabilities, clientInfo });
  session.transport.setProtocolVersion?.(String(found['protocolVersion']));
  await session.notify('notifications/initialized');
  // Some servers add tools only now that they know the client; after a round trip they have.
  await session.request('ping').catch(() => {});
  return readLists((method, params) => session.request(method, params), found, session.changes);
}

async function readLists(ask: (method: string, params?: Json) => Promise<Json>, found: Json, changes: () => number): Promise<Found> {
  const { about, leftOut } = usableAbout(found);
  const { capabilities } = about;
  const extensions = (capabilities['extensions'] ?? {}) as Json;
  const offered = (kind: Kind) =>
    kind === 'skills' ? extensions[skills] !== undefined : capabilities[kind === 'resourceTemplates' ? 'resources' : kind] !== undefined;
  for (let round = 0; ; round++) {
    const before = changes();
    const found: Found = { ...about, tools: [], prompts: [], resources: [], resourceTemplates: [], leftOut: [...leftOut] };
    for (const kind of kinds) {
      if (!offered(kind)) continue;
      const { kept, leftOut } = await list(ask, kind);
      (found[kind] as unknown) = kept;
      found.leftOut.push(...leftOut);
    }
    if (changes() === before || round === 3) return found;
  }
}

const kinds = ['tools', 'prompts', 'resources', 'resourceTemplates', 'skills'] as const;

async function list(ask: (method: string, params?: Json) => Promise<Json>, kind: Kind): Promise<ReturnType<typeof usable>> {
  const method = kind === 'resourceTemplates' ? 'resources/templates/list' : `${kind}/list`;
  try {
    const { items, unended } = await pages(ask, method, kind);
    const { kept, leftOut } = usable(kind, items);
    return { kept, leftOut: unended === undefined ? leftOut : [...leftOut, { what: method, why: unended }] };
  } catch (error) {
    const { code } = error as { code?: number };
    // A server that has no such list answers for all its others. Of tools any other error may pass, and would take away what was blessed.
    if (code === undefined || (kind === 'tools' && code !== -32601)) throw error;
    // Templates came later than resources: a server without them may not know the method.
    const expected = kind === 'resourceTemplates' && code === -32601;
    return { kept: [], leftOut: expected ? [] : [{ what: method, why: (error as Error).message }] };
  }
}

/** `unended`: why what was read may not be all. */
async function pages(
  ask: (method: string, params?: Json) => Promise<Json>,
  method: string,
  key: string,
): Promise<{ items: unknown[]; unended?: string }> {
  const items: unknown[] = [];
  const cursors = new Set<string>();
  let cursor: unknown;
  for (let page = 0; page < mostPages; page++) {
    const result = await ask(method, cursor === undefined ? {} : { cursor });
    if (Array.isArray(result[key])) items.push(...result[key]);
    cursor = result['nextCursor'];
    if (cursor === undefined || cursor === null) return { items };
    // It would lead where we have been. What it listed again is the same, and no news to a reviewer.
    if (cursors.has(JSON.stringify(cursor)))
      return {
        items: [...new Map(items.map((item) => [JSON.stringify(item), item])).values()],
        unended: 'it named a cursor for the second time, so nobody can read on; what came up to there is kept',
      };
    cursors.add(JSON.stringify(cursor));
  }
  return { items, unended: `it has more than ${mostPages} pages; what came up to there is kept` };
}
