import { createHash, timingSafeEqual } from 'node:crypto';
import { Failure } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Page } from '../../base/page.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { Given } from './discovery.ts';
import { begin } from './flows.ts';
import { fits, type OAuthEntry } from './headers.ts';
import type { Kept, Store } from './kept.ts';
import { type BrowserSteps, callbackPath, nothing } from './pages.ts';
import type { Ticket, Tickets } from './tickets.ts';
import { isUnknownClient, told } from './tokens.ts';

/** Browsers that may begin one sign-in: each one costs requests. */
const mostVisits = 20;

/** What becomes of browsers at the two addresses of a sign-in. */
export function browserSteps(options: {
  log: Log;
  now(): number;
  tickets: Tickets;
  account(): string | undefined;
  entry(server: string): OAuthEntry | undefined;
  origin(entry: ServerEntry): string;
  secrets(entry: ServerEntry): Promise<Given>;
  store(account: string): Promise<Store>;
  /** A token that is not kept. */
  drop(kept: Kept): void;
  /** A sign-in was kept in the place of `before`. */
  kept(server: string, kept: Kept, before: Kept | undefined): void;
  changed(): void;
}): BrowserSteps {
  const { log, now, tickets, changed } = options;
  /** Servers at which the last sign-in did not come to an end: the client may not be known there any more, so another one is registered. */
  const doubtful = new Set<string>();

  /** The entry of a ticket that is still good. */
  const entryOf = (ticket: Ticket | undefined): OAuthEntry | undefined =>
    ticket && options.account() === ticket.account ? options.entry(ticket.server) : undefined;

  return {
    async begin(id) {
      const ticket = tickets.find((one) => one.id === id);
      const entry = entryOf(ticket);
      if (!ticket || !entry) return nothing(404);
      if (++ticket.visits > mostVisits) return nothing(429);
      try {
        const before = (await options.store(ticket.account)).servers.get(entry.id);
        const reusable = before?.client.registered === true && entry.auth.clientId === undefined && !doubtful.delete(entry.id);
        const known = ticket.client ?? (reusable ? { issuer: before.metadata.issuer, client: before.client } : undefined);
        const secrets = await options.secrets(entry);
        // Whose they are may have changed meanwhile.
        if (entryOf(ticket) !== entry) return nothing(404);
        const flow = await begin({
          entry,
          auth: entry.auth,
          redirectUri: `${options.origin(entry)}${callbackPath}${entry.id}`,
          heard: ticket.heard,
          scope: ticket.scope,
          known,
          secrets,
        });
        ticket.client = { issuer: flow.issuer, client: flow.client };
        ticket.flows.set(flow.state, flow);
        if (ticket.visits === 1) void ticket.done.then((signedIn) => signedIn || doubtful.add(entry.id));
        changed();
        return { to: flow };
      } catch (error) {
        log.warn({ server: entry.id, reason: told(error) }, 'a sign-in at a server could not begin');
        return failed(entry, error);
      }
    },
    async callback(server, state, browser, query) {
      const ticket = tickets.of(server);
      const flow = ticket?.flows.get(state);
      const entry = entryOf(ticket);
      if (!ticket || !flow || !entry || !same(flow.browser, browser ?? '')) return nothing(400);
      ticket.flows.delete(state);
      try {
        const kept = await flow.finish(new URL(flow.redirectUri + query), now);
        const store = await options.store(ticket.account);
        // Meanwhile the person, the server or what the person wants may have changed.
        const present = entryOf(ticket);
        if (tickets.of(server) !== ticket || !present || !fits(kept, present)) {
          options.drop(kept);
          throw new Failure('conflict', 'This sign-in was ended meanwhile.', 'Start it again.');
        }
        const before = store.servers.get(server);
        await store.set(server, kept);
        options.kept(server, kept, before);
        ticket.end(true);
        return { status: 200, title: `You are signed in to ${entry.title}`, text: 'You can close this tab. What waited for it goes on.' };
      } catch (error) {
        if (isUnknownClient(error)) ticket.client = undefined;
        log.warn({ server, reason: told(error) }, 'a sign-in at a server failed');
        return failed(entry, error);
      } finally {
        changed();
      }
    },
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

function failed(entry: ServerEntry, error: unknown): Page {
  const text =
    error instanceof Failure
      ? `${error.message} ${error.fix ?? ''}`
      : `The authorization server said: ${told(error)}. Go back to Gatehouse and start the sign-in again.`;
  return { status: 400, title: `The sign-in to ${entry.title} did not work`, text };
}
