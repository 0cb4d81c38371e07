import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { openBridged } from '../support/bridged.ts';
import { entry, makeBundle } from '../support/gateway.ts';
import { mcpbTool } from '../support/real-agents.ts';

const run = promisify(execFile);

test('the bundle for Claude Desktop: valid to the official tool, unpacked by it, and a bridge as its manifest starts it', {
  timeout: 200_000,
}, async (t) => {
  const tool = await mcpbTool();
  if (typeof tool === 'string') return t.skip(tool);
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-mcpb-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [file, unpacked] = [join(dir, 'gatehouse.mcpb'), join(dir, 'unpacked')];
  await run(process.execPath, ['src/mcpb.mjs', file]);
  const [command, ...args] = tool;
  const mcpb = (...more: string[]) => run(command!, [...args, ...more]);
  await mcpb('unpack', file, unpacked);
  const { stdout } = await mcpb('validate', join(unpacked, 'manifest.json'));
  assert.match(stdout, /Manifest schema validation passes/);
  // Ours is larger than it need be.
  assert.match(stdout, /Icon validation passed/);

  const manifest = JSON.parse(readFileSync(join(unpacked, 'manifest.json'), 'utf8')) as {
    icon: string;
    server: { entry_point: string; mcp_config: { args: string[] } };
  };
  const { server, icon } = manifest;
  for (const named of [server.entry_point, icon]) assert.ok(existsSync(join(unpacked, named)), named);
  const house = await openBridged(makeBundle({ servers: [entry({ id: 'one', url: 'http://127.0.0.1:9/mcp', tools: [{ name: 'say' }] })] }));
  t.after(() => house.close());
  const agent = new Client({ name: 'claude-ai', version: '1' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: server.mcp_config.args.map((arg) => arg.replace(/^\$\{__dirname\}/, unpacked)),
    env: { GATEHOUSE_DATA: house.dataDir },
    stderr: 'ignore',
  });
  await Promise.all([house.allowNext(), agent.connect(transport)]);
  assert.deepEqual(
    (await agent.listTools()).tools.map(({ name }) => name),
    ['one__say'],
  );
  await agent.close();
});
