import { Failure } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Grants, Tokens } from '../credentials/grants.ts';
import { type Codes, provesChallenge } from './codes.ts';
import type { Documents } from './documents.ts';
import { OAuthError } from './errors.ts';
import type { Registrations } from './registrations.ts';

/** What is answered over HTTP, as JSON. */
export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** The one value of a parameter; RFC 6749 section 3.1: none may be sent twice, and an empty one counts as left out. Throws OAuthError. */
export function one(parameters: URLSearchParams, name: string): string | undefined {
  const [value, more] = parameters.getAll(name);
  if (more !== undefined) throw new OAuthError('invalid_request', `The parameter ${name} was sent twice.`);
  return value === '' ? undefined : value;
}

const noGrant = (why: string) => new OAuthError('invalid_grant', `${why} Sign in again.`);

/** Exchanges codes and refresh tokens, and takes tokens back. All that it answers is for the agent; the person is asked elsewhere. */
export function openTokenEndpoint(options: {
  codes: Codes;
  clients: { registrations: Registrations; documents: Documents };
  grants: Grants;
  /** Throws OAuthError for a client that the company blocks. */
  refuse(client: string): void;
  resourceAt(resource: string): string | undefined;
  log: Log;
}) {
  const { codes, clients, grants, log } = options;

  /** The client's id. Agents are public clients, so it proves nothing; each token is bound to it all the same. */
  function clientOf(form: URLSearchParams): string {
    const id = one(form, 'client_id');
    if (id !== undefined) options.refuse(id);
    // So told, agents forget their old registration and make a new one.
    if (id === undefined || !(clients.documents.isDocument(id) || clients.registrations.find(id)))
      throw new OAuthError('invalid_client', 'This client is not known here. Register again.', 401);
    return id;
  }

  /** Undefined where none is named. */
  function resourceOf(form: URLSearchParams): string | undefined {
    const named = one(form, 'resource');
    if (named === undefined) return undefined;
    const path = options.resourceAt(named);
    if (path === undefined) throw new OAuthError('invalid_target', 'The resource is no address of this gateway.');
    return path;
  }

  function byCode(form: URLSearchParams, client: string): Tokens {
    const code = codes.find(one(form, 'code') ?? '');
    if (!code) throw noGrant('The code is not known.');
    if (code.used) {
      // Somebody else has the code as well: nobody can tell which of the two was the agent (RFC 6749 section 4.1.2).
      if (code.grant !== undefined) grants.end(code.grant);
      throw noGrant('The code was used already.');
    }
    // Whatever is wrong with it: there is no second try.
    code.used = true;
    if (!codes.isFresh(code)) throw noGrant('The code is too old.');
    if (code.client.id !== client) throw noGrant('The code was given to another client.');
    if (one(form, 'redirect_uri') !== code.redirect.uri) throw noGrant('The redirect URI is not the one of the code.');
    if (!provesChallenge(one(form, 'code_verifier') ?? '', code.challenge)) throw noGrant('The verifier does not fit the challenge.');
    const resource = resourceOf(form);
    if (resource !== undefined && resource !== code.resource)
      throw new OAuthError('invalid_target', 'The code was given for another address.');
    const { name, servers, expiresAt } = code.decision;
    const given = grants.give({ name, client, resource: code.resource, servers, expiresAt });
    code.grant = given.id;
    return given.tokens;
  }

  function failed(error: unknown): Answer {
    if (error instanceof OAuthError) return { status: error.status, body: { error: error.error, error_description: error.description } };
    if (error instanceof Failure) {
      log.warn({ err: error }, 'no token could be given');
      const [status, name] = error.code === 'conflict' ? [400, 'invalid_grant'] : [503, 'temporarily_unavailable'];
      return { status, body: { error: name, error_description: error.message.replaceAll(/["\\]/g, "'") } };
    }
    throw error;
  }

  return {
    failed,
    token(form: URLSearchParams): Answer {
      try {
        const kind = one(form, 'grant_type');
        if (kind !== 'authorization_code' && kind !== 'refresh_token')
          throw new OAuthError('unsupported_grant_type', 'The grant types here are authorization_code and refresh_token.');
        const client = clientOf(form);
        const tokens =
          kind === 'authorization_code' ? byCode(form, client) : grants.refresh(one(form, 'refresh_token') ?? '', client, resourceOf(form));
        if (!tokens) throw noGrant('The refresh token is not good.');
        clients.registrations.completed(client);
        return {
          status: 200,
          body: {
            access_token: tokens.accessToken,
            token_type: 'Bearer',
            expires_in: tokens.expiresIn,
            refresh_token: tokens.refreshToken,
            scope: 'mcp',
          },
        };
      } catch (error) {
        return failed(error);
      }
    },
    revoke(form: URLSearchParams): Answer {
      try {
        const token = one(form, 'token');
        if (token === undefined) throw new OAuthError('invalid_request', 'Which token? Send it as "token".');
        // RFC 7009 section 2.2: a token that is not known is revoked already.
        grants.revoke(token, clientOf(form));
        return { status: 200, body: {} };
      } catch (error) {
        return failed(error);
      }
    },
  };
}
