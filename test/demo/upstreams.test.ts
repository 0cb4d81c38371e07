import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { parcelsKey } from '../../src/demo/servers/parcels.ts';
import { type DemoUpstreams, openDemoUpstreams, openEverything } from '../../src/demo/upstreams.ts';

let demo: DemoUpstreams;
before(async () => {
  demo = await openDemoUpstreams({ port: 0 });
});
after(() => demo.close());

async function connect(url: string, era: 'legacy' | 'modern', headers: Record<string, string> = {}): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1' },
    { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

const rows: [
  server: string,
  era: 'legacy' | 'modern',
  tools: string[],
  call: { name: string; arguments: Record<string, unknown> },
  expect: RegExp,
][] = [
  [
    'tickets',
    'modern',
    ['list_tickets', 'get_ticket', 'create_ticket', 'comment_ticket', 'close_ticket'],
    { name: 'list_tickets', arguments: { project: 'apollo' } },
    /CSV/,
  ],
  [
    'tickets',
    'modern',
    ['list_tickets', 'get_ticket', 'create_ticket', 'comment_ticket', 'close_ticket'],
    { name: 'close_ticket', arguments: { id: 'T-101', project: 'zephyr', resolution: 'done' } },
    /does not belong/,
  ],
  [
    'crm',
    'modern',
    ['search_customers', 'get_customer', 'update_customer', 'export_customers'],
    { name: 'get_customer', arguments: { id: 'C-1' } },
    /4111 1111/,
  ],
  [
    'crm',
    'legacy',
    ['search_customers', 'get_customer', 'update_customer', 'export_customers'],
    { name: 'export_customers', arguments: { format: 'csv' } },
    /DE89370400440532013000/,
  ],
  ['payroll', 'legacy', ['list_runs', 'get_payslip', 'approve_run'], { name: 'list_runs', arguments: {} }, /R-2026-11/],
  [
    'payroll',
    'modern',
    ['list_runs', 'get_payslip', 'approve_run'],
    { name: 'get_payslip', arguments: { employee: 'E-1', month: '2026-11' } },
    /2898/,
  ],
  [
    'releases',
    'legacy',
    ['list_releases', 'build_release', 'deploy_release'],
    { name: 'deploy_release', arguments: { version: '2.4.0', environment: 'production' } },
    /production/,
  ],
];

for (const [server, era, tools, call, expected] of rows) {
  test(`${server} answers in the ${era} era: ${call.name}`, async () => {
    const client = await connect(`${demo.url}/${server}/mcp`, era);
    try {
      const listed = await client.listTools();
      assert.deepEqual(
        listed.tools.map((tool) => tool.name),
        tools,
      );
      assert.ok(listed.tools.every((tool) => tool.title && tool.description && tool.annotations?.readOnlyHint !== undefined));
      assert.match(JSON.stringify(await client.callTool(call)), expected);
    } finally {
      await client.close();
    }
  });
}

test('tickets has a prompt, a listed resource and a template', async () => {
  const client = await connect(`${demo.url}/tickets/mcp`, 'modern');
  assert.match(JSON.stringify(await client.getPrompt({ name: 'triage_ticket', arguments: { id: 'T-102' } })), /CSV/);
  assert.match(JSON.stringify(await client.readResource({ uri: 'ticket://board' })), /borealis/);
  assert.match(JSON.stringify(await client.readResource({ uri: 'ticket://T-103' })), /certificates/);
  assert.equal((await client.listResourceTemplates()).resourceTemplates[0]?.uriTemplate, 'ticket://{id}');
  await client.close();
});

test('releases tells progress and refuses the modern era', async () => {
  const client = await connect(`${demo.url}/releases/mcp`, 'legacy');
  const seen: number[] = [];
  await client.callTool(
    { name: 'build_release', arguments: { version: '3.0.0', seconds: 0.05 } },
    { onprogress: ({ progress }) => seen.push(progress) },
  );
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await client.close();
  await assert.rejects(connect(`${demo.url}/releases/mcp`, 'modern'));
});

test('parcels wants a key in a header, in both eras', async () => {
  const url = `${demo.url}/parcels/mcp`;
  for (const era of ['legacy', 'modern'] as const) {
    await assert.rejects(connect(url, era));
    await assert.rejects(connect(url, era, { 'x-api-key': `${parcelsKey}x` }));
    const client = await connect(url, era, { 'x-api-key': parcelsKey });
    assert.deepEqual(
      (await client.listTools()).tools.map(({ name }) => name),
      ['list_parcels', 'track_parcel', 'book_pickup'],
    );
    assert.match(JSON.stringify(await client.callTool({ name: 'track_parcel', arguments: { id: 'P-502' } })), /on its way/);
    await client.close();
  }
});

test('a page that made its name resolve to this machine is refused', async () => {
  const answer = await fetch(`${demo.url}/crm/mcp`, { method: 'POST', headers: { origin: 'https://evil.example' }, body: '{}' });
  assert.equal(answer.status, 403);
});

test('everything runs beside us and ends with us, however we end', async () => {
  const everything = await openEverything({ port: 0 });
  const client = await connect(everything.url, 'legacy');
  assert.ok((await client.listTools()).tools.some((tool) => tool.name === 'echo'));
  await client.close();
  await everything.close();
  await assert.rejects(fetch(everything.url));

  const source = `import { openEverything } from ${JSON.stringify(new URL('../../src/demo/upstreams.ts', import.meta.url).href)};
    const { url } = await openEverything({ port: 0 }); console.log(url); setInterval(() => {}, 1000);`;
  const host = spawn(process.execPath, ['--input-type=module-typescript', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = (await once(host.stdout.setEncoding('utf8'), 'data')) as [string];
  host.kill('SIGKILL');
  await once(host, 'close');
  for (;;) {
    const gone = await fetch(url.trim()).then(
      () => false,
      () => true,
    );
    if (gone) break;
  }
});
