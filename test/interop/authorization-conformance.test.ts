import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { visit } from '../support/agent-sign-in.ts';
import { makeBundle, openTestGateway } from '../support/gateway.ts';
import { oauthAgent } from '../support/oauth-agent.ts';
import { freePort } from '../support/squatter.ts';

const packages: string = '../conformance/packages.mjs';
const { conformancePackage } = (await import(packages)) as { conformancePackage(version: string): string };

test("the protocol's conformance suite against our authorization server: all of it passes", { timeout: 150_000 }, async (t) => {
  let folder: string;
  try {
    folder = conformancePackage('0.2.0-alpha.12');
  } catch (error) {
    return t.skip((error as Error).message);
  }
  const gateway = await openTestGateway(makeBundle({ servers: [] }));
  t.after(() => gateway.close());
  const { origin } = new URL(gateway.url);
  const port = await freePort();
  const client = await oauthAgent(origin).registered({ redirect_uris: [`http://127.0.0.1:${port}/callback`] });
  const args = ['authorization', '--url', origin, '--client-id', client, '--resource', gateway.url, '-p', String(port)];
  const child = spawn(process.execPath, [join(folder, 'dist', 'index.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill());
  let said = '';
  let visited = false;
  const hear = async (chunk: Buffer) => {
    said += chunk.toString();
    const url = /^http:\S+\/authorize\?\S+/m.exec(said)?.[0];
    if (visited || url === undefined || !said.includes('Callback server started')) return;
    visited = true;
    // The browser, and the person.
    const wait = new URL(String((await visit(url)).location), url).href;
    gateway.authorization.allow(gateway.authorization.pending()[0]!.id, {});
    const { to } = JSON.parse((await visit(`${wait}/outcome`)).text) as { to: string };
    await visit(to);
  };
  child.stdout.on('data', (chunk: Buffer) => void hear(chunk));
  child.stderr.on('data', (chunk: Buffer) => void hear(chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(code, 0, said);
  assert.match(said, /authorization-server-metadata-endpoint: 2 passed, 0 failed/);
  assert.match(said, /authorization-code-grant: 1 passed, 0 failed/);
});
