import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client as ModernClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernStdio } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema, ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { hello, openBridged, startBridge } from '../support/bridged.ts';
import { entry, makeBundle } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { until } from '../support/upstreams/open.ts';

/** Agents that start programs only, at the gateway through a bridge: both eras, byte for byte, in both directions. */

let house: Awaited<ReturnType<typeof openBridged>>;
let upstream: Awaited<ReturnType<typeof openRpcServer>>;
let closed = 0;
const progress: number[] = [];
/** Keys in an odd order, and a number that JavaScript cannot hold. */
const odd = '{"zebra":1,"a":"\u2028é","big":12345678901234567890,"text":"line\\nline"}';

before(async () => {
  upstream = await openRpcServer({
    'tools/call': async ({ params, id }, { response, notify }) => {
      if (params['name'] === 'odd')
        return void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(`{"jsonrpc":"2.0",\n "id":${JSON.stringify(id)},\n "result":{"content":[],"structuredContent":${odd}}}`);
      if (params['name'] === 'hang') return void response.once('close', () => closed++);
      if (params['name'] === 'ask') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const params = { message: 'Which?', requestedSchema: { type: 'object', properties: { which: { type: 'string' } } } };
        return void response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 77, method: 'elicitation/create', params })}\n\n`);
      }
      const { progressToken } = (params['_meta'] ?? {}) as { progressToken?: unknown };
      if (progressToken !== undefined) {
        notify('notifications/progress', { progressToken, progress: 1, total: 2 });
        // The client forgets its listener with the answer.
        await until(() => progress.length > 0);
      }
      return { content: [{ type: 'text', text: `hello ${JSON.stringify(params['arguments'])}` }] };
    },
  });
  const tools = ['say', 'odd', 'hang', 'ask'].map((name) => ({ name, inputSchema: { type: 'object' } }));
  house = await openBridged(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })] }));
});
after(async () => {
  await house?.close();
  await upstream?.close();
});

test('an agent of the old era is asked for once, listed by its program, and then calls; the next start asks nothing', async () => {
  const agent = new Client({ name: 'old-agent', version: '1' }, { capabilities: { elicitation: {} } });
  agent.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { which: 'this' } }));
  let changed = 0;
  agent.setNotificationHandler(ToolListChangedNotificationSchema, () => void changed++);
  const [{ request, name }] = await Promise.all([
    house.allowNext(),
    agent.connect(new StdioClientTransport({ ...house.command, stderr: 'ignore' })),
  ]);
  assert.equal(request.client.name, 'old-agent');
  assert.equal(request.redirect.reach, 'pipe');
  assert.match(request.program!, new RegExp(`^the program "${process.execPath}".* \\(process ${process.pid}\\)$`));
  const { tools } = await agent.listTools();
  assert.deepEqual(
    tools.map((tool) => tool.name),
    ['one__say', 'one__odd', 'one__hang', 'one__ask'],
  );
  const said = await agent.callTool({ name: 'one__say', arguments: { a: 1 } }, undefined, {
    onprogress: (note) => void progress.push(note.progress),
  });
  assert.deepEqual(said.content, [{ type: 'text', text: 'hello {"a":1}' }]);
  assert.deepEqual(progress, [1]);

  const row = house.agents.list().find((each) => each.name === name)!;
  assert.match(row.signIn!.client, /^stdio:/);
  assert.equal(row.signIn!.open, true);
  assert.equal((await house.records()).findLast((record) => record.target === 'say')?.agent, name);

  // What the gateway says first reaches it, too.
  house.agents.limit(name, ['nothing-of-these']);
  await until(() => changed > 0);
  assert.deepEqual((await agent.listTools()).tools, []);
  house.agents.limit(name, undefined);
  await agent.close();

  const again = new Client({ name: 'old-agent', version: '1' });
  await again.connect(new StdioClientTransport({ ...house.command, stderr: 'ignore' }));
  assert.equal((await again.listTools()).tools.length, 4);
  assert.deepEqual(house.authorization.pending(), []);
  await again.close();
});

test('an agent of the new era calls, hears what changes, and cancels', async () => {
  const agent = new ModernClient({ name: 'new-agent', version: '1' }, { versionNegotiation: { mode: 'auto' } } as never);
  await agent.connect(new ModernStdio({ ...house.command, stderr: 'ignore' }) as never);
  const said = await agent.callTool({ name: 'one__say', arguments: { b: 2 } });
  assert.deepEqual(said.content, [{ type: 'text', text: 'hello {"b":2}' }]);
  assert.equal(house.agents.list().at(-1)?.era, 'modern');
  await agent.close();

  const bridge = startBridge(house.dataDir);
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'hand', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  bridge.say({ id: 'l', method: 'subscriptions/listen', params: { _meta, notifications: { toolsListChanged: true } } });
  await bridge.heard('notifications/subscriptions/acknowledged');
  const { name } = house.agents.list().at(-1)!;
  house.agents.limit(name, ['nothing-of-these']);
  await bridge.heard('notifications/tools/list_changed');
  house.agents.limit(name, undefined);
  const before = closed;
  bridge.say({ id: 'h', method: 'tools/call', params: { _meta, name: 'one__hang', arguments: {} } });
  await until(() => upstream.seen.at(-1)?.params['name'] === 'hang');
  bridge.say({ method: 'notifications/cancelled', params: { _meta, requestId: 'h' } });
  await until(() => closed > before);
  bridge.child.stdin!.end();
  assert.equal(await bridge.ended(), 0);
  assert.deepEqual(
    bridge.lines.filter((line) => line.includes('"id":"h"')),
    [],
    'a cancelled request has no answer',
  );
});

test('bytes pass as they are, garbage and long lines are answered, and what follows them is read', async () => {
  const bridge = startBridge(house.dataDir);
  bridge.say(hello('é'));
  await bridge.answer('é');
  bridge.say({ method: 'notifications/initialized' });
  bridge.write('no json\n\n   \n[]\n"text"\n');
  bridge.write(`${'x'.repeat(65 * 1024 * 1024)}\n`);
  bridge.write('{"jsonrpc":"2.0", "id":9007199254740993, "method":"tools/call", "params":{"name":"one__odd","arguments":{}}}\n');
  await until(() => bridge.lines.some((line) => line.includes('zebra')));
  assert.equal(
    bridge.lines.find((line) => line.includes('zebra')),
    `{"jsonrpc":"2.0","id":9007199254740993,"result":{"content":[],"structuredContent":${odd}}}`,
  );
  const errors = bridge.lines
    .map((each) => JSON.parse(each) as { error?: { code: number; message: string } })
    .flatMap(({ error }) => error ?? []);
  assert.ok(errors.some(({ code, message }) => code === -32700 && message.includes('not JSON')));
  assert.ok(errors.some(({ message }) => message === 'This line is too long.'));
  bridge.child.stdin!.end();
  assert.equal(await bridge.ended(), 0);
  await until(() => house.gateway.openOf(house.agents.list().at(-1)!.name) === 0);
});

test('what is under way when the end comes is still answered', async () => {
  const bridge = startBridge(house.dataDir);
  bridge.say(hello());
  bridge.say({ method: 'notifications/initialized' });
  bridge.say({ id: 2, method: 'tools/list' });
  bridge.child.stdin!.end();
  assert.ok((await bridge.answer(2)).includes('one__say'));
  assert.equal(await bridge.ended(), 0);
});
