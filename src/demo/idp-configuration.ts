import type * as oidcProvider from 'oidc-provider';
import type { Account } from './accounts.ts';
import { exchangeGrant } from './idp-exchange.ts';
import type { Secrets } from './idp-keys.ts';
import { confirmCodePage, enterCodePage, escaped, page, pagePolicy, signOutPage } from './idp-pages.ts';

export interface ProviderSettings {
  clientId: string;
  resources: string[];
  accounts: Account[];
  /** Seconds. */
  accessTokenTtl: number;
  deviceCodeTtl: number;
  registration: boolean;
}

const days14 = 14 * 24 * 60 * 60;

/** What makes oidc-provider the demo company's provider. Every default that it warns about is set here. */
export function configuration(
  library: typeof oidcProvider,
  settings: ProviderSettings,
  secrets: Secrets,
  adapter: (model: string) => object,
): Record<string, unknown> {
  const byName = new Map(settings.accounts.map((account) => [account.sub, account]));
  const more = settings.accounts.flatMap((account) => Object.keys(account.claims ?? {}));
  return {
    adapter,
    jwks: { keys: secrets.keys },
    cookies: {
      keys: secrets.cookies,
      names: { session: 'lanternworks-session', interaction: 'lanternworks-interaction', resume: 'lanternworks-resume' },
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    clients: [
      {
        client_id: settings.clientId,
        client_name: 'Gatehouse',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', exchangeGrant],
        response_types: ['code'],
        // RFC 8252 section 7.3: for a native client any port of a loopback redirect is accepted.
        redirect_uris: ['http://127.0.0.1/callback'],
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    // Resource scopes must not be listed: consent would be asked for ever.
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups', ...new Set(more)],
    },
    // Names and groups in the ID token, not only at the userinfo endpoint, which a token for the central API cannot ask.
    conformIdTokenClaims: false,
    async findAccount(_context: unknown, sub: string) {
      const account = byName.get(sub);
      if (account === undefined) return undefined;
      const { name, email, groups, claims } = account;
      return {
        accountId: sub,
        claims: async () => ({ sub, name, preferred_username: sub, email, email_verified: true, groups, ...claims }),
      };
    },
    extraTokenClaims(_context: unknown, token: { accountId?: string }) {
      const account = byName.get(token.accountId ?? '');
      return account === undefined ? undefined : { groups: account.groups, email: account.email };
    },
    interactions: { policy: policy(library), url: (_context: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
    // A first-party app keeps its refresh token whether or not the browser's session lives on; no consent prompt for it.
    issueRefreshToken: async (_context: unknown, client: { grantTypeAllowed(type: string): boolean }) =>
      client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async () => false,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: settings.accessTokenTtl,
      AuthorizationCode: 60,
      DeviceCode: settings.deviceCodeTtl,
      Grant: days14,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: days14,
      Session: days14,
    },
    clientBasedCORS: () => false,
    renderError: async (context: oidcProvider.Context, out: { error: string; error_description?: string }) =>
      show(
        context,
        page('This did not work', `<p>${escaped(out.error_description ?? out.error)}</p><p>Go back to Gatehouse and start again.</p>`),
      ),
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      registration: { enabled: settings.registration, initialAccessToken: false },
      revocation: {
        enabled: true,
        allowedPolicy: async (_context: unknown, client: { clientId: string }, token: { clientId: string }) =>
          client.clientId === token.clientId,
      },
      deviceFlow: {
        enabled: true,
        charset: 'base-20',
        mask: '****-****',
        userCodeInputSource: async (context: oidcProvider.Context, _form: string, _out: unknown, error?: Error) =>
          show(context, codePage(context, error)),
        userCodeConfirmSource: async (context: oidcProvider.Context, _form: string, _client: unknown, _device: unknown, code: string) =>
          show(context, confirmCodePage(context.oidc.urlFor('code_verification'), secretOf(context), code)),
        successSource: async (context: oidcProvider.Context) =>
          show(context, page('The device is connected', '<p>You can close this tab and go back to Gatehouse.</p>')),
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (context: oidcProvider.Context) =>
          show(context, signOutPage(context.oidc.urlFor('end_session_confirm'), secretOf(context))),
        postLogoutSuccessSource: async (context: oidcProvider.Context) =>
          show(context, page('You are signed out', '<p>You can close this tab.</p>')),
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: async (_context: unknown, _client: unknown, oneOf?: string[]) => oneOf?.[0],
        useGrantedResource: async () => true,
        getResourceServerInfo: async (_context: unknown, resource: string) => {
          if (!settings.resources.includes(resource)) throw new library.errors.InvalidTarget();
          const kid = secrets.keys[0]?.['kid'];
          return {
            scope: '',
            audience: resource,
            accessTokenTTL: settings.accessTokenTtl,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256', kid } },
          };
        },
      },
    },
  };
}

/** Asks for the account at every sign-in, also within a browser session: a demo is for trying different people. */
function policy(library: typeof oidcProvider): unknown {
  const { base, Check } = library.interactionPolicy;
  const prompts = base();
  prompts
    .get('login')
    ?.checks.add(new Check('choose_account', 'an account must be chosen', (context) => context.oidc.result?.login === undefined));
  return prompts;
}

function show(context: oidcProvider.Context, body: string): void {
  context.type = 'html';
  context.set('Content-Security-Policy', pagePolicy);
  context.set('Referrer-Policy', 'no-referrer');
  context.body = body;
}

const secretOf = (context: oidcProvider.Context): string => context.oidc.session?.state?.secret ?? '';

function codePage(context: oidcProvider.Context, error?: Error): string {
  if (error?.name === 'AbortedError') return page('The sign-in was cancelled', '<p>You can close this tab.</p>');
  return enterCodePage(
    context.oidc.urlFor('code_verification'),
    secretOf(context),
    error === undefined ? undefined : 'That code is not right, was used already, or is too old. Check it and try again.',
  );
}
