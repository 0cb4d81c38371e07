import { setTimeout as sleep } from 'node:timers/promises';
import * as oidc from 'openid-client';
import { Failure } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { scopeOf } from './browser-flow.ts';
import { type IdentityConfig, resourceOf } from './config.ts';
import type { Flow } from './flow.ts';
import { isSafeToOpen } from './provider.ts';
import { readTokens, type Tokens } from './tokens.ts';
import { toFailure, troubleOf } from './trouble.ts';

const grant = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * The device flow (RFC 8628), for machines without a browser. We poll ourselves: the library's poll ends at the first network
 * failure and notices a cancel only seconds later.
 */
export async function startDeviceFlow(oidcConfig: oidc.Configuration, config: IdentityConfig, host: Host): Promise<Flow> {
  if (oidcConfig.serverMetadata().device_authorization_endpoint === undefined) {
    throw new Failure('bad-input', 'The identity provider does not offer sign-in by code.', 'Sign in with the browser.');
  }
  const parameters = { scope: scopeOf(oidcConfig, config), ...resourceOf(config) };
  const device = await oidc.initiateDeviceAuthorization(oidcConfig, parameters);
  const url = URL.canParse(device.verification_uri) ? new URL(device.verification_uri) : undefined;
  if (url === undefined || !isSafeToOpen(url)) {
    throw new Failure('integrity', 'The identity provider gave an unsafe address to sign in at.', 'Tell IT.');
  }
  const expiresAt = host.now() + device.expires_in * 1000;
  const abort = new AbortController();
  return {
    prompt: { method: 'device', url: url.href, userCode: device.user_code, expiresAt: new Date(expiresAt).toISOString() },
    done: poll(oidcConfig, device, expiresAt, config, host, abort.signal),
    end: (reason) => abort.abort(reason),
  };
}

async function poll(
  oidcConfig: oidc.Configuration,
  device: oidc.DeviceAuthorizationResponse,
  expiresAt: number,
  config: IdentityConfig,
  host: Host,
  signal: AbortSignal,
): Promise<Tokens> {
  let interval = (device.interval ?? 5) * 1000;
  for (;;) {
    await pause(interval, signal);
    try {
      const response = await oidc.genericGrantRequest(oidcConfig, grant, { device_code: device.device_code, ...resourceOf(config) });
      signal.throwIfAborted();
      const tokens = readTokens(response, host.now());
      if (tokens.claims !== undefined) return tokens;
      throw new Failure(
        'integrity',
        'The identity provider did not say who signed in (no ID token).',
        'Tell IT: the scope "openid" is needed.',
      );
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const next = nextInterval(error, interval);
      if (next === undefined)
        throw error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant' ? tooLate() : toFailure(error, config.issuer);
      interval = next;
    }
    if (host.now() >= expiresAt) throw tooLate();
  }
}

/** RFC 8628 section 3.5: how long to wait before the next poll; undefined where the answer ends the flow. */
export function nextInterval(error: unknown, interval: number): number | undefined {
  const answer = error instanceof oidc.ResponseBodyError ? error.error : undefined;
  if (answer === 'authorization_pending') return interval;
  if (answer === 'slow_down') return interval + 5_000;
  return troubleOf(error) === 'unreachable' ? Math.min(interval * 2, 60_000) : undefined;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal, ref: false });
  } catch {
    throw signal.reason;
  }
}

const tooLate = (): Failure => new Failure('timed-out', 'The code was not entered in time.', 'Start the sign-in again to get a new code.');
