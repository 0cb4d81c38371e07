import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { coerce, lt } from 'semver';
import { backOff, pause as bide, someJitter } from '../base/backoff.ts';
import { type ErrorValue, Failure, toErrorValue } from '../base/errors.ts';
import type { Bootstrap } from '../bundle/schema.ts';
import { fetchBootstrap, keptBootstrap } from '../company/bootstrap.ts';
import { openCompany } from '../company/bundles.ts';
import { openUploader } from '../company/upload.ts';
import { type OwnRule, ownRules } from '../contract/rule-ids.ts';
import type { IdentityConfig } from '../identity/config.ts';
import { type Identity, openIdentity } from '../identity/identity.ts';
import { limited } from '../policy/limited.ts';
import { openPolicy } from '../policy/policy.ts';
import { type AppState, accountOf } from './app-state.ts';
import { openToolSearch } from './search.ts';

const retryBootstrapMs = 5_000;
const retryBootstrapMaxMs = 15 * 60_000;

/**
 * Bootstrap, identity, bundle: each step waits for the one before and tries again for as long as we run. What the last start stored is used at once, as
 * it is without a network: agents are already there, and a network that never answers must not keep them from it.
 */
export async function joinCompany(house: AppState, signal: AbortSignal): Promise<void> {
  const { central } = house.settings;
  if (central === undefined) return;
  // An address that is not valid is reported by the request that follows.
  const kept = await keptBootstrap(bootstrapOf(house, central)).catch(() => undefined);
  await enter(house, central, kept ?? (await untilReached(house, central, signal)), signal);
  if (kept === undefined) return house.company?.heard({ reached: true });
  void renewKept(house, central, kept, signal).catch((error: unknown) => {
    if (!signal.aborted) house.host.log.error({ err: error }, "the company's configuration could not be renewed");
  });
}

async function enter(house: AppState, central: string, bootstrap: Bootstrap, signal: AbortSignal): Promise<void> {
  const { host, settings, ledger } = house;
  house.bootstrap = bootstrap;
  const identity = await untilOpened(house, signal, {
    issuer: bootstrap.issuer,
    clientId: bootstrap.client_id,
    scopes: bootstrap.scopes,
    resource: bootstrap.send_resource ? bootstrap.resource : undefined,
    groupsClaim: bootstrap.groups_claim,
  });
  house.identity = identity;
  if (signal.aborted) return await identity.close();
  const company = openCompany({
    host,
    bootstrap,
    accessToken: (options) => identity.accessToken(options),
    renewBootstrap: async (until) => (await readBootstrap(house, central, 15_000, until)).bootstrap,
    pollMs: settings.pollMinutes * 60_000,
    log: host.log,
  });
  house.company = company;
  house.uploader = openUploader({
    unsent: (after, limit, bytes) => ledger.unsent(after, limit, bytes),
    cursor: () => ledger.cursor(),
    acknowledge: (seq) => ledger.acknowledge(seq),
    post: (records, chain, until) => company.postLedger(records, chain, until),
    ready: () => identity.state().state === 'signed-in',
    changed: () => house.changed(),
    log: host.log,
  });
  let person: string | undefined;
  let present: object | undefined;
  const follow = async () => {
    const state = identity.state();
    if (identity.present() !== present) {
      present = identity.present();
      if (present !== undefined) house.upstreams.signedIn();
    }
    // While the sign-in is being resumed the stored bundle decides already, as it does where the provider cannot be reached at all.
    const activePerson = state.state === 'signed-in' || state.state === 'starting' ? state.person : undefined;
    if (activePerson && activePerson.sub !== person) {
      person = activePerson.sub;
      await company.start({ sub: activePerson.sub, issuer: bootstrap.issuer });
    }
    if (activePerson) house.uploader?.poke(true);
    else if (state.state === 'signed-out' && person !== undefined) {
      void house.signIns
        .leave(accountOf(house, person))
        .catch((error: unknown) => host.log.warn({ error: String(error) }, 'sign-ins at servers could not be ended'));
      person = undefined;
      company.stop({ forget: true });
    }
    house.changed();
  };
  company.watch(() => void applyBundle(house).catch((error: unknown) => host.log.error({ err: error }, 'a bundle could not be applied')));
  identity.watch(
    () => void follow().catch((error: unknown) => host.log.error({ err: error }, 'a change of the signed-in person could not be followed')),
  );
  await follow();
}

/** After a start with a stored document, asks for the present one. If it differs, everything is closed and opened again with the new one. */
async function renewKept(house: AppState, central: string, kept: Bootstrap, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    const { bootstrap, fromCache, error } = await readBootstrap(house, central, 15_000, signal);
    house.bootstrapError = error;
    if (!fromCache) {
      house.company?.heard({ reached: true });
      if (isDeepStrictEqual(bootstrap, kept)) return;
      // One after the other: if two renewed the same sign-in, the provider would take one of them for a thief.
      await house.uploader?.close();
      await house.company?.close();
      await house.identity?.close();
      await enter(house, central, bootstrap, signal);
      // Also where nobody is signed in under the new document: the former rules must not stay.
      if (signal.aborted) return;
      house.company?.heard({ reached: true });
      await applyBundle(house);
      return;
    }
    if (error) house.company?.heard({ reached: error.code === 'integrity', error });
    house.changed();
    await bide(someJitter(backOff(failures, retryBootstrapMs, retryBootstrapMaxMs)), signal);
  }
}

const bootstrapOf = ({ host, settings }: AppState, central: string) => ({
  central,
  pinnedKey: settings.bundleKey,
  cacheFile: join(host.dataDir, 'company', 'bootstrap.json'),
});

const readBootstrap = (house: AppState, central: string, timeoutMs: number, signal: AbortSignal) =>
  fetchBootstrap({ ...bootstrapOf(house, central), fetch: house.host.fetch, timeoutMs, signal });

async function untilReached(house: AppState, central: string, signal: AbortSignal): Promise<Bootstrap> {
  for (let attempt = 0; ; attempt++) {
    try {
      // The first time not for long: the person should soon see that nobody answers.
      const { bootstrap, error } = await readBootstrap(house, central, attempt === 0 ? 3_000 : 15_000, signal);
      house.bootstrapError = error;
      return bootstrap;
    } catch (error) {
      if (signal.aborted) throw error;
      house.bootstrapError = toErrorValue(error);
      house.changed();
      await pause(retryBootstrapMs, undefined, { signal });
    }
  }
}

/** A stored sign-in that cannot be read now is not signed out: it is tried again, and the window says why. */
async function untilOpened(house: AppState, signal: AbortSignal, config: IdentityConfig): Promise<Identity> {
  const before = house.bootstrapError;
  for (;;) {
    try {
      const identity = await openIdentity({ host: house.host, log: house.host.log, config });
      house.bootstrapError = before;
      return identity;
    } catch (error) {
      if (signal.aborted || !(error instanceof Failure)) throw error;
      house.bootstrapError = toErrorValue(error);
      house.changed();
      await pause(retryBootstrapMs, undefined, { signal });
    }
  }
}

/** The one place where what the company allows takes effect. */
async function applyBundle(house: AppState): Promise<void> {
  const { host, gateway, upstreams } = house;
  const { bundle } = house.company?.bundle() ?? {};
  const person = house.identity?.state().person;
  house.lock = bundle && olderThan(host.appVersion, bundle.minimumVersion) ? tooOld(host.appVersion, bundle.minimumVersion!) : undefined;
  if (!bundle || !person || house.lock) {
    const stopped = house.rules !== undefined;
    house.rules = undefined;
    gateway?.apply(undefined, whyClosed(house, person !== undefined));
    house.authorization.suspend();
    house.secrets.forget();
    if (stopped) await upstreams.replace([]);
    house.signIns.pause();
  } else if (house.rules?.bundle !== bundle) {
    const rules = openPolicy(bundle, {
      person: person.sub,
      device: { os: process.platform, appVersion: host.appVersion, managed: false },
      now: host.now,
    });
    const policy = limited(rules, (agent, server) => house.agents.reaches(agent, server));
    house.rules = { policy, bundle, search: openToolSearch(bundle.servers) };
    house.authorization.follow(bundle);
    const replaced = upstreams.replace(bundle.servers);
    gateway?.apply({ bundle, policy, person: person.sub });
    await replaced;
    void house.signIns
      .follow(bundle.servers)
      .catch((error: unknown) => host.log.warn({ error: String(error) }, 'sign-ins at servers cannot be read now'));
  } else gateway?.recheck();
  house.changed();
}

/** For agents, who pass it on to their person; undefined: nobody is signed in, which is what the gateway says by itself. */
function whyClosed(house: AppState, signedIn: boolean): { rule: OwnRule; reason: string } | undefined {
  const error = house.lock ?? house.company?.bundle().error;
  if (!signedIn) return undefined;
  const reason = error
    ? `${error.message} ${error.fix ?? 'Ask the person to open Gatehouse and look at its status.'}`
    : "The company's rules have not arrived on this computer yet. Try again in a moment.";
  return { rule: ownRules.noRules, reason };
}

const tooOld = (own: string, least: string): ErrorValue => ({
  code: 'denied',
  message: `The company asks for Gatehouse ${least} or newer; this is ${own}. Agents are locked out until it is updated.`,
  fix: 'Your IT updates Gatehouse on this computer. If it does not happen by itself, ask them.',
});

/** A pre-release counts as its release. A version that cannot be read counts as older: nobody can tell that it meets what the company asks for. */
export function olderThan(own: string, least: string | undefined): boolean {
  if (least === undefined) return false;
  const [mine, wanted] = [coerce(own), coerce(least)];
  return mine === null || wanted === null || lt(mine, wanted);
}
