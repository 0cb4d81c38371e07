import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import { McpServer, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { refusal, type Site, structured } from './site.ts';

const releaseSchema = z.object({
  version: z.string(),
  builtAt: z.string(),
  deployedTo: z.array(z.enum(['staging', 'production'])),
});
type Release = z.infer<typeof releaseSchema>;

const versionSchema = z.string().regex(/^\d+\.\d+\.\d+$/, 'a version looks like 2.4.1');
const nothing = z.object({});
const buildInput = z.object({
  version: versionSchema,
  seconds: z.number().min(0).max(600).default(3).describe('How long the build takes'),
});
const deployInput = z.object({ version: versionSchema, environment: z.enum(['staging', 'production']) });
const listOutput = z.object({ releases: z.array(releaseSchema) });

const maxSessions = 1000;

/** Builds and deployments, in the legacy era only and with sessions, as most servers out there still are. */
export function openReleases(options: { now: () => number }): Site {
  const releases = new Map<string, Release>(
    ['2.3.0', '2.3.1', '2.4.0'].map((version, index) => [
      version,
      { version, builtAt: `2026-${String(9 + index).padStart(2, '0')}-02T09:00:00.000Z`, deployedTo: ['staging'] },
    ]),
  );
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>();

  async function handle(request: IncomingMessage, response: ServerResponse) {
    const sessionId = request.headers['mcp-session-id'];
    if (typeof sessionId === 'string') {
      const session = sessions.get(sessionId);
      return session ? await session.handleRequest(request, response) : refuse(response, 404, 'Session not found: initialize again.');
    }
    if (request.method !== 'POST') return refuse(response, 400, 'Send the Mcp-Session-Id that initialize gave.');
    if (request.headers['mcp-method'] !== undefined)
      return refuse(response, 400, 'This server speaks protocol 2025-11-25 and older: begin with initialize.');
    if (sessions.size >= maxSessions) sessions.values().next().value?.close();
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    const server = build();
    server.server.onclose = () => transport.sessionId !== undefined && sessions.delete(transport.sessionId);
    await server.connect(transport);
    await transport.handleRequest(request, response);
    // The transport refused anything but initialize: no session will use this server.
    if (transport.sessionId === undefined) await server.close();
  }

  function build(): McpServer {
    const server = new McpServer({ name: 'releases', title: 'Releases', version: '1.0.0' }, { capabilities: { logging: {} } });
    server.registerTool(
      'list_releases',
      {
        title: 'List releases',
        description: 'All releases, and where each is deployed.',
        inputSchema: nothing,
        outputSchema: listOutput,
        annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      },
      () => structured({ releases: [...releases.values()] }),
    );
    server.registerTool(
      'build_release',
      {
        title: 'Build a release',
        description: 'Builds a version. Takes a while and reports progress.',
        inputSchema: buildInput,
        outputSchema: releaseSchema,
        annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      },
      async ({ version: wanted, seconds }, context) => {
        if (releases.has(wanted)) return refusal(`Version ${wanted} is built already. Choose another version.`);
        await context.mcpReq.log('info', `Building ${wanted}`, 'builder');
        await work(seconds * 1000, wanted, context);
        const built: Release = { version: wanted, builtAt: new Date(options.now()).toISOString(), deployedTo: [] };
        releases.set(wanted, built);
        return structured(built);
      },
    );
    server.registerTool(
      'deploy_release',
      {
        title: 'Deploy a release',
        description: 'Deploys a built version to staging or production.',
        inputSchema: deployInput,
        outputSchema: releaseSchema,
        annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
      },
      async ({ version: wanted, environment }, context) => {
        const release = releases.get(wanted);
        if (!release) return refusal(`Version ${wanted} is not built yet: run build_release first.`);
        await context.mcpReq.log('notice', `Deploying ${wanted} to ${environment}`, 'deployer');
        if (!release.deployedTo.includes(environment)) release.deployedTo.push(environment);
        return structured(release);
      },
    );
    return server;
  }

  return {
    handle,
    async close() {
      await Promise.all([...sessions.values()].map((transport) => transport.close()));
    },
  };
}

const steps = 10;

/** Ten steps, each reported if the call has a progress token; a cancelled build stops within one step. */
async function work(ms: number, version: string, context: ServerContext) {
  const progressToken = context.mcpReq._meta?.progressToken;
  for (let step = 1; step <= steps; step++) {
    await sleep(ms / steps, undefined, { signal: context.mcpReq.signal });
    if (progressToken === undefined) continue;
    await context.mcpReq.notify({
      method: 'notifications/progress',
      params: { progressToken, progress: step, total: steps, message: `Building ${version}: step ${step} of ${steps}` },
    });
  }
}

function refuse(response: ServerResponse, status: number, message: string) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32000, message } }));
}
