import * as oidc from 'openid-client';
import type { Credentials } from '../credentials/credentials.ts';
import { type RegisteredOptions, registeredTokens } from './registered-tokens.ts';

/** Calls an upstream as Gatehouse itself, whoever the person is (RFC 6749 section 4.4; MCP extension `oauth-client-credentials`). */
export const clientTokens = (options: RegisteredOptions): Credentials =>
  registeredTokens('client-credentials', options, (client, target) => oidc.clientCredentialsGrant(client, target));
