import type { IncomingMessage, ServerResponse } from 'node:http';
import { Failure } from '../../base/errors.ts';
import type { Vault } from '../../base/host.ts';
import type { Log } from '../../base/log.ts';
import { openRevocations } from '../../base/revocation.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { SignInNeeded } from '../upstream.ts';
import { browserSteps } from './browser.ts';
import { type Given, nothingGiven } from './discovery.ts';
import { fits, keptAt, type OAuthEntry, openHeaders } from './headers.ts';
import { type Kept, openStore, type Store } from './kept.ts';
import { endpoints, ticketPath } from './pages.ts';
import { openRefreshing } from './refreshing.ts';
import { Tickets } from './tickets.ts';
import { isFinal, revoke, told } from './tokens.ts';

/** How a person stands with an upstream that has sign-ins of its own. */
export interface SignInState {
  /** `unknown`: the vault has not been opened yet, or cannot be opened now. */
  state: 'unknown' | 'signed-out' | 'signing-in' | 'signed-in';
  /** As the server's authorization server names the person, where it does. */
  account?: string;
  /** There is one, and the server wants another: it refused something, or wants the person to allow more. */
  wanted?: true;
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
  /** Resolves when the sign-in that a `SignInNeeded` spoke of is not wanted any more. False: it ended without a token while this waited. */
  until(ticket: string, signal: AbortSignal): Promise<boolean>;
  /** Forgets the sign-in and has it revoked (RFC 7009), later where that cannot be reached now. Rejects where it is still in the vault. */
  signOut(server: string): Promise<void>;
  /** A secret of a server is another one, or is gone: a sign-in of the client that it belongs to ends, since it has a copy. Rejects as `signOut` does. */
  secretChanged(server: string, name: string): Promise<void>;
  /** The bundle or the person has changed: sign-ins at servers that are no more there, or are elsewhere, end. */
  follow(entries: readonly ServerEntry[]): Promise<void>;
  /** No rules hold at present: nobody waits for a sign-in any more. */
  pause(): void;
  /** The person signs out of Gatehouse: all of theirs end. `account`: where nobody is present any more. */
  leave(account?: string): Promise<void>;
  /** Resolves when what is under way is stored. */
  close(): Promise<void>;
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
  /** What people supply for a server. Rejects where something is not there; absent: nothing is. */
  secrets?(entry: ServerEntry): Promise<Given>;
  changed(): void;
  /** A server is to be connected to anew. */
  reset(server: string): void;
}

export function openSignIns(options: SignInOptions): SignIns {
  const { vault, log, now, changed } = options;
  const tickets = new Tickets(now);
  const revocations = openRevocations({
    vault,
    name: 'upstream-revocations',
    log,
    most: 200,
    revoke: async (text) =>
      await revoke(JSON.parse(text) as Kept).catch((error: unknown) => {
        if (!isFinal(error)) throw error;
        log.warn({ reason: told(error) }, 'a server refused to revoke a sign-in');
      }),
  });
  const drop = (...kept: Kept[]): Promise<void> => revocations.add(...kept.map((one) => JSON.stringify(one)));
  const refreshing = openRefreshing({ now, log, changed, dropped: (kept) => void drop(kept) });

  /** One for each person that was here: a refresh of theirs may still be under way. */
  const stores = new Map<string, { reading: Promise<Store>; read: Store | undefined }>();
  let present: string | undefined;
  function storeOf(account: string) {
    // What one person was asked is not for the next one to answer.
    if (present !== account) tickets.clear();
    present = account;
    const found = stores.get(account);
    if (found) return found;
    const mine = { reading: openStore(vault, account, log), read: undefined as Store | undefined };
    stores.set(account, mine);
    mine.reading.then(
      (store) => {
        mine.read = store;
        changed();
      },
      // A vault that is locked may be unlocked: the next one to ask tries again.
      () => stores.get(account) === mine && stores.delete(account),
    );
    return mine;
  }

  const originOf = ({ auth }: ServerEntry): string =>
    options.origin((auth.type === 'oauth' ? auth.redirectHost : undefined) ?? '127.0.0.1');
  const statedAs = ({ url, auth }: ServerEntry): string => JSON.stringify([url, auth]);
  function ticketFor(entry: ServerEntry, account: string, wants: Parameters<Tickets['for']>[2]): { url: string; name: string } {
    const fresh = tickets.of(entry.id) === undefined;
    const { id, name } = tickets.for(entry.id, account, { ...wants, stated: statedAs(entry) });
    if (fresh) changed();
    return { url: `${originOf(entry)}${ticketPath}${id}`, name };
  }
  const headers = openHeaders({
    now,
    tickets,
    refreshing,
    needed(entry, account, why, wants = {}) {
      const { url, name } = ticketFor(entry, account, wants);
      return new SignInNeeded(why, url, name);
    },
  });

  /** Not in use from now on; whether the vault took it shows in the promise. */
  async function end(store: Store, servers: string[]): Promise<void> {
    const ended = servers.flatMap((server) => store.servers.get(server) ?? []);
    for (const server of servers) tickets.of(server)?.end(false);
    if (ended.length === 0) return;
    const removed = store.remove(...servers);
    void removed.catch(() => {}).then(() => drop(...ended));
    await removed;
  }

  async function signOut(server: string): Promise<void> {
    const who = options.person();
    if (!who) return;
    try {
      await end(await storeOf(who.account).reading, [server]);
    } finally {
      options.reset(server);
      changed();
    }
  }

  void revocations.flush();
  return {
    credentials: {
      headers(entry, sub, _signal, refused) {
        const who = options.person();
        if (!isOAuth(entry) || who?.sub !== sub) return Promise.reject(new Error('you are not signed in to Gatehouse'));
        const { read, reading } = storeOf(who.account);
        const asked = { entry, account: who.account, refused };
        return read ? headers(read, asked) : reading.then((store) => headers(store, asked));
      },
    },
    endpoint: endpoints(
      browserSteps({
        log,
        now,
        tickets,
        changed,
        account: () => options.person()?.account,
        entry(server) {
          const entry = options.entry(server);
          return isOAuth(entry) ? entry : undefined;
        },
        origin: originOf,
        secrets: async (entry) => (await options.secrets?.(entry)) ?? nothingGiven,
        store: (account) => storeOf(account).reading,
        drop: (kept) => void drop(kept),
        kept(server, kept, before) {
          // At one authorization server, some end the new sign-in with the old one: they keep one grant for a person and a client.
          const same = before?.metadata.issuer === kept.metadata.issuer && before.client.clientId === kept.client.clientId;
          if (before && !same) void drop(before);
          options.reset(server);
        },
      }),
    ),
    state(entry) {
      const who = options.person();
      if (!isOAuth(entry) || !who) return undefined;
      const { read } = storeOf(who.account);
      if (!read) return { state: 'unknown' };
      const kept = keptAt(read, entry);
      const ticket = tickets.of(entry.id);
      if (!kept || refreshing.isOver(kept)) return { state: ticket && ticket.flows.size > 0 ? 'signing-in' : 'signed-out' };
      const until = kept.refreshToken === undefined ? kept.expiresAt : undefined;
      return {
        state: 'signed-in',
        ...(ticket?.heard === undefined ? {} : { wanted: true }),
        ...(kept.account === undefined ? {} : { account: kept.account }),
        ...(until === undefined ? {} : { until }),
      };
    },
    async begin(entry) {
      const who = options.person();
      if (!isOAuth(entry)) throw new Failure('bad-input', `${entry.title} has no sign-in of its own.`, 'See "gatehouse servers".');
      if (!who) throw new Failure('signed-out', 'You are not signed in.', 'Sign in to Gatehouse first.');
      await storeOf(who.account).reading;
      return { url: ticketFor(entry, who.account, {}).url };
    },
    async until(wanted, signal) {
      if (signal.aborted) return false;
      const ticket = tickets.find(({ name }) => name === wanted);
      if (!ticket) return true;
      const gone = Promise.withResolvers<boolean>();
      const stop = () => gone.resolve(false);
      signal.addEventListener('abort', stop, { once: true });
      try {
        return await Promise.race([ticket.done, gone.promise]);
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    signOut,
    async secretChanged(server, name) {
      const auth = options.entry(server)?.auth;
      if (auth?.type === 'oauth' && auth.clientSecret === name) await signOut(server);
    },
    async follow(entries) {
      const there = new Map(entries.map((entry) => [entry.id, entry]));
      for (const ticket of tickets.all()) {
        const entry = there.get(ticket.server);
        if (!entry || statedAs(entry) !== ticket.stated) ticket.end(false);
      }
      const who = options.person();
      if (!who) return;
      const store = await storeOf(who.account).reading;
      const gone = [...store.servers].filter(([id, kept]) => !there.has(id) || !fits(kept, there.get(id)!)).map(([id]) => id);
      await end(store, gone);
    },
    pause: () => tickets.clear(),
    async leave(account = options.person()?.account ?? present) {
      tickets.clear();
      if (account === undefined) return;
      const store = await storeOf(account).reading;
      await end(store, [...store.servers.keys()]);
      stores.delete(account);
    },
    async close() {
      tickets.clear();
      await refreshing.settled();
      revocations.close();
    },
  };
}

const isOAuth = (entry: ServerEntry | undefined): entry is OAuthEntry => entry?.auth.type === 'oauth' && entry.url !== undefined;
