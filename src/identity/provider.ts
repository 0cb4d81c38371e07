import * as oidc from 'openid-client';
import { Failure } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import type { IdentityConfig } from './config.ts';

/** The company's identity provider as this app's public client (RFC 8252) sees it; discovered at first use and then kept. */
export interface Provider {
  /** Discovers (OpenID Connect Discovery) unless it is known; rejects when the provider cannot be reached. */
  configuration(): Promise<oidc.Configuration>;
  /**
   * A fresh look at metadata and keys for one sign-in. Checks the ID token's signature too, which Core 3.1.3.7 leaves to TLS:
   * here a new sign-in decides who the person is, and a loopback issuer has no TLS.
   */
  forSignIn(): Promise<oidc.Configuration>;
  /** The next `configuration()` looks again: its addresses may have moved. */
  forget(): void;
  /** The configuration that was discovered last, without a request. */
  known(): oidc.Configuration | undefined;
}

const seconds = 10;

export function openProvider(host: Host, config: IdentityConfig): Provider {
  const issuer = issuerUrl(config.issuer);
  let discovered: oidc.Configuration | undefined;
  let stale = false;
  let looking: Promise<oidc.Configuration> | undefined;

  // The host's fetch knows the system's proxy and trust store; redirects stay `manual`, as openid-client asks.
  const customFetch: oidc.CustomFetch = async (url, options) => bounded(await host.fetch(url, options as RequestInit));
  const discover = async (strict: boolean): Promise<oidc.Configuration> => {
    const execute = [
      ...(issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : []),
      ...(strict ? [oidc.enableNonRepudiationChecks] : []),
    ];
    return oidc.discovery(issuer, config.clientId, undefined, oidc.None(), { execute, timeout: seconds, [oidc.customFetch]: customFetch });
  };

  return {
    known: () => discovered,
    forget() {
      stale = true;
    },
    async configuration() {
      if (discovered !== undefined && !stale) return discovered;
      looking ??= discover(false).finally(() => {
        looking = undefined;
      });
      discovered = await looking;
      stale = false;
      return discovered;
    },
    async forSignIn() {
      const strict = await discover(true);
      // A refresh must not depend on a second request (the keys): were that one to fail, the rotated token would be lost.
      discovered = new oidc.Configuration(strict.serverMetadata(), config.clientId, undefined, oidc.None());
      discovered.timeout = seconds;
      discovered[oidc.customFetch] = customFetch;
      if (issuer.protocol === 'http:') oidc.allowInsecureRequests(discovered);
      stale = false;
      return strict;
    },
  };
}

/** Metadata, keys and tokens are a few kilobytes; a broken provider must not fill the memory. */
const mostBytes = 1_048_576;

function bounded(response: Response): Response {
  if (response.body === null) return response;
  let left = mostBytes;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        left -= chunk.length;
        if (left < 0) controller.error(new Error('the answer is too large'));
        else controller.enqueue(chunk);
      },
    }),
  );
  const { status, statusText, headers } = response;
  return new Response(counted, { status, statusText, headers });
}

/** RFC 8252 section 8.3 and OpenID Connect Core 16.17: plain http is for a provider on this machine only. */
function issuerUrl(issuer: string): URL {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (url !== undefined && isSafeToOpen(url)) return url;
  throw new Failure(
    'bad-input',
    `"${issuer}" cannot be used as the identity provider.`,
    'IT must set an https issuer in the central API. Plain http is accepted on the loopback address only.',
  );
}

/** Whether a person may be sent there: https, or http on this machine. Addresses in metadata and answers come from outside. */
export function isSafeToOpen(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname));
}
