import { randomBytes, randomUUID } from 'node:crypto';
import { type Challenge, union } from './challenge.ts';
import type { Client } from './client.ts';
import type { Flow } from './flows.ts';

/** Milliseconds that a person has for one sign-in (MCP security best practices: a state lives ten minutes at most). */
export const signInMs = 600_000;

/** One sign-in that is wanted at one upstream. Its address on this machine is what people and agents get; the browser goes on from there. */
export interface Ticket {
  /** Part of its address: whoever has it can begin. */
  readonly id: string;
  /** Names it to those who wait. */
  readonly name: string;
  readonly server: string;
  /** For whom: it is worthless once somebody else is signed in. */
  readonly account: string;
  /** The server as the company states it: one that moves begins anew. */
  readonly stated: string;
  readonly until: number;
  /** What has to be asked for besides. */
  scope: string;
  heard: Challenge | undefined;
  /** The authorization requests that browsers began, by `state`. */
  readonly flows: Map<string, Flow>;
  /** The client of the first of them: one is enough. */
  client: { issuer: string; client: Client } | undefined;
  /** How often a browser came. */
  visits: number;
  readonly done: Promise<boolean>;
  end(signedIn: boolean): void;
}

/** At most one for each upstream. */
export class Tickets {
  readonly #all = new Map<string, Ticket>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The one that there is, widened, or a new one. */
  for(server: string, account: string, wants: { scope?: string; heard?: Challenge; stated?: string }): Ticket {
    let ticket = this.of(server);
    const { stated = '' } = wants;
    if (!ticket || ticket.account !== account || ticket.stated !== stated) {
      ticket?.end(false);
      ticket = this.#open(server, account, stated);
    }
    if (wants.scope !== undefined) ticket.scope = union(ticket.scope, wants.scope);
    ticket.heard = wants.heard ?? ticket.heard;
    return ticket;
  }

  #open(server: string, account: string, stated: string): Ticket {
    const { promise: done, resolve } = Promise.withResolvers<boolean>();
    const end = (signedIn: boolean) => {
      clearTimeout(timer);
      if (this.#all.get(server) === ticket) this.#all.delete(server);
      resolve(signedIn);
    };
    const timer = setTimeout(() => end(false), signInMs).unref();
    const ticket: Ticket = {
      id: randomBytes(24).toString('base64url'),
      name: randomUUID(),
      server,
      account,
      stated,
      until: this.#now() + signInMs,
      scope: '',
      heard: undefined,
      flows: new Map(),
      client: undefined,
      visits: 0,
      done,
      end,
    };
    this.#all.set(server, ticket);
    return ticket;
  }

  of(server: string): Ticket | undefined {
    const ticket = this.#all.get(server);
    if (ticket && this.#now() >= ticket.until) ticket.end(false);
    return this.#all.get(server);
  }

  find(is: (ticket: Ticket) => boolean): Ticket | undefined {
    for (const ticket of this.#all.values()) if (is(ticket)) return this.of(ticket.server);
    return undefined;
  }

  all(): Ticket[] {
    return [...this.#all.values()];
  }

  clear(): void {
    for (const ticket of [...this.#all.values()]) ticket.end(false);
  }
}
