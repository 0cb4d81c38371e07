import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { UpstreamError } from '../../src/upstreams/upstream.ts';
import { entry, open, text, tool, until } from '../support/upstreams/open.ts';

/** A local server that stops reading in one way or another, told so by the name of a tool. */
const server = `
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
setInterval(() => {}, 1000);
let held = '';
process.stdin.on('data', (chunk) => {
  held += chunk;
  for (let end = held.indexOf('\\n'); end >= 0; end = held.indexOf('\\n')) {
    const { id, method, params } = JSON.parse(held.slice(0, end));
    held = held.slice(end + 1);
    if (method === 'initialize') say({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } } });
    else if (method !== 'tools/call') { if (id !== undefined) say({ id, error: { code: -32601, message: 'no' } }); continue; }
    if (method !== 'tools/call') continue;
    const { name } = params;
    if (name === 'closes') { process.stdin.destroy(); require('node:fs').closeSync(0); }
    if (name === 'pauses') { process.stdin.pause(); setTimeout(() => process.exit(0), 300); }
    if (name === 'is killed') { process.stdin.pause(); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300); }
    if (name === 'odd line') { process.stdout.write('\\u0000\\ud800\\u2028{"jsonrpc":"2.0","id":{},"result":[]}\\n{"jsonrpc":"2.0","id":null,"method":7}\\n"__proto__"\\n{"__proto__":{"id":1},"id":1e999,"result":{}}\\n'); }
    say({ id, result: { content: [{ type: 'text', text: 'here' }] } });
  }
});`;

/** Nothing may reach the host as an uncaught error. */
function watched(t: TestContext): unknown[] {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(name, note);
    t.after(() => process.off(name, note));
  }
  return uncaught;
}

const launch = { command: 'node', args: ['-e', server], env: {} };

for (const name of ['closes', 'pauses', 'is killed'])
  test(`a local server that ${name} while 16 MiB are written to it fails its own calls only`, async (t) => {
    const uncaught = watched(t);
    const { upstream, upstreams } = open(t, entry({ launch, timeoutMs: 2000 }));
    const other = open(t, entry({ launch, timeoutMs: 2000 }));
    assert.equal(text(await upstream.call(tool('plain'))), 'here');
    assert.equal(text(await other.upstream.call(tool('plain'))), 'here');
    const first = upstream.call(tool(name)).catch((error: unknown) => error);
    await first;
    const calls = [1, 2, 3].map(() => upstream.call(tool('plain', { x: 'y'.repeat(16 * 1024 * 1024) })).catch((error: unknown) => error));
    for (const failed of await Promise.all(calls)) assert.ok(failed instanceof UpstreamError, `${failed}`);
    assert.equal(text(await other.upstream.call(tool('plain'))), 'here');
    // It is started anew once the pause after a failure is over; one that closed only its input is still there and goes on failing until it ends.
    if (name !== 'closes')
      await until(async () => {
        upstream.reset();
        return upstream.call(tool('plain')).then(text, () => undefined);
      });
    await upstreams.close();
    assert.deepEqual(uncaught, []);
  });

test('lines that are no message of any kind end nothing', async (t) => {
  const uncaught = watched(t);
  const { upstream } = open(t, entry({ launch, timeoutMs: 2000 }));
  for (let again = 0; again < 3; again++) assert.equal(text(await upstream.call(tool('odd line'))), 'here');
  assert.deepEqual(uncaught, []);
});
