import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Failure } from '../../base/errors.ts';
import type { Vault } from '../../base/host.ts';
import type { Log } from '../../base/log.ts';
import type { Page } from '../../base/page.ts';
import { openRevocations } from '../../base/revocation.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { SignInNeeded } from '../upstream.ts';
import { begin } from './flows.ts';
import { keptAt, openHeaders } from './headers.ts';
import { type Kept, openStore, type Store } from './kept.ts';
import { callbackPath, doors, type Next, nothing, ticketPath } from './pages.ts';
import { openRefreshing } from './refreshing.ts';
import { Tickets } from './tickets.ts';
import { revoke, told } from './tokens.ts';

type OAuthEntry = ServerEntry & { url: string; auth: Extract<ServerEntry['auth'], { type: 'oauth' }> };

/** How a person stands with an upstream that has sign-ins of its own. */
export interface SignInState {
  /** `unknown`: the vault has not been opened yet, or cannot be opened now. */
  state: 'unknown' | 'signed-out' | 'signing-in' | 'signed-in';
  /** As the server's authorization server names the person, where it does. */
  account?: string;
  /** Milliseconds since the epoch; absent: until the server says otherwise, or for as long as it can be refreshed. */
  until?: number;
}

/** Sign-ins of people at upstreams: OAuth 2.1 as the MCP specification has it, one sign-in for each person and server. */
export interface SignIns {
  readonly credentials: Credentials;
  /** Endpoints on the gateway's port; undefined: the path is none of them. */
  endpoint(path: string): ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined;
  state(entry: ServerEntry): SignInState | undefined;
  /** The address on this machine at which the person begins; good for ten minutes. */
  begin(entry: ServerEntry): Promise<{ url: string }>;
  /** Resolves when the sign-in that is wanted there has ended; true: with a token. */
  until(server: string, signal: AbortSignal): Promise<boolean>;
  /** Forgets the sign-in and has it revoked (RFC 7009), later where that cannot be reached now. */
  signOut(server: string): Promise<void>;
  /** The bundle or the person has changed: sign-ins at servers that are no more there, or are elsewhere, end. */
  follow(entries: readonly ServerEntry[]): Promise<void>;
  /** The person signs out of Gatehouse: all of theirs end. */
  leave(): Promise<void>;
  close(): void;
}

export interface SignInOptions {
  vault: Vault;
  log: Log;
  now(): number;
  /** Origin of the gateway, spelt with `host`. */
  origin(host: '127.0.0.1' | 'localhost'): string;
  /** Who is signed in: `sub` as upstream calls name them, `account` for the vault; undefined: nobody. */
  person(): { sub: string; account: string } | undefined;
  entry(server: string): ServerEntry | undefined;
  /** Of the client that the company states for a server; undefined: it is a public one. Rejects where it has one that is not there. */
  clientSecret?(entry: ServerEntry): Promise<string | undefined>;
  changed(): void;
  /** A server is to be connected to anew. */
  reset(server: string): void;
}

export function openSignIns(options: SignInOptions): SignIns {
  const { vault, log, now } = options;
  const tickets = new Tickets(now);
  const revocations = openRevocations({
    vault,
    name: 'upstream-revocations',
    log,
    most: 200,
    revoke: async (text) =>
      await revoke(JSON.parse(text) as Kept).catch((error: unknown) => {
        if (told(error) === 'it could not be reached') throw error;
        log.warn({ reason: told(error) }, 'a server refused to revoke a sign-in');
      }),
  });
  let present: { account: string; store: Promise<Store>; opened: Store | undefined } | undefined;
  const refreshing = openRefreshing({
    now,
    log,
    changed: options.changed,
    dropped: (kept) => void revocations.add(JSON.stringify(kept)),
  });

  function storeOf(account: string) {
    if (present?.account === account) return present;
    tickets.clear();
    refreshing.clear();
    const mine = { account, store: openStore(vault, account, log), opened: undefined as Store | undefined };
    present = mine;
    mine.store.then(
      (store) => {
        mine.opened = store;
        options.changed();
      },
      // A vault that is locked may be unlocked: the next one to ask tries again.
      () => present === mine && (present = undefined),
    );
    return mine;
  }

  const needed = (entry: ServerEntry, account: string, why: string, wants: Parameters<Tickets['for']>[2] = {}): SignInNeeded => {
    const fresh = tickets.of(entry.id) === undefined;
    const ticket = tickets.for(entry.id, account, wants);
    if (fresh) options.changed();
    return new SignInNeeded(why, linkOf(entry, ticket.id));
  };
  const linkOf = (entry: ServerEntry, id: string): string => `${options.origin(hostOf(entry))}${ticketPath}${id}`;

  const headers = openHeaders({ now, tickets, refreshing, needed });

  async function enter(id: string): Promise<Next> {
    const ticket = tickets.byId(id);
    const entry = ticket && options.entry(ticket.server);
    const who = options.person();
    if (!ticket || !isOAuth(entry) || who?.account !== ticket.account) return nothing(404);
    ticket.visits++;
    try {
      const store = await storeOf(ticket.account).store;
      const flow = await begin({
        entry,
        auth: entry.auth,
        redirectUri: `${options.origin(hostOf(entry))}${callbackPath}${entry.id}`,
        heard: ticket.heard,
        scope: ticket.scope,
        before: store.servers.get(entry.id),
        secret: await options.clientSecret?.(entry),
        anew: ticket.visits > 1,
      });
      ticket.flow = flow;
      options.changed();
      return { to: flow };
    } catch (error) {
      log.warn({ server: entry.id, reason: told(error) }, 'a sign-in at a server could not begin');
      return failed(entry, error);
    }
  }

  async function leave(server: string, state: string, browser: string | undefined, query: string): Promise<Page> {
    const ticket = tickets.of(server);
    const flow = ticket?.flow;
    const entry = options.entry(server);
    if (!ticket || !flow || !isOAuth(entry) || !same(flow.state, state) || !same(flow.browser, browser ?? '')) return nothing(400);
    if (options.person()?.account !== ticket.account) return nothing(400);
    ticket.flow = undefined;
    try {
      const kept = await flow.finish(new URL(flow.redirectUri + query), now);
      const store = await storeOf(ticket.account).store;
      if (kept.url !== options.entry(server)?.url || options.person()?.account !== ticket.account)
        throw new Failure('conflict', 'Somebody else is signed in now.', 'Start the sign-in again.');
      const before = store.servers.get(server);
      refreshing.forget(server);
      await store.set(server, kept);
      if (before) void revocations.add(JSON.stringify(before));
      options.reset(server);
      ticket.end(true);
      return { status: 200, title: `You are signed in to ${entry.title}`, text: 'You can close this tab. What waited for it goes on.' };
    } catch (error) {
      log.warn({ server, reason: told(error) }, 'a sign-in at a server failed');
      return failed(entry, error);
    } finally {
      options.changed();
    }
  }

  async function end(store: Store, server: string): Promise<void> {
    const kept = store.servers.get(server);
    refreshing.forget(server);
    tickets.of(server)?.end(false);
    if (!kept) return;
    await store.set(server, undefined);
    await revocations.add(JSON.stringify(kept));
  }

  void revocations.flush();
  return {
    credentials: {
      headers(entry, sub, _signal, refused) {
        const who = options.person();
        if (!isOAuth(entry) || who?.sub !== sub) return Promise.reject(new Error('you are not signed in to Gatehouse'));
        const { opened, store } = storeOf(who.account);
        const asked = { entry, account: who.account, refused };
        return opened ? headers(opened, asked) : store.then((read) => headers(read, asked));
      },
    },
    endpoint: doors({ enter, leave }),
    state(entry) {
      const who = options.person();
      if (!isOAuth(entry) || !who) return undefined;
      const { opened } = storeOf(who.account);
      if (!opened) return { state: 'unknown' };
      const kept = keptAt(opened, entry);
      if (!kept || refreshing.isOver(kept)) return { state: tickets.of(entry.id)?.flow ? 'signing-in' : 'signed-out' };
      const until = kept.refreshToken === undefined ? kept.expiresAt : undefined;
      return {
        state: 'signed-in',
        ...(kept.account === undefined ? {} : { account: kept.account }),
        ...(until === undefined ? {} : { until }),
      };
    },
    async begin(entry) {
      const who = options.person();
      if (!isOAuth(entry)) throw new Failure('bad-input', `${entry.title} has no sign-in of its own.`, 'See "gatehouse servers".');
      if (!who) throw new Failure('signed-out', 'You are not signed in.', 'Sign in to Gatehouse first.');
      await storeOf(who.account).store;
      const { id } = tickets.for(entry.id, who.account, {});
      return { url: linkOf(entry, id) };
    },
    async until(server, signal) {
      const ticket = tickets.of(server);
      if (!ticket) return false;
      const gone = Promise.withResolvers<boolean>();
      const stop = () => gone.resolve(false);
      signal.addEventListener('abort', stop, { once: true });
      try {
        return await (signal.aborted ? false : Promise.race([ticket.done, gone.promise]));
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    async signOut(server) {
      const who = options.person();
      if (!who) return;
      await end(await storeOf(who.account).store, server);
      options.reset(server);
      options.changed();
    },
    async follow(entries) {
      const who = options.person();
      if (!who) return;
      const store = await storeOf(who.account).store;
      const there = new Map(entries.map((entry) => [entry.id, entry]));
      for (const [id, kept] of [...store.servers]) {
        const entry = there.get(id);
        if (!isOAuth(entry) || entry.url !== kept.url) await end(store, id);
      }
    },
    async leave() {
      const leaving = present;
      tickets.clear();
      if (!leaving) return;
      const store = await leaving.store;
      for (const id of [...store.servers.keys()]) await end(store, id);
      if (present === leaving) present = undefined;
    },
    close() {
      tickets.clear();
      revocations.close();
    },
  };
}

const isOAuth = (entry: ServerEntry | undefined): entry is OAuthEntry => entry?.auth.type === 'oauth' && entry.url !== undefined;
const hostOf = ({ auth }: ServerEntry): '127.0.0.1' | 'localhost' =>
  auth.type === 'oauth' ? (auth.redirectHost ?? '127.0.0.1') : '127.0.0.1';
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

function failed(entry: ServerEntry, error: unknown): Page {
  const text =
    error instanceof Failure
      ? `${error.message} ${error.fix ?? ''}`
      : `The authorization server said: ${told(error)}. Go back to Gatehouse and start the sign-in again.`;
  return { status: 400, title: `The sign-in to ${entry.title} did not work`, text };
}
