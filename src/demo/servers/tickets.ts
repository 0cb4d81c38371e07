import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { memorySkillFiles, SkillsExtension } from '@modelcontextprotocol/server/ext/skills';
import { z } from 'zod';
import { perRequestSite, refusal, type Site, structured } from './site.ts';

const project = z.enum(['apollo', 'zephyr', 'borealis']);
const status = z.enum(['open', 'closed']);
const priority = z.enum(['low', 'normal', 'high']);
const ticketSchema = z.object({
  id: z.string(),
  project,
  title: z.string(),
  body: z.string(),
  status,
  priority,
  resolution: z.string().optional(),
  comments: z.array(z.object({ at: z.string(), text: z.string() })),
});
type Ticket = z.infer<typeof ticketSchema>;

const titles: [z.infer<typeof project>, string, z.infer<typeof priority>][] = [
  ['apollo', 'Sign-in page flickers in dark mode', 'normal'],
  ['apollo', 'Export to CSV drops the last row', 'high'],
  ['zephyr', 'Rotate the staging certificates', 'high'],
  ['zephyr', 'Document the retry settings', 'low'],
  ['borealis', 'Search finds nothing with an umlaut', 'normal'],
  ['borealis', 'Slow start on the first Monday of the month', 'normal'],
];

function seed(): Map<string, Ticket> {
  const tickets = titles.map(([of, title, weight], index): Ticket => {
    const id = `T-${101 + index}`;
    return { id, project: of, title, body: `Reported by the ${of} team.`, status: 'open', priority: weight, comments: [] };
  });
  return new Map(tickets.map((ticket) => [ticket.id, ticket]));
}

const reads = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const adds = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false };

const listInput = z.object({ project: project.optional(), status: status.optional() });
const idInput = z.object({ id: z.string().describe('For example T-101') });
const createInput = z.object({ project, title: z.string().min(1), body: z.string().optional(), priority: priority.optional() });
const commentInput = z.object({ id: z.string(), text: z.string().min(1) });
const closeInput = z.object({ id: z.string(), project: project.meta({ 'x-mcp-header': 'Project' }), resolution: z.string().min(1) });
const listOutput = z.object({ tickets: z.array(ticketSchema) });

const boardUri = 'ticket://board';

const skillFiles = {
  'weekly-review/SKILL.md': `---
name: weekly-review
description: Go through a project's open tickets once a week and leave each with a next step.
---
# Weekly review

1. List the open tickets of the project with list_tickets.
2. Read each with get_ticket and judge it by references/priorities.md.
3. Say in a comment (comment_ticket) what happens next and who does it.
4. Close nothing yourself: propose it, and let the project's team do it.
`,
  'weekly-review/references/priorities.md': `# Priorities

- high: customers cannot work, or a date is at risk. Next step within a day.
- normal: customers can work around it. Next step within the week.
- low: everything else. A ticket that stays low for a quarter may be closed.
`,
};

/** A small issue tracker of the modern era: reading, writing and one closing tool, a prompt, tickets as resources, and a skill. */
export async function openTickets(options: { now: () => number }): Promise<Site> {
  const tickets = seed();
  const skills = await SkillsExtension.load(memorySkillFiles(skillFiles), { strict: true });
  const site = perRequestSite(() => {
    const server = new McpServer(
      { name: 'tickets', title: 'Tickets', version: '1.0.0' },
      {
        instructions: 'Tickets belong to a project: apollo, zephyr or borealis. Read a ticket before you change it.',
        capabilities: { resources: { subscribe: true } },
      },
    );
    tools(server);
    readables(server);
    skills.attach(server);
    return server;
  });

  const missing = (id: string) => refusal(`There is no ticket ${id}. List the tickets to see which there are.`);
  const changed = (ticket: Ticket) => {
    site.notify.resourceUpdated(boardUri);
    site.notify.resourceUpdated(`ticket://${ticket.id}`);
    return structured(ticket);
  };

  function tools(server: McpServer) {
    server.registerTool(
      'list_tickets',
      {
        title: 'List tickets',
        description: 'Lists tickets, of one project or status where given.',
        inputSchema: listInput,
        outputSchema: listOutput,
        annotations: reads,
      },
      (wanted) =>
        structured({
          tickets: [...tickets.values()].filter(
            (ticket) => (!wanted.project || ticket.project === wanted.project) && (!wanted.status || ticket.status === wanted.status),
          ),
        }),
    );
    server.registerTool(
      'get_ticket',
      { title: 'Read a ticket', description: 'One ticket with its comments.', inputSchema: idInput, annotations: reads },
      ({ id }) => {
        const ticket = tickets.get(id);
        return ticket ? structured(ticket) : missing(id);
      },
    );
    server.registerTool(
      'create_ticket',
      {
        title: 'Create a ticket',
        description: 'Opens a new ticket in a project.',
        inputSchema: createInput,
        outputSchema: ticketSchema,
        annotations: adds,
      },
      (fields) => {
        const ticket: Ticket = {
          id: `T-${101 + tickets.size}`,
          project: fields.project,
          title: fields.title,
          body: fields.body ?? '',
          status: 'open',
          priority: fields.priority ?? 'normal',
          comments: [],
        };
        tickets.set(ticket.id, ticket);
        return changed(ticket);
      },
    );
    server.registerTool(
      'comment_ticket',
      { title: 'Comment on a ticket', description: 'Adds a comment to a ticket.', inputSchema: commentInput, annotations: adds },
      ({ id, text }) => {
        const ticket = tickets.get(id);
        if (!ticket) return missing(id);
        ticket.comments.push({ at: new Date(options.now()).toISOString(), text });
        return changed(ticket);
      },
    );
    server.registerTool(
      'close_ticket',
      {
        title: 'Close a ticket',
        description: 'Closes a ticket for good. The project must be the one that the ticket belongs to.',
        inputSchema: closeInput,
        annotations: { ...adds, destructiveHint: true, idempotentHint: true },
      },
      ({ id, project: stated, resolution }) => {
        const ticket = tickets.get(id);
        if (!ticket) return missing(id);
        // A rule about the argument would be worth nothing if the argument could be a lie.
        if (ticket.project !== stated) return refusal(`Ticket ${id} does not belong to the project ${stated}.`);
        ticket.status = 'closed';
        ticket.resolution = resolution;
        return changed(ticket);
      },
    );
  }

  function readables(server: McpServer) {
    server.registerPrompt(
      'triage_ticket',
      { title: 'Triage a ticket', description: 'Asks for a priority and an owner, with reasons.', argsSchema: idInput },
      ({ id }) => ({
        messages: [
          {
            role: 'user',
            content: {
              type: 'text',
              text: `Triage this ticket: propose a priority and an owner, and say why.\n\n${JSON.stringify(tickets.get(id) ?? { id, missing: true })}`,
            },
          },
        ],
      }),
    );
    server.registerResource(
      'board',
      boardUri,
      { title: 'Board', description: 'How many tickets each project has.', mimeType: 'application/json' },
      () => ({ contents: [{ uri: boardUri, mimeType: 'application/json', text: JSON.stringify(board(tickets.values())) }] }),
    );
    server.registerResource(
      'ticket',
      new ResourceTemplate('ticket://{id}', {
        list: undefined,
        complete: { id: (start) => [...tickets.keys()].filter((id) => id.startsWith(start)) },
      }),
      { title: 'One ticket', description: 'A ticket by its id.', mimeType: 'application/json' },
      (uri, { id }) => {
        const ticket = tickets.get(String(id));
        if (!ticket) throw new Error(`There is no ticket ${String(id)}.`);
        return { contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify(ticket) }] };
      },
    );
  }
  return site;
}

function board(tickets: Iterable<Ticket>): Record<string, { open: number; closed: number }> {
  const counts: Record<string, { open: number; closed: number }> = {};
  for (const ticket of tickets) (counts[ticket.project] ??= { open: 0, closed: 0 })[ticket.status]++;
  return counts;
}
