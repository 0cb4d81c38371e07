import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Provider } from 'oidc-provider';
import { Failure } from '../base/errors.ts';
import { type Log, silent } from '../base/log.ts';
import { type Account, accounts as demoAccounts } from './accounts.ts';
import { configuration } from './idp-configuration.ts';
import { addExchange } from './idp-exchange.ts';
import { loadSecrets, newKey, saveSecrets } from './idp-keys.ts';
import { chooseAccountPage, page, pagePolicy } from './idp-pages.ts';
import { openStore } from './idp-store.ts';

export interface IdpOptions {
  /** 0 takes a free one. */
  port: number;
  host?: string;
  /** Private folder for signing keys, sessions and refresh tokens. */
  dataDir: string;
  /** Whose pages they are. */
  brand?: string;
  /** Whether apps may register themselves (RFC 7591). */
  registration?: boolean;
  /** RFC 8707 identifiers that access tokens are issued for: the central API's. */
  resources: string[];
  /** Whom those tokens may be exchanged for (RFC 8693): upstreams. */
  exchangeTargets?: string[];
  /** Authorization servers that take this provider's word for who a person is (ID-JAG), and which client of theirs Gatehouse is. */
  partners?: { issuer: string; clientId: string }[];
  clientId?: string;
  accounts?: Account[];
  log?: Log;
  /** Seconds. */
  accessTokenTtl?: number;
  exchangedTokenTtl?: number;
  deviceCodeTtl?: number;
  /** Seconds between polls of the device flow. */
  deviceInterval?: number;
}

export interface Idp {
  readonly issuer: string;
  /** From now on a new key signs. The old ones stay published unless `forget`. */
  rotateKeys(options?: { forget?: boolean }): void;
  close(): Promise<void>;
}

/** The demo company's identity provider: a real OpenID provider (oidc-provider) on loopback whose accounts need no password. */
export async function openIdp(options: IdpOptions): Promise<Idp> {
  const log = options.log ?? silent;
  const host = options.host ?? '127.0.0.1';
  // Imported here: it costs 200 ms, which only a demo should pay.
  const library = await quietly(() => import('oidc-provider'));
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const keyFile = join(options.dataDir, 'idp-keys.json');
  const secrets = loadSecrets(keyFile);
  const store = openStore(join(options.dataDir, 'idp.sqlite'));
  const settings = {
    clientId: options.clientId ?? 'gatehouse-desktop',
    resources: options.resources,
    accounts: options.accounts ?? demoAccounts,
    accessTokenTtl: options.accessTokenTtl ?? 600,
    deviceCodeTtl: options.deviceCodeTtl ?? 600,
    registration: options.registration === true,
  };
  let provider: Provider;
  let handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>;

  const server = createServer((request, response) => {
    // A restart on the same port must not meet clients that still write to a connection of the old one.
    response.setHeader('Connection', 'close');
    serve(request, response).catch((error: unknown) => {
      log.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'the demo identity provider could not answer');
      if (response.headersSent) response.destroy();
      else send(response, 400, page('This sign-in has expired', '<p>Go back to Gatehouse and start again.</p>'));
    });
  });
  await listen(server, options.port, host).catch((error: unknown) => {
    store.close();
    throw error;
  });
  const issuer = `http://${host}:${(server.address() as AddressInfo).port}`;

  function build(): void {
    provider = new library.Provider(issuer, configuration(library, settings, secrets, store.adapter));
    addExchange(library, provider, issuer, secrets, {
      targets: options.exchangeTargets ?? [],
      partners: options.partners ?? [],
      subjects: options.resources,
      accounts: settings.accounts,
      lifetime: options.exchangedTokenTtl ?? settings.accessTokenTtl,
    });
    provider.use(async (context, next) => {
      await next();
      // RFC 8628 section 3.2: five seconds where it is left out.
      if (context.oidc?.route === 'device_authorization' && context.status === 200) {
        context.body = { ...(context.body as object), interval: options.deviceInterval ?? 2 };
      }
    });
    provider.on('server_error', (_context, error) => log.error({ err: error }, 'the demo identity provider failed'));
    handler = provider.callback();
  }
  build();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // DNS rebinding: a web page under a foreign name must not act with the person's session here.
    if (`http://${request.headers.host?.toLowerCase()}` !== issuer)
      return send(response, 403, page('Wrong address', `<p>Use ${issuer}.</p>`));
    const path = new URL(request.url ?? '/', issuer).pathname;
    if (path === '/') return send(response, 200, page('Demo identity provider', '<p>Sign-in starts in Gatehouse.</p>'));
    if (!path.startsWith('/interaction/')) return handler(request, response);
    if (request.method === 'POST') return answered(request, response);
    await provider.interactionDetails(request, response);
    send(response, 200, chooseAccountPage(path, settings.accounts, options.brand));
  }

  /** The person chose: signs in and grants everything that was asked for at once, as the company does for its own app. */
  async function answered(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { params } = await provider.interactionDetails(request, response);
    const accountId = new URLSearchParams(await text(request)).get('account');
    if (!settings.accounts.some((account) => account.sub === accountId) || accountId === null) {
      const refusal = { error: 'access_denied', error_description: 'The sign-in was cancelled.' };
      return provider.interactionFinished(request, response, refusal, { mergeWithLastSubmission: false });
    }
    const grant = new provider.Grant({ accountId, clientId: params.client_id });
    if (params.scope !== undefined) grant.addOIDCScope(params.scope);
    for (const resource of [params.resource ?? []].flat()) grant.addResourceScope(resource, params.scope ?? '');
    const result = { login: { accountId }, consent: { grantId: await grant.save() } };
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }

  return {
    issuer,
    rotateKeys({ forget = false } = {}) {
      secrets.keys = [newKey(), ...(forget ? [] : secrets.keys)];
      saveSecrets(keyFile, secrets);
      build();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      store.close();
    },
  };
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': pagePolicy,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}

async function listen(server: ReturnType<typeof createServer>, port: number, host: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, host, resolve);
  try {
    await promise;
  } catch (error) {
    throw new Failure(
      'conflict',
      `The demo identity provider cannot listen on ${host}:${port}.`,
      'Stop the program that uses the port, or choose another.',
      {
        cause: error,
      },
    );
  }
}

/** The package prints a warning while it loads when the runtime is no LTS of Node: Electron's is not, and works. */
async function quietly<T>(load: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = () => {};
  try {
    return await load();
  } finally {
    console.warn = warn;
  }
}
