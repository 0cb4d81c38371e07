import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../base/errors.ts';
import { silent } from '../../base/log.ts';
import type { Kind } from '../../bundle/definition.ts';
import { type Catalogue, type ServerEntry, serverEntry } from '../../bundle/schema.ts';
import { type LeftOut, usable, usableAbout } from '../../bundle/usable.ts';
import { asksAbout } from '../../upstreams/connection/era.ts';
import { bearer } from '../../upstreams/credentials/bearer.ts';
import { openCredentials } from '../../upstreams/credentials/by-type.ts';
import type { HeaderList } from '../../upstreams/credentials/credentials.ts';
import { openLoginPath } from '../../upstreams/local/login-path.ts';
import { clientTokens } from '../../upstreams/oauth/client-credentials.ts';
import { openUpstreams } from '../../upstreams/pool.ts';
import { filledOf } from '../../upstreams/secrets/source.ts';
import type { Outcome, Peer, Upstream } from '../../upstreams/upstream.ts';
import { givenSecrets } from './given-secrets.ts';

type Json = Record<string, unknown>;
export type Definitions = Omit<Catalogue, 'hashes' | 'skills' | 'leftOut'> & Partial<Pick<Catalogue, 'skills'>>;
type Found = Definitions & { leftOut: LeftOut[] };
type Ask = (method: string, params?: Json) => Promise<Json>;

const skills = 'io.modelcontextprotocol/skills';
/** Everything an agent might declare: servers offer more tools to a client with more capabilities, and all of them are to be reviewed. */
const reviewer: Peer = {
  id: 'bless',
  era: 'modern',
  capabilities: {
    roots: { listChanged: true },
    sampling: {},
    elicitation: { form: {}, url: {} },
    extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] }, [skills]: {} },
  },
  clientInfo: { name: 'gatehouse-bless', version: '1.0.0' },
};
/** Agents give up on a call after some time; blessing waits until a download has ended. */
const limits = { patienceMs: 600_000 };
const askMs = 60_000;
/** Some servers add tools only once they know the client. */
const settleMs = 100;
const mostReadings = 4;
const mostPages = 200;
const mostLines = 20;

/**
 * What an upstream says of itself now: every definition as it came, unknown fields included, in its own order; and what of it cannot be blessed.
 * It is reached as the gateway will reach it, by the same code: what can be blessed can be called.
 */
export async function fetchCatalogue(
  {
    id,
    ...connection
  }: Pick<ServerEntry, 'id'> & Partial<Pick<ServerEntry, 'url' | 'launch' | 'era' | 'auth' | 'transport' | 'headers' | 'secrets'>>,
  signal: AbortSignal = new AbortController().signal,
): Promise<Found> {
  const about = { name: id, title: id, description: '', version: '', tools: {}, catalogue: {} };
  const entry = serverEntry.parse({ ...connection, id, ...about });
  const secrets = givenSecrets(entry, process.env);
  const upstreams = openUpstreams({
    entries: [entry],
    log: silent,
    clientInfo: reviewer.clientInfo,
    events: { onStatus() {}, onResourceUpdated() {} },
    credentials: openCredentials({
      exchange: { headers: givenToken },
      'enterprise-managed': { headers: givenToken },
      'client-credentials': clientTokens({ now: Date.now, signIn: () => entry, proof: () => filledOf(secrets, entry) }),
      oauth: { headers: (entry, _person, _signal, refused) => (refused || hasToken(entry) ? givenToken(entry) : []) },
    }),
    secrets,
    path: openLoginPath({ environment: process.env, platform: process.platform, log: silent }),
    limits,
  });
  const upstream = upstreams.get(id)!;
  const before = { lines: 0 };
  try {
    return await read(upstream, before, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(upstream, before.lines, error);
  } finally {
    await upstreams.close();
  }
}

/** One variable a server: a token for one must not be seen by another. */
const tokenName = ({ id }: ServerEntry): string => `GATEHOUSE_BLESS_TOKEN_${id.toUpperCase().replaceAll('-', '_')}`;
const hasToken = (entry: ServerEntry): boolean => process.env[tokenName(entry)] !== undefined;

/** Blessing has no person who could sign in, or whose token could be exchanged. */
function givenToken(entry: ServerEntry): HeaderList | Promise<HeaderList> {
  const name = tokenName(entry);
  const token = process.env[name];
  return token === undefined
    ? Promise.reject(new Error(`it takes tokens of people; put one that is for it into the variable ${name}`))
    : bearer(token);
}

/** A local server's own output says best why it does not start. */
function unreadable({ entry, output }: Upstream, from: number, cause: unknown): Failure {
  const why = cause instanceof Error ? cause.message : String(cause);
  const lines = output().slice(from).slice(-mostLines);
  const said = lines.length === 0 ? '' : `\nIt wrote:\n${lines.map((line) => `  ${line.slice(0, 300)}`).join('\n')}`;
  const fix =
    entry.launch === undefined
      ? 'Start it, check its address, then bless it again.'
      : `Try the command by hand: ${[entry.launch.command, ...entry.launch.args].join(' ')}. Correct "launch" or "packages", then bless it again.`;
  return new Failure('unavailable', `The server ${entry.id} could not be read: ${why.replace(/\.$/, '')}.${said}`, fix, { cause });
}

async function read(upstream: Upstream, before: { lines: number }, signal: AbortSignal): Promise<Found> {
  const ask: Ask = async (method, params = {}) => {
    const outcome = await upstream.call({
      method,
      params,
      peer: reviewer,
      signal,
      timeoutMs: askMs,
      onRequest: async (request) => answerTo(request.method),
    });
    if ('error' in outcome) {
      const { code, message } = outcome.error;
      throw Object.assign(new Error(`it answered ${code}: ${message}`), { code });
    }
    // The gateway keeps numbers and long parts as they were written; a file under review has plain JSON.
    return JSON.parse(JSON.stringify(outcome.result)) as Json;
  };
  const said = await ask(asksAbout).catch(async (error: unknown) => {
    const { retryAt } = upstream.status();
    // Some local servers crash on the first request; after the second start it is not sent.
    if (upstream.entry.launch === undefined || upstream.entry.era !== 'auto' || retryAt === undefined) throw error;
    before.lines = upstream.output().length;
    await pause(Math.max(0, retryAt - Date.now()), undefined, { signal });
    return ask(asksAbout);
  });
  const serverInfo = said['serverInfo'] ?? (said['_meta'] as Json | undefined)?.['io.modelcontextprotocol/serverInfo'];
  const about = usableAbout({ ...said, serverInfo });
  let definitions = await readLists(ask, about);
  for (let reading = 1; reading < mostReadings; reading++) {
    await pause(settleMs);
    const again = await readLists(ask, about);
    const settled = JSON.stringify(again) === JSON.stringify(definitions);
    definitions = again;
    if (settled) break;
  }
  return definitions;
}

/** We declared these capabilities, so we must answer. The answers give nothing away. */
function answerTo(method: string): Outcome {
  if (method === 'roots/list') return { result: { roots: [] } };
  if (method === 'elicitation/create') return { result: { action: 'decline' } };
  return { error: { code: -32601, message: 'Method not found' } };
}

async function readLists(ask: Ask, { about, leftOut }: ReturnType<typeof usableAbout>): Promise<Found> {
  const { capabilities } = about;
  const extensions = (capabilities['extensions'] ?? {}) as Json;
  const offered = (kind: Kind) =>
    kind === 'skills' ? extensions[skills] !== undefined : capabilities[kind === 'resourceTemplates' ? 'resources' : kind] !== undefined;
  const definitions: Found = {
    ...(about as Pick<Found, 'capabilities'>),
    tools: [],
    prompts: [],
    resources: [],
    resourceTemplates: [],
    leftOut: [...leftOut],
  };
  for (const kind of kinds) {
    if (!offered(kind)) continue;
    const { kept, leftOut } = await list(ask, kind);
    (definitions[kind] as unknown) = kept;
    definitions.leftOut.push(...leftOut);
  }
  return definitions;
}

const kinds = ['tools', 'prompts', 'resources', 'resourceTemplates', 'skills'] as const;

async function list(ask: Ask, kind: Kind): Promise<ReturnType<typeof usable>> {
  const method = kind === 'resourceTemplates' ? 'resources/templates/list' : `${kind}/list`;
  try {
    const { items, unended } = await pages(ask, method, kind);
    const { kept, leftOut } = usable(kind, items);
    return { kept, leftOut: unended === undefined ? leftOut : [...leftOut, { what: method, why: unended }] };
  } catch (error) {
    const { code } = error as { code?: number };
    // A server without this list is still read for the others. For tools, any other error may be temporary, and no list would take away what was blessed.
    if (code === undefined || (kind === 'tools' && code !== -32601)) throw error;
    // Templates came later than resources: a server without them may not know the method.
    const expected = kind === 'resourceTemplates' && code === -32601;
    return { kept: [], leftOut: expected ? [] : [{ what: method, why: (error as Error).message }] };
  }
}

/** `unended`: why the list may be incomplete. */
async function pages(ask: Ask, method: string, key: string): Promise<{ items: unknown[]; unended?: string }> {
  const items: unknown[] = [];
  const cursors = new Set<string>();
  let cursor: unknown;
  for (let page = 0; page < mostPages; page++) {
    const result = await ask(method, cursor === undefined ? {} : { cursor });
    if (Array.isArray(result[key])) items.push(...result[key]);
    cursor = result['nextCursor'];
    if (cursor === undefined || cursor === null) return { items };
    // The cursor would lead back to a page that we have read. Entries that were listed again are left out.
    if (cursors.has(JSON.stringify(cursor)))
      return {
        items: [...new Map(items.map((item) => [JSON.stringify(item), item])).values()],
        unended: 'it named a cursor for the second time, so nobody can read on; what came up to there is kept',
      };
    cursors.add(JSON.stringify(cursor));
  }
  return { items, unended: `it has more than ${mostPages} pages; what came up to there is kept` };
}
