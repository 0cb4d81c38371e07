import { randomUUID } from 'node:crypto';
import type { Id, JsonObject } from '../../protocol/jsonrpc.ts';
import type { Outcome, Upstream } from '../../upstreams/upstream.ts';
import { type Address, addressAt } from '../catalogue/address.ts';
import type { Stream } from '../http/answer.ts';
import { type EventLog, EventStore, EventStoreBudget } from '../http/event-store.ts';
import type { KeptSession } from './session-file.ts';

/** A subscription: the resource as its upstream names it, the connection that it is held on, and how to let go. */
export interface Held {
  server: string;
  uri: string;
  on: Upstream;
  release: () => void;
}

/** A legacy session (specification 2025-11-25, "Session Management"). Its id names it and never authenticates: each request brings its own bearer. */
export interface Session {
  readonly id: string;
  readonly agent: string;
  /** The address it was opened at: it is valid there only. */
  readonly address: Address;
  readonly version: string;
  readonly capabilities: JsonObject;
  readonly clientInfo: { name: string; version: string };
  logLevel: string | undefined;
  /** The GET stream. One: a message goes out on one stream only, and the newest is the one that is read. */
  stream: Stream | undefined;
  /** The event log of the GET streams: what is said while none is open waits in it until the agent comes back. */
  track: EventLog | undefined;
  readonly events: EventStore;
  /** It lived through a restart of ours: what its agent listed may be out of date. */
  restored: boolean;
  /** By the key of the request's id (`idKey`). */
  readonly inFlight: Map<string | number, AbortController>;
  /** What the gateway asked the agent and waits for. */
  readonly asked: Map<Id, (outcome: Outcome) => void>;
  /** URI as the agent knows it -> how to let go of it. */
  readonly subscriptions: Map<string, Held>;
  /** Subscriptions of before a restart, to be made again as soon as there are rules to decide them by. */
  resume: string[];
  lastUsed: number;
  /** It has ended: what comes for it now comes too late. */
  over: boolean;
}

const maxPerAgent = 256;
/** Long enough for a laptop that sleeps over a holiday: many agents never recover from a session that is gone. */
const idleMs = 14 * 24 * 60 * 60 * 1000;
const saveAfterMs = 250;

export class Sessions {
  readonly #byId = new Map<string, Session>();
  readonly #budget = new EventStoreBudget();
  /** Calls of modern agents, which have no session that could be ended. */
  readonly #calls = new Set<{ agent: string; call: AbortController }>();
  readonly #onEnd: (session: Session) => void;
  readonly #save: (sessions: KeptSession[]) => void;
  #saving: NodeJS.Timeout | undefined;

  /** `kept`: the sessions of before a restart. `save` is given all of them, a moment after one began, changed or ended. */
  constructor(options: { onEnd: (session: Session) => void; kept?: KeptSession[]; save?: (sessions: KeptSession[]) => void }) {
    this.#onEnd = options.onEnd;
    this.#save = options.save ?? (() => {});
    for (const { uris, logLevel, path, ...rest } of options.kept ?? []) {
      const address = addressAt(path);
      if (address) this.#byId.set(rest.id, { ...rest, ...fresh(this.#budget), address, logLevel, resume: uris, restored: true });
    }
  }

  /** Something that is kept over a restart has changed. */
  changed(): void {
    this.#saving ??= setTimeout(() => this.save(), saveAfterMs).unref();
  }

  save(): void {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    this.#save(
      this.all().map(({ id, agent, address, version, capabilities, clientInfo, logLevel, subscriptions, resume, lastUsed }) => ({
        ...{ id, agent, path: address.path, version, capabilities, clientInfo, lastUsed },
        ...(logLevel === undefined ? {} : { logLevel }),
        uris: [...subscriptions.keys(), ...resume],
      })),
    );
  }

  open(start: Pick<Session, 'agent' | 'address' | 'version' | 'capabilities' | 'clientInfo'>, now: number): Session {
    this.#makeRoom(start.agent, now);
    const session: Session = {
      ...start,
      ...fresh(this.#budget),
      id: randomUUID(),
      lastUsed: now,
    };
    this.#byId.set(session.id, session);
    this.changed();
    return session;
  }

  /** Another agent's session, or one of another address, is treated as unknown. */
  find(id: string, agent: string, address: Address, now: number): Session | undefined {
    const session = this.#byId.get(id);
    if (session?.agent !== agent || session.address.path !== address.path) return undefined;
    session.lastUsed = now;
    return session;
  }

  end(session: Session): void {
    if (!this.#byId.delete(session.id)) return;
    this.#stop(session);
    this.#onEnd(session);
    this.changed();
  }

  /** Takes back all open questions to the agents. */
  unask(sessions = this.all(), message = 'Somebody else is signed in now.'): void {
    for (const { asked } of sessions) for (const settle of asked.values()) settle({ error: { code: -32603, message } });
  }

  #stop(session: Session): void {
    session.over = true;
    for (const controller of session.inFlight.values()) controller.abort();
    this.unask([session], 'The session has ended.');
    for (const { release } of session.subscriptions.values()) release();
    session.stream?.end();
    session.events.close();
  }

  /** Ends what is going on in them and keeps them for the next start. */
  close(): void {
    this.save();
    for (const session of this.all()) this.#stop(session);
    this.#byId.clear();
  }

  /** Aborts the call when its agent loses access, until the returned function is called. */
  calling(agent: string, call: AbortController): () => void {
    const entry = { agent, call };
    this.#calls.add(entry);
    return () => this.#calls.delete(entry);
  }

  endOf(agent: string): void {
    for (const session of this.all()) if (session.agent === agent) this.end(session);
    for (const entry of this.#calls) if (entry.agent === agent) entry.call.abort();
  }

  all(): Session[] {
    return [...this.#byId.values()];
  }

  // A program that opens sessions and forgets them must not fill our memory. A session in use goes last, however long ago it began.
  #makeRoom(agent: string, now: number): void {
    const own: { session: Session; busy: boolean }[] = [];
    for (const session of this.#byId.values()) {
      const busy = session.stream?.open === true || session.inFlight.size > 0;
      if (!busy && now - session.lastUsed > idleMs) this.end(session);
      else if (session.agent === agent) own.push({ session, busy });
    }
    if (own.length < maxPerAgent) return;
    own.sort((a, b) => Number(a.busy) - Number(b.busy) || a.session.lastUsed - b.session.lastUsed);
    this.end(own[0]!.session);
  }
}

/** What does not outlive a restart. */
const fresh = (budget: EventStoreBudget) => ({
  logLevel: undefined,
  stream: undefined,
  track: undefined,
  events: new EventStore(budget),
  restored: false,
  inFlight: new Map<string | number, AbortController>(),
  asked: new Map<Id, (outcome: Outcome) => void>(),
  subscriptions: new Map<string, Held>(),
  resume: [] as string[],
  over: false,
});
