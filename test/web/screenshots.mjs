// Takes the README's pictures from the real demo: three named agents make realistic calls through real SDK clients.
// Run: npm run build && node test/web/screenshots.mjs [FOLDER] [--more]
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { startDemo } from '../support/demo.ts';
import { launch } from './browser.ts';
import { pictureScenes } from './scene-pictures.mjs';

const most = 300_000;
const folder = resolve(process.argv[2] ?? 'resources/screenshots');
await mkdir(folder, { recursive: true });

const agents = [
  { name: 'Claude Code', client: { name: 'claude-code', version: '2.4.1' } },
  { name: 'VS Code', client: { name: 'Visual Studio Code', version: '1.121.0' } },
  { name: 'Codex', client: { name: 'codex-mcp-client', version: '0.98.0' } },
];
/** Who calls what; what is not the person's to do is refused. */
const calls = (files) => [
  [0, 'tickets__list_tickets', { project: 'apollo' }],
  [0, 'filesystem__read_text_file', { path: join(files, 'README.md') }],
  [1, 'filesystem__list_directory', { path: files }],
  [1, 'filesystem__search_files', { path: files, pattern: '**/*.md' }],
  [0, 'tickets__get_ticket', { id: 'T-102' }],
  [2, 'releases__list_releases', {}],
  [2, 'memory__create_entities', { entities: [{ name: 'apollo', entityType: 'project', observations: ['the reading lamp'] }] }],
  [0, 'filesystem__read_text_file', { path: join(files, 'parts.csv') }],
  [1, 'memory__read_graph', {}],
  [2, 'tickets__close_ticket', { id: 'T-103', project: 'zephyr', resolution: 'done' }],
  [0, 'tickets__comment_ticket', { id: 'T-102', text: 'The last row is cut where the file has no newline at its end.' }],
  [1, 'everything__get-sum', { a: 2, b: 40 }],
  [2, 'releases__build_release', { version: '2.3.0', seconds: 0 }],
  [1, 'tickets__list_tickets', {}],
  [0, 'tickets__close_ticket', { id: 'T-102', project: 'apollo', resolution: 'The last row is written.' }],
];

const demo = await startDemo({ account: 'engineer' });
const browser = await launch();
try {
  const open = [];
  for (const { name, client } of agents) {
    const { token, url } = await demo.json('agents', 'add', name);
    const agent = new Client(client);
    await agent.connect(
      new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
    );
    const { tools } = await agent.listTools();
    open.push({ agent, tools: new Map(tools.map((tool) => [tool.name, tool])) });
  }
  for (const [who, name, args] of calls(join(demo.dataDir, 'files'))) {
    const { agent, tools } = open[who];
    if (!tools.has(name)) console.log(`not offered: ${name}`);
    const result = await agent
      .callTool({ name, arguments: args })
      .catch((error) => ({ isError: true, content: [{ text: error.message }] }));
    if (result.isError) console.log(`${name}: ${result.content[0].text.slice(0, 160)}`);
    await pause(150);
  }
  /** As sharp as the limit on its size lets it be. */
  const shoot = async (name, hash, options = {}) => {
    const path = join(folder, `${name}.png`);
    for (const deviceScaleFactor of [2, 1.5, 1]) {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 800 },
        deviceScaleFactor,
        reducedMotion: 'reduce',
        ...options,
      });
      const page = await context.newPage();
      await page.goto(demo.ui);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      await pause(500);
      await page.screenshot({ path });
      await context.close();
      const { size } = await stat(path);
      if (size > most) continue;
      console.log(`${path}: ${Math.round(size / 1000)} kB at ${deviceScaleFactor}x`);
      return;
    }
    throw new Error(`${path} is larger than ${most} bytes at any scale`);
  };
  await shoot('overview', '#/');
  await shoot('overview-dark', '#/', { colorScheme: 'dark' });
  await shoot('server', '#/servers/tickets/tools/close_ticket');
  await shoot('activity', `#/activity/${(await demo.json('ledger', 'verify')).records - 5}`);
  for (const [name, hash] of process.argv.includes('--more')
    ? [
        ['overview', '#/'],
        ['servers', '#/servers'],
        ['server', '#/servers/tickets'],
        ['tool', '#/servers/tickets/tools/close_ticket'],
        ['agents', '#/agents'],
        ['activity', '#/activity'],
        ['record', `#/activity/${(await demo.json('ledger', 'verify')).records - 5}`],
        ['settings', '#/settings'],
      ]
    : []) {
    await shoot(`narrow-${name}`, hash, { viewport: { width: 420, height: 860 }, deviceScaleFactor: 1 });
    await shoot(`dark-${name}`, hash, { colorScheme: 'dark', deviceScaleFactor: 1 });
    await shoot(`narrow-dark-${name}`, hash, { viewport: { width: 420, height: 860 }, deviceScaleFactor: 1, colorScheme: 'dark' });
  }
  if (process.argv.includes('--more')) await pictureScenes(browser, folder);
  for (const { agent } of open) await agent.close();
} finally {
  await browser.close();
  await demo.stop();
}
