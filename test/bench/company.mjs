// Writes a company folder for a measurement: echo servers with many tools, and as many rules as asked.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { catalogueHashes } from '../../src/central/content/definition-hash.ts';

/** `tools` each of `servers`, all of them at one address. The last of them may be one that is called with exchanged tokens. */
export function writeCompany(dir, { port, tools, rules, servers = 1, exchange = false }) {
  mkdirSync(join(dir, 'servers'), { recursive: true });
  mkdirSync(join(dir, 'policies'), { recursive: true });
  // What it says of agents names servers that are not here.
  const { agents: _, ...org } = parse(readFileSync('resources/demo/org.yaml', 'utf8'));
  writeFileSync(join(dir, 'org.yaml'), stringify(org));
  // Nothing of the demo's own limits may be what is measured.
  writeFileSync(join(dir, 'limits.yaml'), 'concurrentCalls: 1000\ncallsPerMinute: 0\n');
  const ids = Array.from({ length: servers }, (_, i) => (i ? `echo-${i}` : 'echo'));
  // The demo's identity provider exchanges tokens for this audience.
  const auth = { type: 'exchange', audience: 'crm' };
  for (const id of ids) writeServer(dir, id, port, tools, exchange && id === ids.at(-1) ? { auth } : {});
  const lines = ids.flatMap((id) => [
    `@id("see-${id}") @reason("bench") permit (principal in Group::"staff", action == Action::"discover", resource == Server::"${id}");`,
    `@id("call-${id}") @reason("bench") permit (principal in Group::"engineering", action == Action::"call", resource in Server::"${id}");`,
  ]);
  for (let n = lines.length; n < rules; n++) {
    const group = ['staff', 'engineering', 'marketing', 'finance', 'it', 'apollo', 'zephyr', 'borealis'][n % 8];
    const tool = `Tool::"${ids[n % ids.length]}/echo_${n % tools || 1}"`;
    lines.push(
      n % 5 === 0
        ? `@id("r${n}") @reason("bench") forbid (principal in Group::"${group}", action == Action::"call", resource == ${tool}) when { context.args has message && context.args.message == "no${n}" };`
        : `@id("r${n}") @reason("bench") permit (principal in Group::"${group}", action == Action::"call", resource == ${tool});`,
    );
  }
  writeFileSync(join(dir, 'policies', 'bench.cedar'), `${lines.join('\n')}\n`);
}

function writeServer(dir, id, port, tools, more) {
  const definitions = Array.from({ length: tools }, (_, i) => ({
    name: i ? `echo_${i}` : 'echo',
    description: `Echo the message back, variant ${i} of echo`,
    inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
    annotations: { readOnlyHint: true },
  }));
  const catalogue = {
    serverInfo: { name: 'echo', version: '1.0.0' },
    capabilities: { tools: {} },
    tools: definitions,
    prompts: [],
    resources: [],
    resourceTemplates: [],
  };
  writeFileSync(
    join(dir, 'servers', `${id}.json`),
    JSON.stringify({
      $schema: JSON.parse(readFileSync('resources/demo/servers/tickets.json', 'utf8')).$schema,
      name: `example.bench/${id}`,
      title: 'Echo',
      description: 'Echoes',
      version: '1.0.0',
      remotes: [{ type: 'streamable-http', url: `http://127.0.0.1:${port}/mcp` }],
      // As `gatehouse policy bless` would write it.
      _meta: { 'dev.gatehouse/entry': { id, era: 'legacy', ...more, catalogue: { ...catalogue, hashes: catalogueHashes(catalogue) } } },
    }),
  );
}

export const remove = (dir) => rmSync(dir, { recursive: true, force: true });
