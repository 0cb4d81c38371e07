import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { eventually, runCli, startDemo } from '../support/demo.ts';
import { legacySession, modernRequest, post } from '../support/gateway.ts';
import { oauthAgent, pkce } from '../support/oauth-agent.ts';

const modernMeta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

/** Opens a stream of either era and gives what has arrived on it so far. */
async function listen(url: string, method: string, headers: Record<string, string>, body?: unknown) {
  const request = http.request(url, { method, agent: false, headers: { accept: 'application/json, text/event-stream', ...headers } });
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  response.on('error', () => {});
  return { text: () => text, close: () => request.destroy() };
}

test('a rule saved in the company folder reaches open agents of both eras, and is in force in their open sessions; an invalid one changes nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-company-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(resolve('resources/demo'), folder, { recursive: true });
  const demo = await startDemo({ account: 'engineer', company: folder });
  t.after(() => demo.stop());
  const { token, url } = await demo.json<{ token: string; url: string }>('agents', 'add', 'Listener');
  const session = await legacySession(url, token);
  assert.match((await session.send('tools/list')).text, /everything__echo/);
  assert.match((await modernRequest(url, token, 'tools/list')).text, /everything__echo/);
  const authorization = `Bearer ${token}`;
  const legacy = await listen(url, 'GET', { authorization, ...session.headers });
  const modern = await listen(
    url,
    'POST',
    { authorization, 'content-type': 'application/json', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
    { jsonrpc: '2.0', id: 'l', method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true }, _meta: modernMeta } },
  );
  t.after(() => {
    legacy.close();
    modern.close();
  });
  const echo = () => session.send('tools/call', { name: 'everything__echo', arguments: { message: 'x' } });
  assert.equal((await echo()).json()['error'], undefined);

  writeFileSync(
    join(folder, 'policies', 'stop.cedar'),
    '@id("STOP-1")\n@reason("Stopped by a test.")\nforbid (principal, action == Action::"call", resource == Tool::"everything/echo");\n',
  );
  await eventually(() => (legacy.text().includes('notifications/tools/list_changed') ? true : undefined), 'the legacy agent hears of it');
  await eventually(() => (modern.text().includes('notifications/tools/list_changed') ? true : undefined), 'the modern agent hears of it');
  assert.deepEqual((await echo()).json()['error'], { code: -32602, message: 'Unknown tool: everything__echo' });
  assert.doesNotMatch((await session.send('tools/list')).text, /everything__echo"/);
  const explained = await demo.json<{ rule: string; effect: string }>('explain', 'everything', 'echo');
  assert.deepEqual([explained.effect, explained.rule], ['deny', 'STOP-1']);

  const before = (await demo.json<{ bundle: { version: number } }>('status')).bundle.version;
  writeFileSync(join(folder, 'policies', 'stop.cedar'), 'permit (principal, action, nonsense);\n');
  const health = await eventually(async () => {
    const text = await (await fetch(`${demo.central}/health`)).text();
    return text.includes('stop.cedar') ? text : undefined;
  }, 'central names the problem');
  assert.match(health, /stop\.cedar/);
  assert.equal((await demo.json<{ bundle: { version: number } }>('status')).bundle.version, before, 'the last good version stays');
  assert.equal((await echo()).json()['result'], undefined);

  rmSync(join(folder, 'policies', 'stop.cedar'));
  await eventually(async () => ((await echo()).json()['error'] === undefined ? true : undefined), 'the rule is gone again', 30_000);

  // One that the company allows comes in without a click where the system says whose program asks; elsewhere it is a question.
  const answers = http.createServer().listen(0, '127.0.0.1');
  await once(answers, 'listening');
  t.after(() => answers.close());
  const vscode = {
    client_id: 'https://vscode.dev/oauth/client-metadata.json',
    redirect_uri: `http://127.0.0.1:${(answers.address() as AddressInfo).port}/`,
    code_challenge: pkce().challenge,
  };
  const typed = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'none' };
  const allowed = oauthAgent(new URL(url).origin);
  assert.equal((await allowed.authorize(vscode, typed)).status, 303);
  const asked = await demo.json<{ client: { name: string } }[]>('agents', 'requests');
  assert.deepEqual(
    asked.map(({ client }) => client.name),
    process.platform === 'linux' ? [] : ['Visual Studio Code'],
  );
  const word = (await demo.gatehouse('ledger', 'export')).stdout;
  if (process.platform === 'linux') assert.match(word, /Without a click, the company allowed .{0,80}vscode\.dev.*with the servers tickets/);

  // A client that the company blocks is out, in its open session too; others stay.
  const client = 'https://claude.ai/oauth/claude-code-client-metadata';
  const decide = (id: string) => demo.json('agents', 'allow', id);
  const signedIn = await oauthAgent(new URL(url).origin).signIn({ client, redirect: 'http://localhost:7777/callback', decide });
  const { access_token } = await signedIn.tokens();
  const blocked = await legacySession(url, access_token);
  assert.equal((await blocked.send('tools/list')).status, 200);
  const org = join(folder, 'org.yaml');
  writeFileSync(org, readFileSync(org, 'utf8').replace('  clients:\n', `  clients:\n    - { client_id: ${client}, decision: block }\n`));
  await eventually(async () => ((await blocked.send('tools/list')).status === 401 ? true : undefined), 'the blocked agent is out');
  assert.equal((await session.send('tools/list')).status, 200);
});

test('a central API that is down from the start: the gateway lives, shows nothing, and every way in says what to do', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-alone-'));
  const args = ['serve', '--json', '--data', dataDir, '--port', '0', '--ui-port', '0', '--central', 'http://127.0.0.1:9'];
  const child = spawn(process.execPath, [resolve('dist/main/cli.js'), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    // Not before: it writes until its end.
    rmSync(dataDir, { recursive: true, force: true });
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { mcp } = JSON.parse(line) as { mcp: string };
  const run = (...verb: string[]) => runCli([...verb, '--data', dataDir]);
  const { token } = JSON.parse((await run('agents', 'add', 'Early', '--json')).stdout) as { token: string };
  const session = await legacySession(mcp, token);
  assert.deepEqual((await session.send('tools/list')).json()['result'], { tools: [] });
  const refused = await post(mcp, token, { jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 'x__y' } }, session.headers);
  assert.match(refused.text, /sign in/i);
  const status = JSON.parse((await run('status', '--json')).stdout) as { company: { state: string; error?: { message: string } } };
  assert.equal(status.company.state, 'offline');
  assert.ok(status.company.error);
  const login = await run('login');
  assert.equal(login.code, 7);
  assert.match(login.stderr, /gatehouse status/);
});
