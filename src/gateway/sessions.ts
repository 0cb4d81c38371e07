import { randomUUID } from 'node:crypto';
import type { Stream } from './answer.ts';
import type { Id } from './jsonrpc.ts';
import type { JsonObject, Outcome } from './upstreams/upstream.ts';

/** A legacy session (specification 2025-11-25, "Session Management"). Its id names it and never authenticates: each request brings its own bearer. */
export interface Session {
  readonly id: string;
  readonly agent: string;
  /** The address it was opened at: a session of one address is none of another. */
  readonly scope: string;
  readonly version: string;
  readonly capabilities: JsonObject;
  readonly clientInfo: { name: string; version: string };
  logLevel: string | undefined;
  /** The GET stream. One: a message goes out on one stream only, and the newest is the one that is read. */
  stream: Stream | undefined;
  readonly inFlight: Map<Id, AbortController>;
  /** What the gateway asked the agent and waits for. */
  readonly asked: Map<Id, (outcome: Outcome) => void>;
  /** URI as the agent knows it -> how to let go of it. */
  readonly subscriptions: Map<string, { server: string; uri: string; release: () => void }>;
  lastUsed: number;
}

const maxPerAgent = 256;
const idleMs = 8 * 60 * 60 * 1000;

export class Sessions {
  readonly #byId = new Map<string, Session>();
  readonly #onEnd: (session: Session) => void;

  constructor(onEnd: (session: Session) => void) {
    this.#onEnd = onEnd;
  }

  open(start: Pick<Session, 'agent' | 'scope' | 'version' | 'capabilities' | 'clientInfo'>, now: number): Session {
    this.#makeRoom(start.agent, now);
    const session: Session = {
      ...start,
      id: randomUUID(),
      logLevel: undefined,
      stream: undefined,
      inFlight: new Map(),
      asked: new Map(),
      subscriptions: new Map(),
      lastUsed: now,
    };
    this.#byId.set(session.id, session);
    return session;
  }

  /** Another agent's session, or one of another address, is as unknown as none. */
  find(id: string, agent: string, scope: string, now: number): Session | undefined {
    const session = this.#byId.get(id);
    if (session?.agent !== agent || session.scope !== scope) return undefined;
    session.lastUsed = now;
    return session;
  }

  end(session: Session): void {
    if (!this.#byId.delete(session.id)) return;
    for (const controller of session.inFlight.values()) controller.abort();
    for (const settle of session.asked.values()) settle({ error: { code: -32603, message: 'The session has ended.' } });
    for (const { release } of session.subscriptions.values()) release();
    session.stream?.end();
    this.#onEnd(session);
  }

  endOf(agent: string): void {
    for (const session of this.all()) if (session.agent === agent) this.end(session);
  }

  all(): Session[] {
    return [...this.#byId.values()];
  }

  // A program that opens sessions and forgets them must not fill our memory: idle ones go first, then the longest unused.
  #makeRoom(agent: string, now: number): void {
    const own: Session[] = [];
    for (const session of this.#byId.values()) {
      const busy = session.stream?.open === true || session.inFlight.size > 0;
      if (!busy && now - session.lastUsed > idleMs) this.end(session);
      else if (session.agent === agent) own.push(session);
    }
    if (own.length < maxPerAgent) return;
    own.sort((a, b) => a.lastUsed - b.lastUsed);
    this.end(own[0]!);
  }
}
