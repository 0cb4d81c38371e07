import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Bundle } from '../bundle/schema.ts';
import { ownRules } from '../contract/rule-ids.ts';
import type { Policy } from '../policy/policy.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Peer } from '../upstreams/upstream.ts';
import { type Address, ofServer } from './catalogue/address.ts';
import { type Directory, openDirectory } from './catalogue/directory.ts';
import { openSurface, type Surface, surfaceKey } from './catalogue/surface.ts';
import { recordCut } from './cut.ts';
import type { Entrance } from './entrance.ts';
import type { AddressState } from './http/address.ts';
import { listener } from './listener.ts';
import type { SignIn } from './oauth/sign-in.ts';
import type { Call } from './pipeline/call.ts';
import type { CallContext } from './pipeline/call-context.ts';
import { pass } from './pipeline/compose.ts';
import { openLimiter } from './pipeline/limiter.ts';
import { openSeal } from './rounds/seal.ts';
import { openSuspendedCalls } from './rounds/suspended-calls.ts';
import { openTasks } from './rounds/tasks.ts';
import { openUsedStates } from './rounds/used-states.ts';
import { type Route, routes } from './routes.ts';
import { announce, resourceUpdated } from './wire/announce.ts';
import { openConversations } from './wire/conversations.ts';
import { openListenStream } from './wire/listening.ts';
import type { ListenStream, WireContext } from './wire/request.ts';
import { readSessions, writeSessions } from './wire/session-file.ts';
import { Sessions } from './wire/sessions.ts';
import { resubscribe, subscribe } from './wire/subscriptions.ts';

export interface GatewayOptions {
  /** Closed with the gateway. */
  entrance: Entrance;
  version: string;
  maxBodyBytes: number;
  maxDepth: number;
  /** Where sessions and the like are kept over a restart; absent: they end with us. */
  dataDir?: string;
  /** 32 bytes: seals the state that agents hand back between two rounds of a call. */
  stateKey: Uint8Array;
  agents: {
    /** `resource`: path of the address; a token may be good for one only. */
    verify(token: string, connection: object, resource: string): { name: string } | undefined;
    /** Whose requests are that come over a connection of a bridge; undefined: it is none. */
    bridged?(connection: object): ((resource: string) => { name: string } | undefined) | undefined;
    seen(agent: string, client: { name: string; version: string } | undefined, era: 'legacy' | 'modern'): void;
  };
  /** How agents sign in by themselves. */
  signIn: SignIn;
  upstream: CallContext['upstream'];
  /** Absent: no server has a sign-in of its own. */
  signedIn?: CallContext['signedIn'];
  /** Endpoints that others have on this port. */
  endpoint?: Route;
  forget(peerId: string): void;
  ledger: CallContext['ledger'];
  log: Log;
  now(): number;
  /** Requests wait for it: an agent that comes while the rules are being read must not be told that there are none. */
  settled?: Promise<void>;
}

/** What the company allows the person at present; undefined: nobody is signed in or no bundle holds. */
export interface Rules {
  bundle: Bundle;
  policy: Policy;
  person: string;
}

export interface Gateway {
  readonly port: number;
  /** The address that agents are told, whether or not the port is ours at present. */
  readonly url: string;
  /** Whether what agents send to the port arrives here; takes it where it has become free. */
  checkPort(): Promise<AddressState[]>;
  /** From now on each call is decided by these rules, and agents with a stream open hear what changed for them. */
  apply(rules: Rules | undefined, because?: CallContext['closed']): void;
  /** Tells agents what changed for them under the same rules: time has passed, or the bundle has aged. */
  recheck(): void;
  /** The person said otherwise what agents may reach: lists change, and what is subscribed to out of reach ends. */
  relimit(): void;
  resourceUpdated(server: string, params: JsonObject): void;
  /** Ends all that an agent has open: its credential was revoked. */
  dismiss(agent: string): void;
  /** Open sessions and subscriptions. */
  openOf(agent: string): number;
  /** A call of the person's own (command line, window): decided and recorded like an agent's. */
  callTool(agent: string, server: string, tool: string, args: JsonObject, signal: AbortSignal): Promise<JsonObject>;
  /** A connection that did not come over the port is served as if it had. */
  accept(connection: Socket): void;
  /** Nothing new is begun from now on, and whoever waits is cut. What is under way goes on until `close`. */
  leave(): void;
  close(): Promise<void>;
}

const signedOut: CallContext['closed'] = {
  rule: ownRules.signedOut,
  reason: 'Nobody is signed in. Ask the person to open Gatehouse and sign in, then try again.',
};

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  let rules: Rules | undefined;
  const kept = (name: string) => (options.dataDir === undefined ? undefined : join(options.dataDir, name));
  const used = openUsedStates(kept('used-states'), options.now(), options.log);
  const rounds = { seal: openSeal(options.stateKey, used), suspended: openSuspendedCalls(), tasks: openTasks() };
  const closed: CallContext = {
    ...rounds,
    policy: undefined,
    closed: signedOut,
    person: '',
    limiter: openLimiter({ concurrentCalls: 64, callsPerMinute: 0 }),
    upstream: options.upstream,
    signedIn: options.signedIn ?? (async () => false),
    asking: new Map(),
    present: () => context,
    ledger: options.ledger,
    now: options.now,
  };
  let context = closed;
  let directories = new Map<string, Directory>();
  let surfaces = new Map<string, Surface>();
  const listening = new Set<ListenStream>();
  const conversations = openConversations(kept('conversations.json'), options.log);
  let leaving = false;
  let settling = options.settled?.finally(() => {
    settling = undefined;
  });
  const leave = () => {
    leaving = true;
    port.leave();
  };
  const sessionsFile = kept('sessions.json');
  const sessions = new Sessions({
    onEnd: (session) => options.forget(session.id),
    ...(sessionsFile === undefined
      ? {}
      : {
          kept: readSessions(sessionsFile, options.log),
          save: (sessions) => {
            try {
              writeSessions(sessionsFile, sessions);
            } catch (error) {
              options.log.warn({ error: String(error) }, 'the sessions cannot be kept; agents will have to begin new ones after a restart');
            }
          },
        }),
  });

  const directory = (address: Address): Directory => {
    let cached = directories.get(address.path);
    if (!cached) {
      cached = openDirectory(rules?.bundle ?? ({ servers: [] } as unknown as Bundle), address);
      directories.set(address.path, cached);
    }
    return cached;
  };
  const surface = (address: Address, agent: string): Surface => {
    const key = surfaceKey(address, agent);
    let cached = surfaces.get(key);
    if (!cached) {
      cached = openSurface({ directory: directory(address), policy: rules?.policy, agent, address, version: options.version });
      surfaces.set(key, cached);
    }
    return cached;
  };

  const wire: WireContext = {
    sessions,
    context: () => context,
    surface,
    seen: (agent, client, era) => options.agents.seen(agent, client, era),
    conversation: (agent, address, client) => conversations.of(agent, address, client, options.now()),
    now: options.now,
    listen(incoming, stream, text, wishes) {
      const listenStream = openListenStream(incoming, stream, text, wishes);
      listening.add(listenStream);
      stream.onClose(() => listening.delete(listenStream));
      return listenStream;
    },
    subscribe: async (subscriber, seen, uri, until) => await subscribe(subscriber, seen, uri, context, until),
  };

  const port = options.entrance;
  const { unread } = port;
  port.serve(
    listener({
      port: () => port.number,
      routes: routes(
        {
          maxBodyBytes: options.maxBodyBytes,
          maxDepth: options.maxDepth,
          verify: (token, connection, resource) => options.agents.verify(token, connection, resource),
          ...(options.agents.bridged ? { bridged: options.agents.bridged } : {}),
          wire,
          unread,
          settling: () => settling,
          leaving: () => leaving,
          discoverable: (id, agent) => (rules ? rules.policy.canDiscover(id, agent).effect !== 'deny' : false),
        },
        options.signIn,
        options.endpoint,
      ),
      log: options.log,
    }),
    (cut, to) => recordCut(cut, to, context, options.log),
  );
  await port.check();

  const changed = (next: () => void): void => {
    const before = surfaces;
    next();
    directories = new Map();
    surfaces = new Map();
    announce({ sessions: sessions.all(), listening, before, surface, log: options.log });
  };

  const resubscribeAll = (): void => {
    for (const subscriber of [...sessions.all(), ...listening]) {
      if (subscriber.subscriptions.size + subscriber.resume.length === 0) continue;
      resubscribe(subscriber, surface(subscriber.address, subscriber.agent), context);
      sessions.changed();
    }
  };

  return {
    port: port.number,
    url: `http://127.0.0.1:${port.number}/mcp`,
    checkPort: port.check,
    apply(next, because = signedOut) {
      changed(() => {
        // What one person was asked is not for the next one to answer.
        if ((next?.person ?? '') !== context.person) {
          rounds.suspended.close();
          sessions.unask();
        }
        rules = next;
        context = next
          ? { ...closed, policy: next.policy, person: next.person, limiter: openLimiter(next.bundle.limits) }
          : { ...closed, closed: because };
      });
      // Without rules, subscriptions are kept: whoever signs in next may have the same again.
      if (next) resubscribeAll();
    },
    relimit() {
      changed(() => {});
      if (rules) resubscribeAll();
    },
    recheck: () => changed(() => {}),
    resourceUpdated: (id, params) => resourceUpdated({ sessions: sessions.all(), listening, context }, id, params),
    dismiss(agent) {
      sessions.endOf(agent);
      for (const listenStream of listening) if (listenStream.agent === agent) listenStream.finish();
      rounds.suspended.close(agent);
    },
    openOf(agent) {
      let open = 0;
      for (const session of sessions.all()) if (session.agent === agent) open++;
      for (const listenStream of listening) if (listenStream.agent === agent) open++;
      return open;
    },
    async callTool(agent, id, tool, args, signal) {
      const peer: Peer = {
        id: `local:${agent}`,
        era: 'legacy',
        capabilities: {},
        clientInfo: { name: 'gatehouse', version: options.version },
      };
      const address = ofServer(id);
      const listed = directory(address).find('tools', tool);
      const call: Call = {
        agent,
        peer,
        method: 'tools/call',
        params: { name: tool, arguments: args },
        asked: tool,
        target: listed && { owner: listed.owner, name: listed.name, action: 'call' },
        args,
        requestBytes: Buffer.byteLength(JSON.stringify(args)),
        directory: directory(address),
        signal,
      };
      const outcome = await pass(call, context);
      if ('error' in outcome) throw new Failure('not-found', outcome.error.message, 'See what you may use with "gatehouse tools".');
      return JSON.parse(typeof outcome.text === 'string' ? outcome.text : outcome.text!.join('')) as JsonObject;
    },
    accept: port.accept,
    leave,
    async close() {
      leave();
      // Before the streams end, so that the next start goes on with the sessions.
      sessions.close();
      conversations.close();
      for (const listenStream of listening) listenStream.finish();
      rounds.suspended.close();
      await port.close();
    },
  };
}
