// The least gateway that the SDK's own classes make: no bearer, no policy, no record. Usage: node sdk-gateway.mjs PORT TARGET_PORT
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { Server } from '@modelcontextprotocol/server';

const [port, target] = process.argv.slice(2).map(Number);
const client = new Client({ name: 'sdk-gateway', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${target}/mcp`)));
const sessions = new Map();

async function open() {
  const server = new Server({ name: 'sdk-gateway', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler('tools/list', () => client.listTools());
  server.setRequestHandler('tools/call', ({ params }) => client.callTool({ name: params.name, arguments: params.arguments }));
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: true,
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  await server.connect(transport);
  return transport;
}

http
  .createServer(async (req, res) => {
    const transport = sessions.get(req.headers['mcp-session-id']) ?? (await open());
    await transport.handleRequest(req, res);
  })
  .listen(port, '127.0.0.1', () => console.log(`sdk gateway on ${port}`));
