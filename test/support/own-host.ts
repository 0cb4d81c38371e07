import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { silent } from '../../src/base/log.ts';
import { openReferenceCentral } from '../../src/cli/reference-central.ts';
import { openIdp } from '../../src/demo/idp.ts';
import { signInAs } from '../../src/demo/sign-in.ts';
import { openDemoUpstreams } from '../../src/demo/upstreams.ts';
import { runCli } from './demo.ts';

import { freePort } from './squatter.ts';

/** The demo company in this process, and the built host as `gatehouse serve` runs it, which the test starts and ends as a supervisor would. */
export async function ownHost(account: string) {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-own-'));
  const dataDir = join(dir, 'data');
  const [port, at] = [await freePort(), await freePort()];
  const idp = await openIdp({ port: 0, dataDir: join(dir, 'idp'), resources: [`http://127.0.0.1:${at}/v1`] });
  const servers = await openDemoUpstreams({
    port: 0,
    vendor: (resource) => openIdp({ port: 0, dataDir: join(dir, 'vendor'), resources: [resource], registration: true }),
  });
  const openCentral = (issuer: string) =>
    openReferenceCentral({
      folder: resolve('resources/demo'),
      dataDir: join(dir, 'central'),
      port: at,
      log: silent,
      variables: {
        modules: resolve('node_modules'),
        node: process.execPath,
        files: dir,
        state: dir,
        issuer,
        client_id: 'gatehouse-desktop',
        servers_port: String(servers.port),
        everything_port: '9',
        issuer_port: new URL(issuer).port,
        central_port: String(at),
      },
    });
  let central = await openCentral(idp.issuer);
  const args = ['serve', '--json', '--no-ui', '--data', dataDir, '--port', String(port), '--central', `http://127.0.0.1:${at}`];
  const env = { ...process.env, GATEHOUSE_VAULT_KEY: randomBytes(32).toString('base64url'), GATEHOUSE_NO_BROWSER: '1' };
  let child: ChildProcess | undefined;
  const opened: (() => unknown)[] = [() => idp.close(), () => servers.close()];

  /** Resolves when it says that it is ready. */
  async function start(): Promise<void> {
    const started = spawn(process.execPath, [resolve('dist/main/cli.js'), ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    const ended = once(started, 'exit').then(([code, signal]) => {
      throw new Error(`the host ended with ${signal ?? code} before it was ready`);
    });
    ended.catch(() => {});
    await Promise.race([once(createInterface({ input: started.stdout }), 'line'), ended]);
  }

  /** Resolves when its process is gone. */
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  let leaving: Promise<void> | undefined;
  await start();
  await signInAs(dataDir, account);
  return {
    mcp: `http://127.0.0.1:${port}/mcp`,
    dataDir,
    start,
    end,
    /** The same on the command line, with --json, parsed. */
    async json<T>(...verb: string[]): Promise<T> {
      const { code, stdout, stderr } = await runCli([...verb, '--json', '--data', dataDir]);
      if (code !== 0) throw new Error(`gatehouse ${verb.join(' ')}: exit ${code}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    /** From now on somebody at the central API's address takes what is sent and says nothing. */
    async silence(): Promise<{ asked(): number; givenUp(): number }> {
      await (leaving ??= Promise.resolve(central.close()));
      const sockets = new Set<Socket>();
      let asked = 0;
      let givenUp = 0;
      const mute = createServer((socket) => {
        sockets.add(socket);
        asked++;
        socket.on('error', () => {}).on('close', () => givenUp++);
        socket.resume();
      }).listen(at, '127.0.0.1');
      await once(mute, 'listening');
      opened.push(() => {
        for (const socket of sockets) socket.destroy();
        mute.close();
      });
      return { asked: () => asked, givenUp: () => givenUp };
    },
    /** The company's central API comes again and names another identity provider. */
    async moveIssuer(): Promise<void> {
      const other = await openIdp({ port: 0, dataDir: join(dir, 'idp-2'), resources: [`http://127.0.0.1:${at}/v1`] });
      opened.push(() => other.close());
      await central.close();
      central = await openCentral(other.issuer);
    },
    async close() {
      await end('SIGKILL');
      await (leaving ??= Promise.resolve(central.close()));
      for (const closePart of opened.reverse()) await closePart();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
