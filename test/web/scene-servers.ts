import { Failure } from '../../src/base/errors.ts';
import type { Explanation } from '../../src/contract/explanation.ts';
import type { PromptRow, ResourceRow, ServerDetail, ServerRow, ToolRow } from '../../src/contract/servers.ts';
import { usage } from './scene-ledger.ts';

const row = (id: string, title: string, description: string, change: Partial<ServerRow> = {}): ServerRow => ({
  id,
  title,
  description,
  kind: 'remote',
  version: '1.4.0',
  dataClass: 'internal',
  trust: 'first-party',
  owner: 'Platform team',
  state: 'connected',
  era: 'modern',
  secrets: [],
  toolsAllowed: 6,
  toolsTotal: 9,
  callsToday: 48,
  ...change,
});

export const servers = (): ServerRow[] => [
  row('tickets', 'Tickets', 'Search, read and update tickets of your projects', { callsToday: 142 }),
  row('crm', 'Customers', 'Customer records and their history', {
    dataClass: 'confidential',
    owner: 'Sales operations',
    toolsAllowed: 2,
    toolsTotal: 7,
    callsToday: 31,
  }),
  row('everything', 'Everything', 'The reference server: every feature of the protocol', {
    trust: 'community',
    era: 'legacy',
    toolsAllowed: 11,
    toolsTotal: 11,
    callsToday: 12,
    version: '2026.8.31',
  }),
  row('files', 'Files', 'The shared project folder', {
    kind: 'local',
    era: 'legacy',
    trust: 'community',
    toolsAllowed: 9,
    toolsTotal: 14,
    callsToday: 77,
  }),
  row('memory', 'Memory', 'A knowledge graph that agents keep between talks', {
    kind: 'local',
    era: 'legacy',
    state: 'connecting',
    callsToday: 3,
  }),
  row('payroll', 'Payroll', 'Salaries and pay slips', {
    dataClass: 'restricted',
    owner: 'Finance',
    state: 'idle',
    toolsAllowed: 0,
    toolsTotal: 5,
    callsToday: 0,
  }),
  row('releases', 'Releases', 'Build, sign and publish releases', {
    state: 'backing-off',
    era: 'legacy',
    error: 'The server closed the connection: 502 Bad Gateway from releases.northwind.example.',
    retryAt: new Date(Date.now() + 24_000).toISOString(),
    callsToday: 5,
  }),
];

export const output: string[] = [
  'Secure MCP Filesystem Server running on stdio',
  ...Array.from(
    { length: 40 },
    (_, at) => `2026-11-24T09:${String(at).padStart(2, '0')}:11Z info  read /srv/projects/apollo/notes-${at}.md (${at * 37} bytes)`,
  ),
  '2026-11-24T10:02:54Z warn  token [secret] expires in 3 days, see https://files.northwind.example/renew',
  `2026-11-24T10:03:00Z error ${'x'.repeat(240)}`,
  "Error: ENOENT: no such file or directory, open '/srv/projects/apollo/<img src=x onerror=alert(1)>'",
];

const access = (effect: Explanation['effect'], rule: string, reason: string, change: Partial<Explanation> = {}): Explanation => ({
  effect,
  rule,
  reason,
  bundleVersion: 42,
  visible: true,
  ...change,
});

const tool = (name: string, description: string, why: Explanation, change: Partial<ToolRow> = {}): ToolRow => ({
  server: 'tickets',
  name,
  exposedName: `tickets__${name}`,
  description,
  readOnly: false,
  destructive: false,
  openWorld: false,
  tags: [],
  inputSchema,
  access: why,
  conditional: false,
  ...change,
});

const inputSchema = {
  type: 'object',
  required: ['ticket', 'resolution'],
  properties: {
    ticket: { type: 'string', description: 'The ticket’s number, with its project: PLAT-1043' },
    resolution: { type: 'string', enum: ['done', 'duplicate', 'wont-do'], description: 'How it ended' },
    comment: { type: 'string', description: 'Shown to everyone who watches the ticket' },
    notify: {
      type: 'object',
      properties: { watchers: { type: 'boolean', default: true }, channels: { type: 'array', items: { type: 'string', format: 'uri' } } },
    },
  },
};

const reads = access('allow', 'R-01', 'Engineers may read tickets of every project');
const tools: ToolRow[] = [
  tool('search_tickets', 'Finds tickets by text, state, project or person', reads, { title: 'Search tickets', readOnly: true }),
  tool('get_ticket', 'One ticket with its comments and history', reads, { readOnly: true }),
  tool('list_projects', 'The projects you can see', reads, { readOnly: true }),
  tool('add_comment', 'Adds a comment to a ticket', access('allow', 'R-02', 'Engineers may comment')),
  tool(
    'close_ticket',
    'Closes a ticket with a resolution. A closed ticket can be opened again by its project’s lead.',
    access('allow', 'R-07', 'Only in your own project', { missing: 'args.project must be one of your own projects' }),
    {
      title: 'Close ticket',
      conditional: true,
      tags: ['workflow'],
    },
  ),
  tool('assign_ticket', 'Gives a ticket to a person', access('ask', 'R-11', 'Giving work to others needs your approval')),
  tool('delete_ticket', 'Removes a ticket for good', access('deny', 'R-20', 'Tickets are records: nobody removes them by machine'), {
    destructive: true,
  }),
  tool('export_all', 'Every ticket of a project as one file', access('deny', 'gatehouse:no-permit', 'No rule allows this'), {
    readOnly: true,
    openWorld: true,
  }),
  tool('webhook_create', 'Sends events to an address outside', access('deny', 'R-21', 'Data may not leave the company'), {
    openWorld: true,
    destructive: true,
  }),
];

const prompts: PromptRow[] = [
  { name: 'triage', title: 'Triage', description: 'Sorts new tickets by urgency', access: reads },
  { name: 'weekly_report', description: 'What was done this week, by project', access: access('deny', 'R-30', 'Reports are for leads') },
];
const resources: ResourceRow[] = [
  { uri: 'tickets://projects', template: false, name: 'Projects', mimeType: 'application/json', access: reads },
  {
    uri: 'tickets://{project}/{number}',
    template: true,
    name: 'Ticket',
    description: 'One ticket as Markdown',
    mimeType: 'text/markdown',
    access: reads,
  },
];

/** A name of 128 characters, without a place to break. */
export const longName = `tool_${'very_long_name_'.repeat(9)}`.slice(0, 128);

export function detail(id: string, options: { tools?: number; longNames?: boolean } = {}): ServerDetail {
  const server = servers().find((server) => server.id === id);
  if (!server) throw new Failure('not-found', `There is no server ${id}.`, 'See the servers that are there.');
  const mine =
    id === 'tickets'
      ? tools
      : tools.slice(0, server.toolsTotal).map((tool) => ({ ...tool, server: id, exposedName: `${id}__${tool.name}` }));
  const many = Array.from({ length: options.tools ?? 0 }, (_, index) => ({
    ...mine[index % mine.length]!,
    name: options.longNames && index === 0 ? longName : `tool_${String(index + 1).padStart(4, '0')}`,
  }));
  return {
    ...server,
    url: `http://127.0.0.1:4283/mcp/s/${id}`,
    tools: many.length > 0 ? many : mine,
    prompts: id === 'tickets' ? prompts : [],
    resources: id === 'tickets' ? resources : [],
    leftOut:
      id === 'files'
        ? [
            { what: 'tools[3] grep_all', why: 'its inputSchema is missing' },
            { what: `tools[7] ${longName}`, why: 'its inputSchema.type is missing' },
          ]
        : [],
    usage: usage('day', id),
  };
}
