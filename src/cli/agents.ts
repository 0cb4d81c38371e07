import { Failure } from '../base/errors.ts';
import type { AgentRow } from '../contract/agents.ts';
import { ask } from '../shell/control-client.ts';
import { type PolicyValues, policy, policyOptions } from './agents-policy.ts';
import { move, putBack, request, scan } from './agents-scan.ts';
import { allow, deny, limit, requests } from './agents-sign-in.ts';
import { options, runningDataDir } from './options.ts';
import { paint, plain, table } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, positionals, values } = options(args, {
    verb: 'agents',
    positionals: [1, 2],
    options: {
      server: { type: 'string', multiple: true },
      all: { type: 'boolean' },
      name: { type: 'string' },
      days: { type: 'string' },
      preview: { type: 'boolean' },
      reason: { type: 'string' },
      ...policyOptions,
    },
  });
  const [action = '', name] = positionals;
  const { server: servers, all, name: called, days } = values as { server?: string[]; all?: boolean; name?: string; days?: string };
  const given = Object.keys(values).filter((key) => key !== 'data' && key !== 'json');
  const form = Object.hasOwn(forms, action) ? forms[action] : undefined;
  const missing = form?.optional !== true && (name === undefined) !== (form?.what === undefined);
  if (form === undefined || given.some((key) => !form.takes.includes(key)) || missing)
    throw new Failure(
      'bad-input',
      form?.what !== undefined && name === undefined
        ? form.what
        : `"${positionals.join(' ')}" is not understood, or not with these options.`,
      usageOf('agents'),
    );
  const dataDir = runningDataDir(data);
  switch (action) {
    case 'list':
      return await list(dataDir, json, io);
    case 'requests':
      return await requests(dataDir, json, io);
    case 'policy':
      return await policy({ dataDir, agent: name, values: values as PolicyValues, json }, io);
    case 'move':
      return await move(dataDir, name!, values as { preview?: boolean }, json, io);
    case 'ask':
      return await request(dataDir, name!, (values as { reason?: string }).reason, json, io);
    case 'put-back':
      return await putBack(dataDir, name!, json, io);
    case 'scan':
      return await scan(dataDir, json, io);
    case 'dismiss':
      await ask(dataDir, 'exposure-dismiss', {});
      io.out(json ? '{}' : 'The list of credentials that may have leaked is put away; they stay good.');
      return 0;
    case 'add':
      return await add(dataDir, name!, servers, json, io);
    case 'allow':
      if (servers !== undefined && all !== undefined)
        throw new Failure('bad-input', 'Either --server or --all, not both.', usageOf('agents'));
      return await allow(dataDir, name!, { name: called, servers: all ? 'all' : servers, days }, json, io);
    case 'deny':
      return await deny(dataDir, name!, json, io);
    case 'limit':
      if ((servers === undefined) === (all === undefined))
        throw new Failure('bad-input', 'Say which servers it may reach with --server, or --all.', usageOf('agents'));
      return await limit(dataDir, name!, servers, json, io);
    default:
      await ask(dataDir, 'agent-revoke', { name: name! });
      io.out(json ? '{}' : `${name} may no longer use the gateway; its open sessions have ended.`);
      return 0;
  }
}

const whichAgent = 'Which agent? Give it a name.';
const whichRequest = 'Which request? Say its code: gatehouse agents requests';

/** What each form takes; `what` says what is missing, for those that need something more. */
const forms: Record<string, { what?: string; optional?: true; takes: readonly string[] }> = {
  policy: { optional: true, takes: Object.keys(policyOptions) },
  list: { takes: [] },
  scan: { takes: [] },
  move: { what: 'Which server? AGENT/SERVER: gatehouse agents scan', takes: ['preview'] },
  ask: { what: 'Which server? AGENT/SERVER: gatehouse agents scan', takes: ['reason'] },
  'put-back': { what: 'Which one? Say its code: gatehouse agents scan', takes: [] },
  requests: { takes: [] },
  dismiss: { takes: [] },
  add: { what: whichAgent, takes: ['server'] },
  revoke: { what: whichAgent, takes: [] },
  limit: { what: whichAgent, takes: ['server', 'all'] },
  allow: { what: whichRequest, takes: ['server', 'all', 'name', 'days'] },
  deny: { what: whichRequest, takes: [] },
};

async function add(dataDir: string, name: string, servers: string[] | undefined, json: boolean, io: Io): Promise<number> {
  const made = await ask(dataDir, 'agent-add', { name, ...(servers === undefined ? {} : { servers }) });
  if (json) {
    io.out(JSON.stringify({ name: made.name, token: made.token, url: made.url }));
    return 0;
  }
  const { configs } = await ask(dataDir, 'agent-configs', { name: made.name, token: made.token });
  const shell = configs.find((config) => config.language === 'shell');
  io.out(`Agent   ${made.name}\nURL     ${made.url}\nToken   ${paint(io, 'bold', made.token)}\n\nThe token is shown only now.`);
  if (shell !== undefined) io.out(`${shell.title}:\n\n  ${shell.text.trim().replaceAll('\n', '\n  ')}`);
  return 0;
}

async function list(dataDir: string, json: boolean, io: Io): Promise<number> {
  const { agents } = await ask(dataDir, 'status', {});
  if (json) io.out(JSON.stringify(agents));
  else if (agents.length === 0) io.out('There is no agent yet. Add one: gatehouse agents add NAME');
  else {
    io.out(
      table(
        io,
        ['NAME', 'STATE', 'REACHES', 'SESSIONS', 'CALLS TODAY', 'LAST SEEN', 'PROGRAM', 'PROTOCOL'],
        agents.map((agent) => [
          plain(agent.name),
          stateOf(agent, io),
          plain(agent.servers?.join(', ') ?? 'all'),
          String(agent.sessions),
          String(agent.callsToday),
          agent.lastSeenAt ?? 'never',
          agent.client === undefined ? '' : plain(`${agent.client.name} ${agent.client.version}`),
          agent.era === undefined ? '' : agent.era === 'modern' ? '2026-07-28' : '2025-11-25 or older',
        ]),
      ),
    );
  }
  return 0;
}

function stateOf({ revokedAt, expiresAt, signIn }: AgentRow, io: Io): string {
  if (revokedAt !== undefined) return paint(io, 'red', 'revoked');
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now()) return paint(io, 'yellow', 'over');
  return signIn?.open === false ? paint(io, 'yellow', 'signed out') : paint(io, 'green', 'active');
}
