// How long after its start a host is ready, and how long until an agent has its tools.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, lstatSync, mkdtempSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ask } from '../../src/shell/control-client.ts';
import { remove, writeCompany } from './company.mjs';
import { cli, freePort, median, openHouse, pause, start, stop } from './processes.mjs';

/** From spawning `gatehouse serve` to its line "ready"; the median of five. */
export async function startTime() {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const times = [];
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    const flags = ['--json', '--data', join(dir, 'data'), '--port', '0', '--ui-port', '0', '--central', 'http://127.0.0.1:9'];
    const { child } = await start([cli, 'serve', ...flags]);
    times.push(performance.now() - began);
    await stop(child);
  }
  remove(dir);
  return Math.round(median(times));
}

/**
 * From spawning `gatehouse serve`, where somebody is signed in and the bundle is on disk, until an agent that asks every few milliseconds has
 * all 2,000 tools of 50 servers; the median of seven.
 */
export async function firstList(rules) {
  const { spawnHost, token, data, close } = await openOwn(rules);
  const times = [];
  for (let round = 0; round < 7; round++) {
    const port = await freePort();
    const began = performance.now();
    const host = spawnHost(port);
    const { tools } = await knock(`http://127.0.0.1:${port}/mcp`, token, host);
    times.push(performance.now() - began);
    if (tools !== 2000) throw new Error(`the first list had ${tools} tools`);
    await signedIn(data);
    await stop(host);
  }
  await close();
  return Math.round(median(times));
}

/**
 * A host on a copy of the demo's data folder, in a company with 50 servers. The demo's supervisor does not know this host. In place of the servers a
 * listener only counts connections.
 */
export async function openOwn(rules) {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  let contacts = 0;
  const upstreams = createServer((socket) => {
    contacts++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(upstreams, 'listening');
  writeCompany(join(dir, 'company'), { port: upstreams.address().port, tools: 40, servers: 50, rules });
  const { demo, central, data: theirs, tokens, pid } = await openHouse(dir);
  // The demo's own host has the same sign-in and is paused: two that renew it look like theft.
  process.kill(pid, 'SIGSTOP');
  const data = join(dir, 'own');
  const ours = (path) => !basename(path).startsWith('demo') && (lstatSync(path).isFile() || lstatSync(path).isDirectory());
  cpSync(theirs, data, { recursive: true, filter: ours });
  return {
    data,
    token: tokens[0],
    /** The process that is the company: identity provider and central API. */
    company: demo.pid,
    spawnHost: (port) =>
      spawn(process.execPath, [cli, 'serve', '--data', data, '--port', String(port), '--ui-port', '0', '--central', central], {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, GATEHOUSE_VAULT_KEY: readFileSync(join(theirs, 'demo-vault.key'), 'utf8') },
      }),
    async close() {
      if (contacts > 0) throw new Error(`${contacts} connections to upstreams although nothing was called`);
      process.kill(pid, 'SIGCONT');
      await stop(demo);
      upstreams.close();
      remove(dir);
    },
  };
}

/** Resolves when the host has renewed its sign-in: the next round begins with that. */
export async function signedIn(data) {
  while ((await ask(data, 'status', {}).catch(() => undefined))?.identity.state !== 'signed-in') await pause(50);
}

/** Asks until the gateway answers. Returns the number of tools in the first list and the session, which it begins if none is passed. */
export async function knock(url, token, host, session) {
  const post = (message, session) =>
    new Promise((done, fail) => {
      const headers = {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
        ...(session ? { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' } : {}),
      };
      const request = http.request(url, { method: 'POST', headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => done({ text, session: response.headers['mcp-session-id'] }));
      });
      request.on('error', fail).end(JSON.stringify({ jsonrpc: '2.0', ...message }));
    });
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'early', version: '1' } };
  for (;;) {
    if (host.exitCode !== null) throw new Error(`gatehouse serve ended with ${host.exitCode}`);
    const opened = session ? { session } : await post({ id: 0, method: 'initialize', params }).catch(() => undefined);
    if (opened && !session) await post({ method: 'notifications/initialized' }, opened.session);
    const list = opened && (await post({ id: 1, method: 'tools/list', params: {} }, opened.session).catch(() => undefined));
    if (list) return { tools: JSON.parse(list.text).result?.tools.length, session: opened.session };
    await pause(3);
  }
}
