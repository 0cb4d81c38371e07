import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { eventually, startDemo } from '../support/demo.ts';

type Demo = Awaited<ReturnType<typeof startDemo>>;
interface Peer {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}
interface Row {
  seq?: number;
  agent: string;
  server: string;
  target: string;
  decision: string;
  outcome: string;
}

let demo: Demo;
/** What the test itself called, in order: the ledger must say the same. */
const made: Row[] = [];

before(async () => {
  demo = await startDemo({ account: 'engineer' });
});
after(async () => await demo?.stop());

const info = { name: 'interop', version: '1.0.0' };

async function connect(kind: string, token: string, url: string): Promise<Peer> {
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  if (kind === 'SDK v1') {
    const client = new Client(info);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }) as never);
    return client as never;
  }
  if (kind === 'mcp-remote') {
    const headerFile = join(demo.dataDir, 'header.txt');
    await writeFile(headerFile, `Authorization: Bearer ${token}\n`, { mode: 0o600 });
    const client = new Client(info);
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [resolve('node_modules/mcp-remote/dist/proxy.js'), url, '--header-file', headerFile, '--transport', 'http-only'],
        env: { HOME: demo.dataDir, PATH: process.env['PATH'] ?? '', MCP_REMOTE_CONFIG_DIR: join(demo.dataDir, 'mcp-remote') },
        stderr: 'ignore',
      }),
    );
    return client as never;
  }
  const client = new ModernClient(info, { versionNegotiation: { mode: kind === 'SDK v2 modern' ? { pin: '2026-07-28' } : 'legacy' } });
  await client.connect(new ModernHttp(new URL(url), { requestInit }));
  return client as never;
}

const text = (result: Record<string, unknown>) => (result['content'] as { text: string }[])[0]!.text;

for (const kind of ['SDK v1', 'SDK v2 legacy', 'SDK v2 modern', 'mcp-remote']) {
  test(`${kind}: lists and calls tools of a remote and a stdio upstream; what is hidden stays hidden`, async () => {
    const { token, url } = await demo.json<{ token: string; url: string }>('agents', 'add', kind);
    assert.equal(url, demo.mcp);
    const agent = await connect(kind, token, url);
    const call = async (server: string, tool: string, args: Record<string, unknown>, expected: Partial<Row> = {}) => {
      made.push({ agent: kind, server, target: tool, decision: 'allow', outcome: 'ok', ...expected });
      return await agent.callTool({ name: `${server}__${tool}`, arguments: args });
    };
    try {
      const names = (await agent.listTools()).tools.map((tool) => tool.name);
      for (const name of [
        'everything__echo',
        'filesystem__read_text_file',
        'memory__read_graph',
        'tickets__close_ticket',
        'releases__build_release',
      ])
        assert.ok(names.includes(name), `${name} in ${names.join(' ')}`);
      assert.ok(!names.some((name) => name.startsWith('payroll__') || name.startsWith('crm__')));

      assert.match(text(await call('everything', 'echo', { message: 'hello' })), /hello/);
      assert.match(text(await call('filesystem', 'list_allowed_directories', {})), /files/);
      assert.match(text(await call('tickets', 'list_tickets', { project: 'apollo' })), /apollo/i);

      const denied = await call(
        'tickets',
        'close_ticket',
        { id: 'T-1', project: 'zephyr', resolution: 'done' },
        { decision: 'deny', outcome: 'error' },
      );
      assert.equal(denied['isError'], true);
      assert.match(text(denied), /company policy does not allow it/);
      await assert.rejects(
        call('payroll', 'list_runs', {}, { decision: 'deny', outcome: 'error', server: '', target: 'payroll__list_runs' }),
        /Unknown tool: payroll__list_runs/,
      );
    } finally {
      await agent.close();
    }
  });
}

test('the ledger holds exactly the calls that were made, in order, verified, and central has them all', async () => {
  const { records, ok } = await demo.json<{ ok: boolean; records: number }>('ledger', 'verify');
  assert.equal(ok, true);
  assert.equal(records, made.length);
  const exported = (await demo.gatehouse('ledger', 'export', '--format', 'jsonl')).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
    // An export has the newest record first.
    .toSorted((a, b) => a.seq! - b.seq!);
  assert.deepEqual(
    exported.map(({ agent, server, target, decision, outcome }) => ({ agent, server, target, decision, outcome })),
    made,
  );
  await eventually(
    async () => ((await demo.json<{ ledger: { uploaded: number } }>('status')).ledger.uploaded === made.length ? true : undefined),
    'all records uploaded',
  );
});

test('another account: the same calls by a person without the right are hidden or refused', async () => {
  const other = await startDemo({ account: 'marketer' });
  try {
    const { token, url } = await other.json<{ token: string; url: string }>('agents', 'add', 'Marketing agent');
    const agent = await connect('SDK v1', token, url);
    const names = (await agent.listTools()).tools.map((tool) => tool.name);
    assert.ok(names.includes('filesystem__read_text_file'));
    assert.ok(!names.includes('filesystem__write_file'), 'reading tools only');
    assert.ok(!names.some((name) => name.startsWith('payroll__') || name.startsWith('releases__')));
    assert.ok(
      names.includes('crm__get_customer') && !names.includes('crm__export_customers'),
      'a forbid wins over the permit on the server',
    );
    // The server takes only tokens that the identity provider issues for it: the person's identity went with the call.
    const customer = await agent.callTool({ name: 'crm__get_customer', arguments: { id: 'C-1' } });
    assert.equal(customer.isError ?? false, false, JSON.stringify(customer));
    assert.match(JSON.stringify(customer), /Ada Brandt/);
    await assert.rejects(agent.callTool({ name: 'filesystem__write_file', arguments: { path: 'x', content: 'y' } }), /Unknown tool/);
    await agent.close();
    const hidden = await other.gatehouse('call', 'payroll', 'list_runs', '{}');
    assert.equal(hidden.code, 6);
    // A server with a sign-in of its own: signed out, its calls say where to sign in, and go through after that.
    const list = () => other.gatehouse('call', 'tickets', 'list_tickets', '{}');
    assert.equal((await list()).code, 0);
    assert.equal((await other.gatehouse('servers', 'tickets', '--sign-out')).code, 0);
    const link = /http:\S+\/sign-in\/[\w-]+/.exec((await list()).stdout)?.[0];
    assert.ok(link);
    await driveSignIn(link, 'marketer');
    assert.equal((await list()).code, 0);
    const { signIn } = await other.json<{ signIn: { state: string; account: string } }>('servers', 'tickets');
    assert.equal(signIn.state, 'signed-in');
    assert.match(signIn.account, /@lanternworks\.example$/);
  } finally {
    await other.stop();
  }
});

test('nobody signed in: agents see nothing, and the command line says how to sign in', async () => {
  const empty = await startDemo();
  try {
    const { token, url } = await empty.json<{ token: string; url: string }>('agents', 'add', 'Early');
    const agent = await connect('SDK v1', token, url);
    assert.deepEqual((await agent.listTools()).tools, []);
    await agent.close();
    const { code, stderr } = await empty.gatehouse('tools');
    assert.equal(code, 4);
    assert.match(stderr, /gatehouse login/);
  } finally {
    await empty.stop();
  }
});
