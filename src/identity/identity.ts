import * as oidc from 'openid-client';
import { Failure, toErrorValue } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { openListeners } from '../base/listeners.ts';
import type { Log } from '../base/log.ts';
import { openRevocations } from '../base/revocation.ts';
import type { View } from '../contract/view.ts';
import { startBrowserFlow } from './browser-flow.ts';
import { type IdentityConfig, resourceOf } from './config.ts';
import { startDeviceFlow } from './device-flow.ts';
import type { Flow } from './flow.ts';
import { type ForUpstreams, openForUpstreams } from './for-upstreams.ts';
import { personFrom } from './person.ts';
import { openProvider } from './provider.ts';
import { openSession, type TokenSession } from './session.ts';
import { readStored, type Stored, storedWriter, vaultName } from './stored.ts';
import { readTokens, type Tokens } from './tokens.ts';
import { toFailure, troubleOf } from './trouble.ts';

export type IdentityState = View['identity'];

/** The person: signing in and out, and the only way to their access token. */
export interface Identity extends ForUpstreams {
  state(): IdentityState;
  /** Calls back with each new state (not with the present one); returns how to stop. */
  watch(listener: (state: IdentityState) => void): () => void;
  /** Resolves as soon as there is something to show; how it ends shows in the state. One under way is replaced. */
  signIn(method: 'browser' | 'device'): Promise<{ url: string; userCode?: string }>;
  cancel(): void;
  /** The local session is gone at once; the provider's is revoked (RFC 7009), later where it cannot be reached now. */
  signOut(): Promise<{ logoutUrl?: string }>;
  /** For the central API only. Rejects with `signed-out`, or with `unavailable` while the provider cannot be reached. */
  accessToken(options?: { forceRefresh?: boolean }): Promise<string>;
  /** The present sign-in, as a value to compare: another one after each, undefined where there is none. */
  present(): object | undefined;
  close(): Promise<void>;
}

// Leaving must not wait for a provider that does not answer.
const patience = 5_000;

/** Resumes a stored sign-in in the background; resolves without having asked the network. */
export async function openIdentity(options: { host: Host; config: IdentityConfig; log: Log }): Promise<Identity> {
  const { host, config, log } = options;
  const provider = openProvider(host, config);
  const name = vaultName('identity', config);
  const write = storedWriter(host.vault, name, log);
  const listeners = openListeners<IdentityState>('the sign-in', log);
  const fail = (error: unknown): Failure => toFailure(error, config.issuer);
  const revocations = openRevocations({
    vault: host.vault,
    name: vaultName('revoke', config),
    log,
    async revoke(token) {
      const configuration = await provider.configuration();
      if (configuration.serverMetadata().revocation_endpoint === undefined) return;
      await oidc.tokenRevocation(configuration, token, { token_type_hint: 'refresh_token' }).catch((error: unknown) => {
        if (troubleOf(error) === 'unreachable') throw error;
        // Asking again would change nothing: the provider no longer knows the token, or does not accept it from us.
        log.warn({ code: fail(error).code }, 'the identity provider refused to revoke a session');
      });
    },
  });

  let state: IdentityState = { state: 'signed-out' };
  let stored = await readStored(host.vault, name, log);
  let session: TokenSession | undefined;
  let flow: Flow | undefined;
  // Counts sign-ins, cancels and sign-outs: what belongs to an older one is dropped when it arrives.
  let generation = 0;
  let closed = false;

  function become(next: IdentityState): void {
    if (closed || JSON.stringify(next) === JSON.stringify(state)) return;
    state = next;
    listeners.tell(state);
  }
  /** Where we are when no sign-in is under way. */
  const rest = (error?: Failure): IdentityState => ({
    state: session !== undefined ? 'signed-in' : stored !== undefined ? 'expired' : 'signed-out',
    ...(stored === undefined ? {} : { person: stored.person }),
    ...(error === undefined ? {} : { error: toErrorValue(error) }),
  });

  async function keep(next: Stored | undefined): Promise<void> {
    stored = next;
    await write(next);
  }

  function hold(sub: string, tokens: Tokens | undefined, refreshToken: string | undefined): TokenSession {
    const mine: TokenSession = openSession({
      now: () => host.now(),
      ...(tokens === undefined ? {} : { tokens }),
      ...(refreshToken === undefined ? {} : { refreshToken }),
      toFailure: fail,
      async refresh(token) {
        const response = await oidc.refreshTokenGrant(await provider.configuration(), token, resourceOf(config)).catch((error: unknown) => {
          provider.forget();
          throw error;
        });
        const renewed = readTokens(response, host.now());
        // OpenID Connect Core 12.2: a refresh never turns one person into another.
        if (renewed.claims !== undefined && renewed.claims['sub'] !== sub) {
          throw new Failure('integrity', 'The identity provider answered for another person.', 'Sign out, then sign in again.');
        }
        return renewed;
      },
      async renewed(next, newest) {
        if (session !== mine || stored === undefined) return;
        const person = next.claims === undefined ? stored.person : personFrom(next.claims, config.groupsClaim, log);
        const idToken = next.idToken ?? stored.idToken;
        await keep({ person, refreshToken: newest, ...(idToken === undefined ? {} : { idToken }) });
        if (session === mine && flow === undefined) become(rest());
      },
      failed(trouble, failure) {
        if (session !== mine || stored === undefined) return;
        log.warn({ trouble, code: failure.code }, 'the sign-in could not be renewed');
        if (trouble === 'ended') {
          session = undefined;
          const { refreshToken: _, ...rests } = stored;
          void keep(rests);
        }
        become(rest(trouble === 'ended' ? ended : failure));
      },
    });
    return mine;
  }

  async function finish(mine: number, started: Flow): Promise<void> {
    try {
      const tokens = await started.done;
      if (mine !== generation || closed) {
        if (tokens.refreshToken !== undefined) await revocations.add(tokens.refreshToken);
        return;
      }
      if (tokens.refreshToken === undefined)
        log.warn({}, 'the identity provider gave no refresh token: sign-in lasts as long as the access token');
      const person = personFrom(tokens.claims ?? {}, config.groupsClaim, log);
      const { refreshToken, idToken } = tokens;
      flow = undefined;
      session = hold(person.sub, tokens, refreshToken);
      await keep({ person, ...(refreshToken === undefined ? {} : { refreshToken }), ...(idToken === undefined ? {} : { idToken }) });
      if (mine === generation) become(rest());
    } catch (error) {
      if (mine !== generation) return;
      flow = undefined;
      const failure = fail(error);
      log.warn({ code: failure.code, reason: failure.message }, 'a sign-in failed');
      become(rest(failure));
    }
  }

  function dropFlow(): void {
    generation++;
    flow?.end(new Failure('conflict', 'The sign-in was cancelled.', 'Start it again.'));
    flow = undefined;
  }

  const forUpstreams = openForUpstreams({
    issuer: config.issuer,
    now: () => host.now(),
    configuration: () => provider.configuration(),
    session: () => session,
    stored: () => stored,
  });

  if (stored?.refreshToken !== undefined) {
    session = hold(stored.person.sub, undefined, stored.refreshToken);
    state = { state: 'starting', person: stored.person };
    session.token().catch(() => {});
  } else if (stored !== undefined) {
    state = rest(ended);
  }
  void revocations.flush();

  return {
    state: () => state,
    watch: (listener) => listeners.add(listener),
    async signIn(method) {
      if (closed) throw new Failure('not-running', 'Gatehouse is closing.', 'Start Gatehouse again.');
      if (state.state === 'starting') await session?.token().catch(() => {});
      if (session !== undefined) {
        const who = stored?.person.name ?? stored?.person.sub ?? 'somebody';
        throw new Failure('conflict', `You are already signed in as ${who}.`, 'Sign out first to change the account.');
      }
      dropFlow();
      const mine = generation;
      const person = stored === undefined ? {} : { person: stored.person };
      become({ state: 'signing-in', ...person });
      try {
        const configuration = await provider.forSignIn();
        const started = await (method === 'browser' ? startBrowserFlow : startDeviceFlow)(configuration, config, host);
        void finish(mine, started);
        if (mine !== generation || closed) {
          started.end(cancelled());
          throw cancelled();
        }
        flow = started;
        const { url, userCode } = started.prompt;
        become({ state: 'signing-in', ...person, prompt: started.prompt });
        // Without a browser the prompt stays: the person can take the address to one by hand.
        if (method === 'browser') host.openExternal(url).catch(() => log.info({}, 'no browser could be opened for the sign-in'));
        return { url, ...(userCode === undefined ? {} : { userCode }) };
      } catch (error) {
        const failure = fail(error);
        if (mine === generation) become(rest(failure));
        throw failure;
      }
    },
    cancel() {
      if (state.state !== 'signing-in') return;
      dropFlow();
      become(rest());
    },
    async signOut() {
      dropFlow();
      const [last, leaving] = [stored, session];
      session = undefined;
      const forgotten = keep(undefined);
      become({ state: 'signed-out' });
      await forgotten;
      const farewell = async (): Promise<string | undefined> => {
        const refreshToken = (await leaving?.stop()) ?? last?.refreshToken;
        if (refreshToken !== undefined) await revocations.add(refreshToken);
        return last === undefined ? undefined : logoutUrl(provider.known(), last);
      };
      const url = await within(patience, farewell());
      return url === undefined ? {} : { logoutUrl: url };
    },
    async accessToken(request = {}) {
      if (session === undefined) throw new Failure('signed-out', 'You are not signed in.', 'Sign in to Gatehouse first.');
      return session.token(request.forceRefresh);
    },
    present: () => session,
    ...forUpstreams,
    async close() {
      if (closed) return;
      dropFlow();
      closed = true;
      listeners.clear();
      const leaving = session;
      session = undefined;
      const newest = await within(patience, leaving?.stop() ?? Promise.resolve(undefined));
      // A refresh that was under way has made the stored token worthless.
      if (newest !== undefined && stored !== undefined && newest !== stored.refreshToken) await keep({ ...stored, refreshToken: newest });
      revocations.close();
    },
  };
}

const ended = new Failure('signed-out', 'Your session at the identity provider has ended.', 'Sign in again.');
const cancelled = (): Failure => new Failure('conflict', 'The sign-in was cancelled.', 'Start it again.');

/** OpenID Connect RP-Initiated Logout 1.0; absent where the provider has no such page or was never reached. */
function logoutUrl(configuration: oidc.Configuration | undefined, last: Stored): string | undefined {
  if (configuration?.serverMetadata().end_session_endpoint === undefined) return undefined;
  return oidc.buildEndSessionUrl(configuration, last.idToken === undefined ? {} : { id_token_hint: last.idToken }).href;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>();
  const timer = setTimeout(() => resolve(undefined), ms).unref();
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
