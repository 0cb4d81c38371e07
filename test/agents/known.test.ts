import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { agentConfigs, variableOf } from '../../src/agents/clients/known.ts';
import { newToken } from '../../src/agents/credentials/token.ts';

const url = 'http://127.0.0.1:4283/mcp';
const token = newToken();
const bridge: [string, ...string[]] = ['/usr/bin/node', '/opt/cli.js', 'bridge', '--data', '/a b'];
const configs = agentConfigs({ url, name: 'My Codex 2.0', token, bridge });
const bridged = ['claude-desktop', 'jetbrains'];
const of = (id: string) => configs.find((config) => config.id === id)!;

test('each known agent has a form that names the gateway', () => {
  assert.deepEqual(
    configs.map(({ id }) => id),
    ['claude-code', 'claude-code-json', 'vscode', 'cursor', 'codex', 'gemini', ...bridged],
  );
  for (const { id, text, language, note } of configs) {
    assert.equal(text.includes(url), !bridged.includes(id));
    assert.ok(note);
    if (language === 'json') JSON.parse(text);
  }
});

test('the secret stays out of every text but the one command that needs it; the note says where it goes', () => {
  for (const { id, text, note } of configs) {
    assert.equal(text.includes(token), id === 'claude-code', id);
    if (id !== 'claude-code' && id !== 'claude-code-json' && !bridged.includes(id)) assert.ok(note!.includes(token), id);
  }
});

test('without a token there is a placeholder', () => {
  const all = JSON.stringify(agentConfigs({ url, name: 'a', bridge }));
  assert.ok(all.includes('gha_YOUR_TOKEN'));
  assert.ok(!all.includes('undefined'));
});

test('the forms are those the clients read', () => {
  const variable = 'GATEHOUSE_TOKEN_MY_CODEX_2_0';
  assert.equal(variableOf('My Codex 2.0'), variable);
  const bearer = (reference: string) => ({ Authorization: `Bearer ${reference}` });
  assert.deepEqual(JSON.parse(of('claude-code-json').text).mcpServers.gatehouse, { type: 'http', url, headers: bearer(`\${${variable}}`) });
  const vscode = JSON.parse(of('vscode').text);
  assert.deepEqual(vscode.servers.gatehouse, { type: 'http', url, headers: bearer(`\${input:gatehouse-token}`) });
  assert.deepEqual([vscode.inputs[0].type, vscode.inputs[0].id, vscode.inputs[0].password], ['promptString', 'gatehouse-token', true]);
  assert.deepEqual(JSON.parse(of('cursor').text).mcpServers.gatehouse, { url, headers: bearer(`\${env:${variable}}`) });
  assert.equal(of('codex').text, `[mcp_servers.gatehouse]\nurl = "${url}"\nbearer_token_env_var = "${variable}"\n`);
  assert.deepEqual(JSON.parse(of('gemini').text).mcpServers.gatehouse, { httpUrl: url, headers: bearer(`\${${variable}}`) });
  for (const id of bridged) {
    const [command, ...args] = bridge;
    assert.deepEqual(JSON.parse(of(id).text).mcpServers.gatehouse, { command, args });
    assert.ok(!of(id).note!.includes(token));
  }
});

test('a shell reads the command as it is meant', { skip: process.platform === 'win32' && 'needs a POSIX shell' }, () => {
  const seen = execFileSync('/bin/sh', ['-c', `claude() { printf '%s\\n' "$@"; }; ${of('claude-code').text}`], { encoding: 'utf8' });
  assert.deepEqual(seen.trimEnd().split('\n'), [
    ...['mcp', 'add', '--transport', 'http', '--scope', 'user', 'gatehouse', url],
    ...['--header', `Authorization: Bearer ${token}`],
  ]);
});
