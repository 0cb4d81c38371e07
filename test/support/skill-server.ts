import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type NodeIncomingMessageLike, type NodeServerResponseLike, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { memorySkillFiles, SkillsExtension } from '@modelcontextprotocol/server/ext/skills';

export const manifest = (name: string, body = '') => `---\nname: ${name}\ndescription: How to ${name}\n---\n${body}`;

/** A real server whose skills come from these files, as the SDK serves them; `files` may be changed, and count from `reload` on. */
export async function openSkillServer(id: string, files: Record<string, string>) {
  const skills = await SkillsExtension.load(memorySkillFiles(files), { onWarning() {} });
  const asked: { method: string; uri: unknown }[] = [];
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: id, version: '1.0.0' });
    skills.attach(server);
    return server;
  });
  const serve = toNodeHandler(handler);
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : undefined;
    if (body?.method !== undefined) asked.push({ method: body.method, uri: body.params?.uri });
    await serve(request as NodeIncomingMessageLike, response as NodeServerResponseLike, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    /** What reached it, in order. */
    asked,
    reload: () => skills.reload(),
    async close() {
      await handler.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
