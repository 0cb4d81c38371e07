import * as oidc from 'openid-client';
import { Failure } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { type IdentityConfig, resourceOf } from './config.ts';
import type { Flow } from './flow.ts';
import { isSafeToOpen } from './provider.ts';
import { openRedirectListener } from './redirect.ts';
import { readTokens, type Tokens } from './tokens.ts';
import { toFailure } from './trouble.ts';

const minutes10 = 600_000;

/**
 * Authorization code with PKCE S256 in the system browser (RFC 8252, RFC 7636). openid-client checks state, `iss` (RFC 9207),
 * nonce and the ID token; the redirect listener has already turned away everything without our state.
 */
export async function startBrowserFlow(oidcConfig: oidc.Configuration, config: IdentityConfig, host: Host): Promise<Flow> {
  const [state, nonce, pkceCodeVerifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
  const { promise: done, resolve, reject } = Promise.withResolvers<Tokens>();
  const listener = await openRedirectListener({
    state,
    async answer(url) {
      clearTimeout(timer);
      try {
        const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier, idTokenExpected: true };
        const response = await oidc.authorizationCodeGrant(oidcConfig, url, checks, resourceOf(config));
        resolve(readTokens(response, host.now()));
        return { status: 200, title: 'You are signed in', text: 'You can close this tab and go back to Gatehouse.' };
      } catch (error) {
        const failure = toFailure(error, config.issuer);
        reject(failure);
        return { status: 400, title: 'The sign-in did not work', text: `${failure.message} ${failure.fix ?? ''}` };
      }
    },
  });
  const end = (reason: Failure): void => {
    clearTimeout(timer);
    listener.close();
    reject(reason);
  };
  const timer = setTimeout(
    () => end(new Failure('timed-out', 'The sign-in was not finished within 10 minutes.', 'Start the sign-in again.')),
    minutes10,
  ).unref();
  const url = oidc.buildAuthorizationUrl(oidcConfig, {
    redirect_uri: listener.uri,
    scope: scopeOf(oidcConfig, config),
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...resourceOf(config),
  });
  if (!isSafeToOpen(url)) {
    listener.close();
    throw new Failure('integrity', `The identity provider gave an unsafe address to sign in at (${url.origin}).`, 'Tell IT.');
  }
  return { prompt: { method: 'browser', url: url.href, expiresAt: new Date(host.now() + minutes10).toISOString() }, done, end };
}

/** Adds what every sign-in of ours needs; `offline_access` only where the provider knows it. */
export function scopeOf(oidcConfig: oidc.Configuration, config: IdentityConfig): string {
  const offline = oidcConfig.serverMetadata().scopes_supported?.includes('offline_access') ? ['offline_access'] : [];
  return [...new Set(['openid', ...config.scopes, ...offline])].join(' ');
}
