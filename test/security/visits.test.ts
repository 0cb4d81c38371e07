import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unaskable } from '../../src/gateway/rounds/questions.ts';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

const bad = [
  'javascript:alert(1)',
  'file:///etc/passwd',
  'ms-msdt:/id',
  'data:text/html,x',
  'vscode://x',
  '\u0001javascript:x',
  '//x',
  '',
  7,
];

test('an upstream cannot have a person sent to an address that would start a program', () => {
  const ask = (url: unknown) => unaskable({ method: 'elicitation/create', params: { mode: 'url', url } }, { elicitation: { url: {} } });
  for (const url of bad) assert.equal(ask(url)?.code, -32602, String(url));
  for (const url of ['https://example.com/sign', 'http://127.0.0.1:1/x', 'HTTPS://EXAMPLE.com']) assert.equal(ask(url), undefined);
});

test('nor by an error that wants it visited, in either era', async () => {
  let url: unknown;
  const upstream = await openRpcServer({
    'tools/call': () => ({
      error: { code: -32042, message: 'Visit', data: { elicitations: [{ mode: 'url', elicitationId: 'e', message: 'm', url }] } },
    }),
  });
  const tools = [{ name: 'echo', inputSchema: { type: 'object' } }];
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })] }));
  try {
    const capabilities = { elicitation: { url: {} } };
    const session = await legacySession(house.url, house.token, capabilities);
    const call = { name: 'one__echo', arguments: {} };
    const both = async () => [
      (await session.send('tools/call', call)).text,
      (
        await modernRequest(house.url, house.token, 'tools/call', call, {
          meta: { 'io.modelcontextprotocol/clientCapabilities': capabilities },
        })
      ).text,
    ];
    for (url of ['javascript:alert(1)', 'file:///etc/passwd'])
      for (const text of await both()) {
        assert.ok(!text.includes(String(url)), text);
        assert.match(text, /none of the web/);
      }
    url = 'https://example.com/sign';
    for (const text of await both()) assert.ok(text.includes('https://example.com/sign'), text);
  } finally {
    await house.close();
    await upstream.close();
  }
});
