import { fileURLToPath } from 'node:url';
import type { Bundle } from '../../src/bundle/schema.ts';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { entry, makeBundle, openTestGateway } from './gateway.ts';
import { type Agent, legacyAgent, modernAgent } from './matrix-agent.ts';
import { type Era, type Json, openMatrixServer } from './matrix-server.ts';

/** One pairing of eras over one transport. */
export interface Place {
  agent: Era;
  upstream: Era;
  wire: 'HTTP' | 'stdio';
}

const eras: Era[] = ['legacy', 'modern'];
export const columns: Place[] = eras.flatMap((agent) =>
  eras.flatMap((upstream) => (['HTTP', 'stdio'] as const).map((wire) => ({ agent, upstream, wire }))),
);

export const everything: Json = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };
const program = fileURLToPath(new URL('./matrix-server.ts', import.meta.url));

export interface Column {
  connect(capabilities?: Json): Promise<Agent>;
  bundle: Bundle;
  apply(next: Bundle | undefined): Promise<void>;
}

/** A gateway before one upstream, blessed from its own lists as central does it. */
export async function openColumn(place: Place): Promise<Column & { close(): Promise<void> }> {
  const server = place.wire === 'HTTP' ? await openMatrixServer(place.upstream) : undefined;
  const reach = server ? { url: server.url } : { launch: { command: 'node', args: [program, place.upstream] } };
  const bare = entry({ id: 'm', ...reach });
  const catalogue = await fetchCatalogue(bare);
  const bundle = makeBundle({ servers: [entry({ id: 'm', ...reach, catalogue })] });
  const gateway = await openTestGateway(bundle);
  const url = `${new URL(gateway.url).origin}/mcp/s/m`;
  return {
    bundle,
    apply: gateway.apply,
    connect: async (capabilities = everything) =>
      place.agent === 'legacy' ? await legacyAgent(url, gateway.token, capabilities) : modernAgent(url, gateway.token, capabilities),
    async close() {
      await gateway.close();
      await server?.close();
    },
  };
}
