import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Failure } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Reply, replyServer } from '../../base/reply.ts';
import { Unread, type UnreadLimits, unreadLimits } from '../../base/unread.ts';
import type { PolicyTools } from '../content/compile.ts';
import { openBundles } from '../publish/bundles.ts';
import { openPublisher } from '../publish/publisher.ts';
import { openSigner } from '../publish/signing-key.ts';
import { CentralStore } from '../store/store.ts';
import { noRoute, openApp } from './app.ts';
import { openStreams } from './events.ts';
import { sendError } from './http.ts';
import type { UploadedRecord } from './intake.ts';
import { Refusal } from './refusal.ts';
import { openTokens, type Tokens } from './tokens.ts';

export interface CentralOptions {
  /** The company's folder (docs/adr/0037); watched from now on. */
  folder: string;
  /** Holds the database and the bundle signing key; private to the user that runs this. */
  dataDir: string;
  /** 0 takes a free one. */
  port: number;
  host?: string;
  /** How apps reach this API where that is not `http://host:port`: behind a proxy that ends TLS. */
  publicUrl?: string;
  /** Override the defaults in org.yaml. `{central}` is this API's own base URL unless given. */
  variables?: Readonly<Record<string, string>>;
  /** For the identity provider's metadata and keys. */
  fetchJwks?: typeof fetch;
  log: Log;
  now?: () => number;
  unread?: UnreadLimits;
  deps: {
    policy: PolicyTools;
    /** The ledger's own hash of a record: SHA-256 over its canonical form without `hash`. */
    hashRecord(record: UploadedRecord): string;
  };
}

export interface Central {
  /** The base URL that apps are given. */
  url: string;
  port: number;
  version(): number;
  close(): Promise<void>;
}

// Laptops all over the company fetch one bundle at once, and all those answers share one buffer.
const limits = { ...unreadLimits, all: 1024 * 1024 * 1024 };

/** Opens the reference central API. Fails, with every problem named, when the folder is not valid and there is no last good version. */
export async function openCentral(options: CentralOptions): Promise<Central> {
  const { folder, dataDir, log, host = '127.0.0.1', now = Date.now, deps } = options;
  const unread = new Unread(options.unread ?? limits, ({ reader, bytes, why }) =>
    log.warn({ sub: reader, bytes }, `a connection was cut: its client ${why}`),
  );
  const starting = new Refusal(503, 'unavailable', 'The central API is starting.', 'Try again in a moment.', {
    headers: { 'Retry-After': '1' },
  });
  let answer = (_request: IncomingMessage, response: Reply): unknown => sendError(response, starting, log);
  const server = replyServer({ requestTimeout: 30_000, headersTimeout: 10_000, maxHeaderSize: 32 * 1024 }, unread, (request, response) => {
    response.on('error', () => response.destroy());
    void answer(request, response);
  });
  // The address first: `{central}` in the folder needs it.
  const port = await listen(server, options.port, host);
  const url = (options.publicUrl ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`).replace(/\/$/, '');

  const opened: (() => unknown)[] = [() => unread.close(), () => stop(server)];
  const close = async () => {
    for (const end of opened.splice(0).reverse()) await end();
  };
  try {
    const store = new CentralStore(dataDir);
    opened.push(() => store.close());
    const signer = await openSigner(dataDir);
    const streams = openStreams({ now });
    let publish: Parameters<typeof openPublisher>[0]['onPublished'] = () => {};
    const publisher = await openPublisher({
      folder,
      variables: { central: url, ...options.variables },
      policy: deps.policy,
      store,
      log,
      now,
      onPublished: (next) => publish(next),
    });
    opened.push(() => publisher.close());
    opened.push(() => streams.close());
    const bundles = openBundles(publisher.current(), { policy: deps.policy, signer, now });
    let registryTimes = store.registryTimes();
    publish = (next) => {
      bundles.publish(next);
      registryTimes = store.registryTimes();
      streams.announce(next.version);
    };

    let verifier: Tokens | undefined;
    const tokens = (): Tokens => {
      const rules = publisher.current().company.identity;
      if (verifier === undefined || JSON.stringify(verifier.rules) !== JSON.stringify(rules))
        verifier = openTokens(rules, { fetch: options.fetchJwks ?? fetch, now });
      return verifier;
    };

    const app = openApp({
      url,
      store,
      signer,
      publisher,
      bundles,
      streams,
      registryTimes: () => registryTimes,
      tokens,
      now,
      log,
      hashRecord: deps.hashRecord,
    });
    // Not the global objects: other parts of this process have their own use for them. Not the clean-up: an unread body closes its connection.
    const listener = getRequestListener(app.fetch, { hostname: 'localhost', overrideGlobalObjects: false, autoCleanupIncoming: false });
    answer = (request, response) => {
      // The listener makes a URL of each request, and answers by itself where that fails. No route depends on the host, and none has such a path.
      delete request.headers.host;
      return /^\/[^\\?]*(\?|$)/.test(request.url ?? '') ? listener(request, response) : sendError(response, noRoute(), log);
    };
    return { url, port, version: () => publisher.current().version, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const fix = 'Stop the program that uses it, or give another port.';
      reject(error.code === 'EADDRINUSE' ? new Failure('conflict', `Port ${port} on ${host} is taken.`, fix, { cause: error }) : error);
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
