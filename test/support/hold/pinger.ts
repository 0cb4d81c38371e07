// An agent that does nothing but ask for a sign of life, in both eras in turn, on a connection of its own. Run as a program, so that what the test does
// holds up no ping. It answers each message with the longest ping in milliseconds since the one before.
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const [url, token] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const common = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

function post(message: object, headers: Record<string, string>): Promise<http.IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const request = http.request(url!, { method: 'POST', agent, headers: { ...common, ...headers } }, (response) => {
      response
        .resume()
        .on('end', () => (response.statusCode! < 300 ? resolve(response.headers) : reject(new Error(`HTTP ${response.statusCode}`))));
    });
    request.on('error', reject);
    request.end(JSON.stringify({ jsonrpc: '2.0', ...message }));
  });
}

const version = '2026-07-28';
const opened = await post(
  {
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'pinger', version: '1' } },
  },
  {},
);
const legacy = { 'mcp-session-id': String(opened['mcp-session-id']), 'mcp-protocol-version': '2025-11-25' };
await post({ method: 'notifications/initialized' }, legacy);
const modern = { 'mcp-protocol-version': version, 'mcp-method': 'server/discover' };
const meta = { 'io.modelcontextprotocol/protocolVersion': version, 'io.modelcontextprotocol/clientCapabilities': {} };

let longest = 0;
let asked: (() => void) | undefined;
process.on('message', () => {
  asked = () => {
    process.send!(longest);
    longest = 0;
  };
});
process.on('disconnect', () => process.exit());
process.send!('ready');
for (let id = 1; ; id++) {
  const reply = asked;
  asked = undefined;
  const before = performance.now();
  await (id % 2 === 0 ? post({ id, method: 'ping' }, legacy) : post({ id, method: 'server/discover', params: { _meta: meta } }, modern));
  longest = Math.max(longest, performance.now() - before);
  // Whoever asks wants to know of the ping that was on its way when it asked, too, and of one that began afterwards.
  reply?.();
  await pause(2);
}
