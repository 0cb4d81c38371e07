import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { openCrm } from './servers/crm.ts';
import { guarded } from './servers/guarded.ts';
import { keyed } from './servers/keyed.ts';
import { openParcels, parcelsKey } from './servers/parcels.ts';
import { openPayroll } from './servers/payroll.ts';
import { openReleases } from './servers/releases.ts';
import type { Site } from './servers/site.ts';
import { openTickets } from './servers/tickets.ts';

export interface DemoUpstreams {
  /** `http://127.0.0.1:PORT`; the servers are at `/tickets/mcp`, `/crm/mcp`, `/parcels/mcp`, `/payroll/mcp`, `/releases/mcp`. */
  url: string;
  port: number;
  close(): Promise<void>;
}

/** The demo company's own servers, all in this process and on loopback only. Each start begins with the same state. */
export async function openDemoUpstreams(options: {
  port: number;
  host?: '127.0.0.1';
  log?: Log;
  now?: () => number;
  /** Whose tokens the customer records take; without it they ask for none. */
  issuer?: string;
  /** Opens the authorization server of the tickets, at which people sign in themselves; without it they ask for no sign-in. */
  vendor?: (resource: string) => Promise<{ issuer: string; close(): Promise<void> }>;
}): Promise<DemoUpstreams> {
  const now = options.now ?? Date.now;
  const sites: Record<string, Site> = {
    '/crm/mcp': options.issuer === undefined ? openCrm() : guarded(openCrm(), { issuer: options.issuer, audience: 'crm' }),
    '/parcels/mcp': keyed(openParcels(), 'x-api-key', parcelsKey),
    '/payroll/mcp': openPayroll(),
    '/releases/mcp': openReleases({ now }),
  };
  const server = http.createServer((request, response) => {
    const site = sites[(request.url ?? '').split('?')[0] ?? ''];
    // A web page must not reach them by a name that it made resolve to this machine (DNS rebinding).
    const local = /^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(request.headers.host ?? '') && request.headers.origin === undefined;
    if (!site || !local) return void response.writeHead(site ? 403 : 404).end();
    site.handle(request, response).catch((error: unknown) => {
      options.log?.error({ err: error, url: request.url }, 'a demo server failed');
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const resource = `${url}/tickets/mcp`;
  const metadataPath = '/.well-known/oauth-protected-resource/tickets/mcp';
  const vendor = await options.vendor?.(resource);
  const tickets = await openTickets({ now });
  sites['/tickets/mcp'] = vendor ? guarded(tickets, { issuer: vendor.issuer, audience: resource, metadata: url + metadataPath }) : tickets;
  if (vendor) sites[metadataPath] = resourceMetadata({ resource, authorization_servers: [vendor.issuer] });
  return {
    url,
    port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      await vendor?.close();
      await Promise.all(Object.values(sites).map((site) => site.close()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** RFC 9728 section 3.2. */
function resourceMetadata(metadata: { resource: string; authorization_servers: string[] }): Site {
  return {
    async handle(_request, response) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata));
    },
    close: async () => {},
  };
}

// Loaded before the server's own code: it then listens on loopback only, says on which port, and ends with whoever holds its standard
// input, however that one ends.
const leash = `
import net from 'node:net';
import { writeSync } from 'node:fs';
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (port, ready) {
  this.once('listening', () => writeSync(3, String(this.address().port)));
  return listen.call(this, Number(port), '127.0.0.1', ready);
};
process.stdin.on('end', () => process.exit()).on('error', () => process.exit()).resume();
`;

/** The protocol's own test server over HTTP, as a process of its own; it ends with us, also when we are killed. */
export async function openEverything(options: { port: number; log?: Log }): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const program = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/dist/index.js');
  const { PATH, HOME, TMPDIR, SystemRoot } = process.env;
  const child = spawn(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(leash)}`, program, 'streamableHttp'], {
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, TMPDIR, SystemRoot, PORT: String(options.port), ELECTRON_RUN_AS_NODE: '1' },
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = `${errors}${text}`.slice(-2000);
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const portPipe = (child.stdio[3] as Readable).setEncoding('utf8');
  const port = await Promise.race([
    once(portPipe, 'data').then(([text]) => Number(text)),
    ended.then(() => {
      throw new Failure('unavailable', `The demo server "everything" did not start: ${errors.trim()}`, 'See whether its port is taken.');
    }),
  ]);
  void ended.then(() => options.log?.info({ port }, 'the demo server "everything" ended'));
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    port,
    async close() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
