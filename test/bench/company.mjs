// Writes a company folder for a measurement: one echo server with many tools, and as many rules as asked.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogueHashes } from '../../src/central/definition-hash.ts';

export function writeCompany(dir, { port, tools, rules }) {
  mkdirSync(join(dir, 'servers'), { recursive: true });
  mkdirSync(join(dir, 'policies'), { recursive: true });
  cpSync('resources/demo/org.yaml', join(dir, 'org.yaml'));
  writeFileSync(join(dir, 'limits.yaml'), 'concurrentCalls: 1000\ncallsPerMinute: 0\n');
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
    join(dir, 'servers', 'echo.json'),
    JSON.stringify({
      $schema: JSON.parse(readFileSync('resources/demo/servers/tickets.json', 'utf8')).$schema,
      name: 'example.bench/echo',
      title: 'Echo',
      description: 'Echoes',
      version: '1.0.0',
      remotes: [{ type: 'streamable-http', url: `http://127.0.0.1:${port}/mcp` }],
      _meta: {
        'dev.gatehouse/entry': {
          id: 'echo',
          era: 'legacy',
          // As `gatehouse policy bless` would write them.
          catalogue: { ...catalogue, hashes: catalogueHashes(catalogue) },
        },
      },
    }),
  );
  const lines = [
    '@id("discover") @reason("bench") permit (principal in Group::"staff", action == Action::"discover", resource == Server::"echo");',
    '@id("calls") @reason("bench") permit (principal in Group::"engineering", action == Action::"call", resource in Server::"echo");',
  ];
  for (let n = lines.length; n < rules; n++) {
    const group = ['staff', 'engineering', 'marketing', 'finance', 'it', 'apollo', 'zephyr', 'borealis'][n % 8];
    lines.push(
      n % 5 === 0
        ? `@id("r${n}") @reason("bench") forbid (principal in Group::"${group}", action == Action::"call", resource == Tool::"echo/echo_${n % tools || 1}") when { context.args has message && context.args.message == "no${n}" };`
        : `@id("r${n}") @reason("bench") permit (principal in Group::"${group}", action == Action::"call", resource == Tool::"echo/echo_${n % tools || 1}");`,
    );
  }
  writeFileSync(join(dir, 'policies', 'bench.cedar'), `${lines.join('\n')}\n`);
}

export const remove = (dir) => rmSync(dir, { recursive: true, force: true });
