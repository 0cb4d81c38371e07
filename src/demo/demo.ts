import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { launchToken } from '../headless/web-session.ts';
import { openPrivateDir } from '../shell/data-dir.ts';
import { cliEntry, installRoot } from '../shell/install.ts';
import { takeLock } from '../shell/lock.ts';
import { prepareData, resetData } from './data.ts';
import { demoPorts, onPort } from './ports.ts';
import { signInAs } from './sign-in.ts';
import { type Ready, type Supervised, supervise } from './supervise.ts';

export interface Demo {
  readonly mcp: string;
  readonly ui: string;
  readonly central: string;
  readonly issuer: string;
  readonly dataDir: string;
  /** Settles when the host is gone for good, with why. */
  readonly ended: Promise<Failure | undefined>;
  close(): Promise<void>;
}

/** The reference central API on a folder; wired by the caller, since it needs the policy compiler. */
export type OpenCentral = (options: {
  folder: string;
  dataDir: string;
  port: number;
  variables: Record<string, string>;
  log: Log;
}) => Promise<{ url: string; close(): Promise<void> }>;

/**
 * A whole demo company on loopback: identity provider, central API, servers, and the host as a child process that is started again when it dies.
 * Everything it starts ends with it. The data folder is the host's own; the demo's state lies in it under names that begin with `demo-`.
 */
export async function openDemo(options: {
  dataDir: string;
  /** The company's folder; absent: the demo company. */
  company?: string | undefined;
  /** The first of seven ports; 0: free ones. */
  port: number;
  reset?: boolean;
  signIn?: string | undefined;
  /** Whether the host may open the system browser for a sign-in. */
  browser: boolean;
  openCentral: OpenCentral;
  log: Log;
  say(text: string): void;
}): Promise<Demo> {
  const { log, say } = options;
  const dataDir = openPrivateDir(options.dataDir);
  const root = installRoot();
  const company = options.company ?? join(root, 'resources', 'demo');
  if (!existsSync(join(company, 'org.yaml'))) {
    throw new Failure(
      'not-found',
      `There is no company in ${company}: it has no org.yaml.`,
      'Name a folder like resources/demo with --company DIR.',
    );
  }
  const opened: (() => unknown)[] = [];
  let early: Promise<Supervised> | undefined;
  const close = async () => {
    for (const end of opened.splice(0).reverse())
      await Promise.resolve(end()).catch((error: unknown) => log.error({ err: error }, 'a part did not close'));
  };
  const keep = <T extends { close(): unknown }>(part: T): T => {
    opened.push(() => part.close());
    return part;
  };
  try {
    // A predecessor that was killed may have left a host that is just leaving.
    const lock = keep(await takeLock(dataDir, 'demo'));
    lock.describe({ pid: process.pid, startedAt: new Date().toISOString() });
    if (options.reset === true) {
      const idle = await takeLock(dataDir, 'control', { waitMs: 5000 });
      try {
        resetData(dataDir);
      } finally {
        idle.close();
      }
    }
    const { files, state, vaultKey } = prepareData(dataDir, join(root, 'resources', 'demo-files'));
    const ports = await demoPorts(options.port);
    const central = `http://127.0.0.1:${ports.central}`;
    const { GATEHOUSE_PARENT: _, ...env } = process.env;
    const startHost = () =>
      supervise({
        command: [process.execPath, cliEntry(root)],
        argsFor: (before) => [
          'serve',
          ...['--data', dataDir, '--central', central, '--json', '--parent-pipe'],
          ...['--port', portOf(before, 'mcp') ?? String(ports.mcp), '--ui-port', portOf(before, 'ui') ?? String(ports.ui)],
        ],
        env: {
          ...env,
          GATEHOUSE_LAUNCH_TOKEN: launchToken(),
          GATEHOUSE_VAULT_KEY: vaultKey,
          ...(options.browser && options.signIn === undefined ? {} : { GATEHOUSE_NO_BROWSER: '1' }),
        },
        say,
      }).catch((error: unknown) => {
        throw movable(error);
      });
    // A host that has run here before can start from what is on disk. It does not wait for the company, so that its agents do not wait long.
    if (options.port !== 0 && existsSync(join(dataDir, 'company', 'bootstrap.json'))) early = startHost();
    early?.catch(() => {});
    // After the host's start, so that both go on at once: loading these takes as long.
    const [{ openIdp }, { openDemoUpstreams, openEverything }] = await Promise.all([import('./idp.ts'), import('./upstreams.ts')]);
    const openingIdp = onPort(ports.issuer, 'the identity provider', () =>
      openIdp({ port: ports.issuer, dataDir: join(dataDir, 'demo-idp'), resources: [`${central}/v1`], exchangeTargets: ['crm'], log }),
    ).then(keep);
    const vendor = (resource: string) =>
      onPort(ports.vendor, 'the sign-in of the tickets', () =>
        openIdp({
          port: ports.vendor,
          dataDir: join(dataDir, 'demo-vendor'),
          brand: 'Tickets · a sign-in of its own',
          resources: [resource],
          registration: true,
          log,
        }),
      );
    const [idp, servers, everything] = await Promise.all([
      openingIdp,
      openingIdp
        .then(({ issuer }) =>
          onPort(ports.servers, "the company's servers", () => openDemoUpstreams({ port: ports.servers, issuer, vendor, log })),
        )
        .then(keep),
      onPort(ports.everything, 'the server "everything"', () => openEverything({ port: ports.everything, log })).then(keep),
    ]);
    const variables = {
      modules: join(root, 'node_modules'),
      node: process.execPath,
      files,
      state,
      issuer: idp.issuer,
      client_id: 'gatehouse-desktop',
      servers_port: String(servers.port),
      everything_port: String(everything.port),
      issuer_port: new URL(idp.issuer).port,
      central_port: String(ports.central),
    };
    keep(
      await onPort(ports.central, 'the central API', () =>
        options.openCentral({ folder: company, dataDir: join(dataDir, 'demo-central'), port: ports.central, variables, log }),
      ),
    );
    const host = keep(await (early ?? startHost()));
    early = undefined;
    if (options.signIn !== undefined) await signInAs(dataDir, options.signIn);
    return { mcp: host.ready.mcp, ui: host.ready.ui, central, issuer: idp.issuer, dataDir, ended: host.ended, close };
  } catch (error) {
    await early?.then(
      (host) => host.close(),
      () => {},
    );
    await close();
    throw error;
  }
}

const portOf = (ready: Ready | undefined, which: 'mcp' | 'ui'): string | undefined =>
  ready === undefined ? undefined : new URL(ready[which]).port;

/** The host's error names the host's options; whoever started the demo moves all its ports at once. */
function movable(error: unknown): unknown {
  if (!(error instanceof Failure) || error.code !== 'conflict' || !/\bport\b/i.test(error.message)) return error;
  return new Failure('conflict', error.message, 'End that program, or move the demo: npm start -- --port 5283', { cause: error });
}
