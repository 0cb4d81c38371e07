import { createHash, randomBytes } from 'node:crypto';
import type { openAuthorization } from '../../src/agents/oauth/authorization.ts';
import { raw } from './gateway.ts';

export type TokenAnswer = { access_token: string; refresh_token: string; expires_in: number; token_type: string; scope: string };
type Authorization = ReturnType<typeof openAuthorization>;

export const pkce = () => {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
};

/** What a tolerant agent's sign-in is on the wire, one step at a time, so that each can be made wrong. `origin`: of the gateway, as the agent spells it. */
export function oauthAgent(origin: string, authorization?: Authorization) {
  const form = async (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    await raw(`${origin}${path}`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  const agent = {
    form,
    register: async (metadata: Record<string, unknown> = {}) =>
      await raw(`${origin}/register`, {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ client_name: 'Robot', redirect_uris: ['http://127.0.0.1:7777/callback'], ...metadata }),
      }),
    async registered(metadata: Record<string, unknown> = {}): Promise<string> {
      return (await agent.register(metadata)).json()['client_id'] as string;
    },
    authorizeUrl: (fields: Record<string, string | undefined>) => {
      const query = Object.entries({
        response_type: 'code',
        code_challenge_method: 'S256',
        redirect_uri: 'http://127.0.0.1:7777/callback',
        resource: `${origin}/mcp`,
        state: 'a state',
        ...fields,
      }).filter((pair): pair is [string, string] => pair[1] !== undefined);
      return `${origin}/authorize?${new URLSearchParams(query)}`;
    },
    authorize: async (fields: Record<string, string | undefined>, headers: Record<string, string> = {}) =>
      await raw(agent.authorizeUrl(fields), { method: 'GET', headers }),
    outcome: async (wait: string, headers: Record<string, string> = {}) =>
      await raw(`${origin}${wait}/outcome`, { method: 'GET', headers }),
    /** From the authorization request to where the browser is sent in the end; `decide` is the person. */
    async sentTo(fields: Record<string, string | undefined>, decide: (id: string) => unknown): Promise<URL> {
      const begun = await agent.authorize(fields);
      if (begun.status !== 303) throw new Error(`${begun.status} ${begun.text}`);
      const wait = String(begun.headers.location);
      const id = /<strong>([A-Z0-9-]+)<\/strong>/.exec((await raw(`${origin}${wait}`, { method: 'GET' })).text)?.[1];
      if (id === undefined) throw new Error('the page shows no code');
      await decide(id);
      return new URL((await agent.outcome(wait)).json()['to'] as string);
    },
    /** The whole sign-in. */
    async signIn(
      options: {
        client?: string;
        resource?: string;
        redirect?: string;
        choice?: Parameters<Authorization['allow']>[1];
        metadata?: Record<string, unknown>;
        /** The person, where the gateway is another process. */
        decide?: (id: string) => unknown;
      } = {},
    ) {
      const { verifier, challenge } = pkce();
      const client = options.client ?? (await agent.registered(options.metadata));
      const redirect = options.redirect ?? 'http://127.0.0.1:7777/callback';
      const resource = options.resource ?? `${origin}/mcp`;
      const to = await agent.sentTo({ client_id: client, code_challenge: challenge, redirect_uri: redirect, resource }, (id) =>
        options.decide ? options.decide(id) : authorization!.allow(id, options.choice ?? {}),
      );
      const code = to.searchParams.get('code')!;
      const exchange = (change: Record<string, string> = {}) =>
        form('/token', {
          grant_type: 'authorization_code',
          code,
          client_id: client,
          redirect_uri: redirect,
          code_verifier: verifier,
          resource,
          ...change,
        });
      return {
        client,
        code,
        to,
        exchange,
        tokens: async () => (await exchange()).json() as unknown as TokenAnswer,
      };
    },
    refresh: (token: string, client: string, change: Record<string, string> = {}) =>
      form('/token', { grant_type: 'refresh_token', refresh_token: token, client_id: client, ...change }),
  };
  return agent;
}

export const noon = Date.UTC(2026, 10, 23, 12);
/** What any agent sends first. */
export const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'robot', version: '1' } },
};
