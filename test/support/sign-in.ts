import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { type Idp, type IdpOptions, openIdp } from '../../src/demo/idp.ts';
import type { IdentityConfig } from '../../src/identity/config.ts';
import { type Identity, type IdentityState, openIdentity } from '../../src/identity/identity.ts';
import { type TestHost, testHost } from './host.ts';

export const resource = 'http://127.0.0.1:4290/';

/** The real demo provider on a free port, gone when the test ends. */
export async function startIdp(t: TestContext, options: Partial<IdpOptions> = {}): Promise<Idp> {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-idp-'));
  const idp = await openIdp({ port: 0, dataDir, resources: [resource], deviceInterval: 0.05, ...options });
  t.after(() => idp.close());
  return idp;
}

export async function startIdentity(
  t: TestContext,
  issuer: string,
  host: TestHost = testHost(),
  config: Partial<IdentityConfig> = {},
): Promise<Identity> {
  const scopes = ['openid', 'profile', 'email', 'groups'];
  const identity = await openIdentity({
    host,
    log: host.log ?? silent,
    config: { issuer, clientId: 'gatehouse-desktop', scopes, resource, groupsClaim: 'groups', ...config },
  });
  t.after(() => identity.close());
  return identity;
}

/** Resolves when the state is (or comes to be) one that passes. */
export function until(identity: Identity, passes: (state: IdentityState) => boolean): Promise<IdentityState> {
  if (passes(identity.state())) return Promise.resolve(identity.state());
  return new Promise((resolve) => {
    const stop = identity.watch((state) => {
      if (!passes(state)) return;
      stop();
      resolve(state);
    });
  });
}

export async function signIn(identity: Identity, account = 'engineer'): Promise<void> {
  const { url } = await identity.signIn('browser');
  await driveSignIn(url, account);
  const state = await until(identity, ({ state }) => state !== 'signing-in');
  assert.equal(state.state, 'signed-in', JSON.stringify(state.error));
}

export interface Exchange {
  path: string;
  body: URLSearchParams;
  status: number;
  answer: Record<string, unknown>;
}

/** The real fetch, with a note of every POST that went through it. `before` may delay or refuse one. */
export function notingFetch(before: (path: string) => void | Promise<void> = () => {}): { fetch: typeof fetch; posts: Exchange[] } {
  const posts: Exchange[] = [];
  return {
    posts,
    fetch: async (input, init) => {
      const path = new URL(String(input)).pathname;
      await before(path);
      const response = await fetch(input, init);
      if (init?.method === 'POST') {
        const answer = (await response
          .clone()
          .json()
          .catch(() => ({}))) as Record<string, unknown>;
        posts.push({ path, body: new URLSearchParams(String(init.body)), status: response.status, answer });
      }
      return response;
    },
  };
}

export const refreshes = (posts: Exchange[]): Exchange[] => posts.filter(({ body }) => body.get('grant_type') === 'refresh_token');

/** The claims of a JWT, unchecked. */
export const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
