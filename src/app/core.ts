import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openAdmission } from '../agents/bridged/admission.ts';
import { openConnections } from '../agents/clients/connections.ts';
import { openAgents } from '../agents/credentials/credentials.ts';
import { look } from '../agents/managed/look.ts';
import { thisSystem } from '../agents/managed/system.ts';
import { openAuthorization } from '../agents/oauth/authorization.ts';
import { openShadow } from '../agents/shadow/shadow.ts';
import { watchClock } from '../base/clock.ts';
import { Failure, toErrorValue } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { openListeners } from '../base/listeners.ts';
import type { View } from '../contract/view.ts';
import { addressAt, addressOf, merged } from '../gateway/catalogue/address.ts';
import { type Entrance, openEntrance } from '../gateway/entrance.ts';
import { openGateway } from '../gateway/gateway.ts';
import { openLedger } from '../ledger/ledger.ts';
import { happened, noteOf } from '../ledger/record.ts';
import { findHolder, inWords } from '../port/holder.ts';
import { ownPrograms } from '../port/owner.ts';
import { watchPort } from '../port/watch.ts';
import { openKnownEras } from '../upstreams/connection/known-eras-file.ts';
import { openLoginPath } from '../upstreams/local/login-path.ts';
import { openSignIns } from '../upstreams/oauth/sign-ins.ts';
import { openUpstreams } from '../upstreams/pool.ts';
import { openSecrets } from '../upstreams/secrets/secrets.ts';
import { givenFor } from '../upstreams/secrets/source.ts';
import { type AppState, accountOf, type CoreSettings, type Dispatch } from './app-state.ts';
import { type Bridges, bridgeOf, bridges } from './bridges.ts';
import { dispatcher } from './dispatch.ts';
import { endedInWords, followAgents } from './follow-agents.ts';
import { joinCompany } from './join.ts';
import { headKeeper, localKey } from './local-key.ts';
import { ownAgent } from './rows.ts';
import { upstreamCredentials } from './upstream-credentials.ts';
import { buildView, gatewayOf } from './view.ts';

export interface Core extends Bridges {
  dispatch: Dispatch;
  view(): View;
  /** Only this part of the View: a whole View asks for a decision on every tool, and a program that starts must not wait for that. */
  gateway(): View['gateway'];
  /** Calls back with the present View at once and with each new one, at most every 50 ms. */
  watch(listener: (view: View) => void): () => void;
  /** The machine slept, as far as the shell can tell; a jump of the clock says so, too. */
  wake(): void;
  close(): Promise<void>;
}

const viewEveryMs = 50;
/** How long agents that are already there wait for the company's rules at a start. After that they are told the present state. */
const settleMs = 5_000;
/** How long closing waits for local servers that do not end when they are asked to. */
const leavingMs = 1_000;

export async function openCore(options: { host: Host; settings: CoreSettings }): Promise<Core> {
  const { port, maxConnections, headerTimeoutMs } = options.settings;
  // First of all: agents from before the start are already there, and their requests are held from now on.
  const entrance = await openEntrance({ port, maxConnections, headersTimeoutMs: headerTimeoutMs });
  try {
    return await openBehind(entrance, options);
  } catch (error) {
    await entrance.close();
    throw error;
  }
}

async function openBehind(entrance: Entrance, options: { host: Host; settings: CoreSettings }): Promise<Core> {
  const { host, settings } = options;
  const { log, dataDir, now } = host;
  const agents = openAgents({ file: join(dataDir, 'agents.json'), now, log });
  const authorization = openAuthorization({
    file: join(dataDir, 'oauth-clients.json'),
    agents,
    resourceAt: (resource) => addressOf(resource, entrance.number)?.path,
    defaultResource: merged.path,
    reserved: [ownAgent],
    async listensAt(address, at) {
      const holder = await findHolder(address, at);
      return holder && inWords(holder);
    },
    note: (reason) => house.note(reason),
    own: { ...ownPrograms, peer: (from) => ownPrograms.peer(from, entrance.number) },
    changed: () => house.changed(),
    log,
    now,
  });
  const isAddress = (path: string) => addressAt(path) !== undefined;
  const admission = openAdmission({ pipes: authorization.pipes, grants: agents.grants, isAddress, now });
  const machine = { home: homedir(), env: process.env, platform: process.platform };
  const connections = openConnections({
    dir: dataDir,
    machine,
    version: host.appVersion,
    now,
    log,
    credentials: agents,
    vault: host.vault,
    bridge: bridgeOf(host),
    ownUrl: async () => (house.port && !(await house.port.check()) ? house.gateway?.url : undefined),
    changed: () => house.changed(),
    note: (reason) => ledger.append(noteOf('connection', reason, now())),
  });
  const shadow = openShadow({
    dir: dataDir,
    machine,
    now,
    log,
    connections,
    limit: (agent) => agents.list().find(({ name }) => name === agent)?.servers,
    note: (reason) => ledger.append(noteOf('connection', reason, now())),
  });
  const key = await localKey(host, 'ledger-key');
  const ledger = await openLedger({
    file: join(dataDir, 'ledger.sqlite'),
    log,
    now,
    key,
    vault: headKeeper(host.vault, key),
    async central(until) {
      if (house.company === undefined) throw new Failure('unavailable', 'There is no contact with the central API yet', 'Try again later.');
      return house.company.ledgerHead(until);
    },
  });
  const verdicts = openKnownEras({ file: join(dataDir, 'upstreams.json'), log, now });
  const signIns = openSignIns({
    vault: host.vault,
    log,
    now,
    origin: (name) => `http://${name}:${entrance.number}`,
    person() {
      const person = house.rules && house.identity?.state().person;
      return person && { sub: person.sub, account: accountOf(house, person.sub) };
    },
    entry: (id) => house.rules?.bundle.servers.find((entry) => entry.id === id),
    changed: () => house.changed(),
    reset: (id) => upstreams.signedIn(id),
    secrets: (entry) => givenFor(secrets, entry),
  });
  const secrets = openSecrets({
    vault: host.vault,
    now,
    scope() {
      const person = house.identity?.state().person?.sub;
      const { central } = settings;
      if (!house.rules || !house.bootstrap || person === undefined || central === undefined) return undefined;
      return [central, house.rules.bundle.company.id, house.bootstrap.issuer, person];
    },
    changed(server, name) {
      if (server !== undefined && name !== undefined) {
        upstreams.get(server)?.renew();
        void signIns
          .secretChanged(server, name)
          .catch((error: unknown) => log.warn({ error: String(error) }, 'a sign-in at a server could not be ended'));
      }
      house.changed();
    },
  });
  const upstreams = openUpstreams({
    entries: [],
    credentials: upstreamCredentials({ now, identity: () => house.identity, secrets, signIns }),
    secrets,
    log,
    verdicts,
    path: openLoginPath({ environment: process.env, platform: process.platform, log }),
    clientInfo: { name: 'gatehouse', version: host.appVersion },
    person: () => house.identity?.state().person?.sub ?? '',
    events: { onStatus: () => house.changed(), onResourceUpdated: (server, params) => house.gateway?.resourceUpdated(server, params) },
  });
  const listeners = openListeners<View>('the view', log);
  let timer: NodeJS.Timeout | undefined;
  const house: AppState = {
    host,
    settings,
    ledger,
    agents,
    authorization,
    connections,
    managed: (list) => look(list, thisSystem(), machine),
    shadow,
    upstreams,
    signIns,
    secrets,
    gateway: undefined,
    gatewayError: undefined,
    port: undefined,
    bootstrap: undefined,
    bootstrapError: undefined,
    identity: undefined,
    company: undefined,
    uploader: undefined,
    rules: undefined,
    lock: undefined,
    note: (reason) => ledger.append(happened('agent', reason, now())),
    changed() {
      if (listeners.size === 0 || timer) return;
      timer = setTimeout(() => {
        timer = undefined;
        listeners.tell(buildView(house));
      }, viewEveryMs);
    },
  };
  const settled = Promise.withResolvers<void>();
  try {
    house.gateway = await openGateway({
      entrance,
      version: host.appVersion,
      maxBodyBytes: settings.maxBodyBytes,
      maxDepth: settings.maxDepth,
      dataDir,
      stateKey: await localKey(host, 'state-key'),
      agents: { ...agents, bridged: admission.bridged },
      signIn: authorization,
      upstream: (id) => upstreams.get(id),
      signedIn: (ticket, until) => signIns.until(ticket, until),
      endpoint: (path) => signIns.endpoint(path),
      forget: (peer) => upstreams.forget(peer),
      ledger,
      log,
      now,
      settled: settled.promise,
    });
    const { gateway } = house;
    house.port = watchPort({
      port: gateway.port,
      file: join(dataDir, 'exposure.json'),
      probe: () => gateway.checkPort(),
      live: () => agents.list().flatMap(({ name, createdAt, revokedAt }) => (revokedAt === undefined ? [{ name, createdAt }] : [])),
      note: (reason) => ledger.append(noteOf('port', reason, now())),
      changed: () => house.changed(),
      log,
      now,
    });
    // Where another program has the port, the window still opens and says which one. The headless shell reads the View and ends with the same message.
    await house.port.check();
  } catch (error) {
    log.error({ err: error }, 'the gateway could not start');
    house.gatewayError = toErrorValue(error);
    // Nothing will serve the requests that it holds.
    if (!house.gateway) await entrance.close();
  }
  followAgents(agents, authorization, () => house.gateway);
  agents.watch(({ kind, name, why }) => {
    if (why !== undefined) house.note(endedInWords(name, why));
    if (kind === 'revoked' || kind === 'ended') house.port?.prune();
    house.changed();
  });
  ledger.onAppended(() => {
    house.uploader?.poke();
    house.changed();
  });
  const stop = new AbortController();
  const minute = setInterval(() => house.rules?.policy.timeDependent && house.gateway?.recheck(), 15_000).unref();
  const wake = () => {
    house.upstreams.wake();
    house.company?.wake();
    void house.port?.check();
  };
  const unwatch = watchClock(now, wake);
  const joined = joinCompany(house, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) log.error({ err: error }, 'the company could not be joined');
  });
  // What is already on disk decides at once: agents that connect in the first second get their tools.
  void Promise.race([joined, pause(settleMs, undefined, { ref: false })]).then(settled.resolve);
  await Promise.race([settled.promise, pause(400, undefined, { ref: false })]);
  const dispatch = dispatcher(house);
  return {
    dispatch,
    view: () => buildView(house),
    gateway: () => gatewayOf(house),
    watch(listener) {
      const stop = listeners.add(listener);
      listener(buildView(house));
      return stop;
    },
    ...bridges(admission, () => house.gateway),
    wake,
    async close() {
      house.gateway?.leave();
      connections.close();
      stop.abort();
      clearInterval(minute);
      unwatch();
      clearTimeout(timer);
      listeners.clear();
      authorization.close();
      await house.port?.close();
      await house.gateway?.close();
      await Promise.allSettled([
        // Servers that do not end are left to the watchdog: agents wait for our next start, and that start waits for our end.
        Promise.race([upstreams.close(), pause(leavingMs, undefined, { ref: false })]),
        signIns.close(),
        house.identity?.close(),
        house.uploader?.close(),
        house.company?.close(),
      ]);
      verdicts.close();
      await agents.close();
      await ledger.close();
    },
  };
}
