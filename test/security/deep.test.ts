import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseShort } from '../../src/upstreams/messages/parse-json.ts';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

const parseJson = (text: string, bytes?: Buffer) => parseShort(text, bytes)!.message;

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** A local server whose progress, log messages, questions or results nest 100,000 levels deep. */
const server = `
const deep = '{"a":'.repeat(100000) + '1' + '}'.repeat(100000);
const say = (text) => process.stdout.write(text + '\\n');
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined || method === undefined) return;
  const answer = (rest) => say(JSON.stringify({ jsonrpc: '2.0', id, ...rest }));
  if (method === 'initialize') return answer({ result: { protocolVersion: params.protocolVersion, capabilities: { tools: {}, logging: {} }, serverInfo: { name: 'deep', version: '1' } } });
  if (method !== 'tools/call') return answer({ error: { code: -32601, message: 'no' } });
  const { name } = params;
  if (name === 'progress') say('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":' + JSON.stringify(params._meta.progressToken) + ',"progress":1,"x":' + deep + '}}');
  if (name === 'log') say('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":' + deep + '}}');
  if (name === 'question') say('{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"m","requestedSchema":' + deep + '}}');
  if (name === 'updated') say('{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x://a","x":' + deep + '}}');
  if (name === 'result') return say('{"jsonrpc":"2.0","id":' + id + ',"result":{"content":[],"x":' + deep + '}}');
  answer({ result: { content: [{ type: 'text', text: 'here' }] } });
});`;

test('what nests without end neither ends the host nor leaves a call unrecorded', async () => {
  const names = ['progress', 'log', 'question', 'updated', 'result'];
  const tools = names.map((name) => ({ name, inputSchema: { type: 'object' } }));
  const upstream = await openRpcServer({
    'tools/call': ({ id }, { response }) =>
      void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[],"x":${nested(100_000)}}}`),
  });
  const house = await openTestGateway(
    makeBundle({
      servers: [
        entry({ id: 'pipe', launch: { command: 'node', args: ['-e', server] }, tools, timeoutMs: 2000 }),
        entry({ id: 'http', url: upstream.url, tools, timeoutMs: 2000 }),
      ],
    }),
  );
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on('uncaughtException', note);
  try {
    const session = await legacySession(house.url, house.token, { elicitation: {} });
    await session.send('logging/setLevel', { level: 'debug' });
    for (const name of names.slice(0, -1)) {
      const answer = await session.send('tools/call', { name: `pipe__${name}`, arguments: {}, _meta: { progressToken: 'p' } });
      assert.match(answer.text, /here/, name);
    }
    for (const id of ['pipe', 'http']) {
      const answer = await session.send('tools/call', { name: `${id}__result`, arguments: {} });
      assert.equal(answer.status, 200);
      assert.match(answer.text, /"isError":true/);
    }
    assert.deepEqual(uncaught, []);
    assert.deepEqual(
      (await house.records()).map(({ server: id, target, outcome }) => `${id} ${target} ${outcome}`),
      [...names.slice(0, -1).map((name) => `pipe ${name} ok`), 'pipe result error', 'http result error'],
    );
  } finally {
    process.off('uncaughtException', note);
    await house.close();
    await upstream.close();
  }
});

test('depth is counted outside of strings', () => {
  assert.ok(parseJson(nested(512)));
  assert.throws(() => parseJson(nested(513)), SyntaxError);
  assert.throws(() => parseJson(`${'['.repeat(600)}${']'.repeat(600)}`), SyntaxError);
  for (const text of ['['.repeat(2000), `\\"${'{'.repeat(2000)}`, `${'[{"\\'.repeat(2000)}\\`])
    assert.equal(parseJson(JSON.stringify(text)), text);
  assert.deepEqual(
    parseJson(JSON.stringify(Array.from({ length: 2000 }, () => [[]]))),
    Array.from({ length: 2000 }, () => [[]]),
  );
});
