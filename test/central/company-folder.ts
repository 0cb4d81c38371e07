import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalogueHashes } from '../../src/central/content/definition-hash.ts';

export function temporaryDir(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'gatehouse-central-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

type Json = Record<string, unknown>;

const tool = (name: string, readOnlyHint: boolean): Json => ({
  name,
  description: `Does ${name}.`,
  inputSchema: { type: 'object', properties: { project: { type: 'string' } } },
  annotations: { readOnlyHint },
  'x-unknown': { kept: true },
});

/** server.json of a blessed server; `change` edits it before it is written. */
export function serverJson(
  id: string,
  tools: Json[] = [tool('list', true), tool('write', false)],
): Json & { _meta: { 'dev.gatehouse/entry': Json } } {
  const lists = { tools: tools as ({ name: string } & Json)[], prompts: [], resources: [], resourceTemplates: [] };
  return {
    name: `example.acme/${id}`,
    title: id.toUpperCase(),
    description: `The ${id} of Acme.`,
    version: '1.2.3',
    remotes: [{ type: 'streamable-http', url: 'http://127.0.0.1:{port}/mcp', headers: [{ name: 'X-Key', value: 'hush' }] }],
    _meta: {
      'dev.gatehouse/entry': { id, owner: 'it', catalogue: { capabilities: { tools: {} }, ...lists, hashes: catalogueHashes(lists) } },
    },
  };
}

export const orgYaml = `company:
  id: acme
  name: Acme
  supportUrl: https://help.acme.example
issuer: '{issuer}'
client_id: gatehouse
resource: '{central}/v1'
groups:
  - { name: staff, description: Everybody }
  - { name: finance }
  - { name: apollo }
variables:
  port: 4000
  central: http://127.0.0.1:1
  issuer: http://127.0.0.1:2
freshness: { stale: 12h, expires: 7d, resign: 1h }
`;

export const policies = `@id("P-1")
@reason("Everybody may use the wiki.")
permit (
  principal in Group::"staff",
  action in [Action::"discover", Action::"call", Action::"get", Action::"read"],
  resource in Server::"wiki"
);

@id("P-2")
@reason("Books are for Finance.")
permit (
  principal in Group::"finance",
  action in [Action::"discover", Action::"call"],
  resource in Server::"books"
);
`;

/** Acme: `wiki` for all staff, `books` for finance. Returns how to change a file the way an editor does not: in place. */
export function writeCompany(dir: string) {
  for (const part of ['servers', 'policies']) mkdirSync(join(dir, part), { recursive: true });
  const write = (file: string, content: string | Json) =>
    writeFileSync(join(dir, file), typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`);
  write('org.yaml', orgYaml);
  write('limits.yaml', 'concurrentCalls: 8\n');
  write('servers/wiki.json', serverJson('wiki'));
  write('servers/books.json', serverJson('books'));
  write('policies/main.cedar', policies);
  return { write };
}
