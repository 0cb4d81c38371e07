import { agentConfigs } from '../agents/clients/known.ts';
import { Failure, toErrorValue } from '../base/errors.ts';
import type { ServerEntry } from '../bundle/schema.ts';
import { type Command, type CommandParsed, commands, type Outputs } from '../contract/contract.ts';
import { loadValidation } from '../policy/deciding/validation.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Core, House } from './core.ts';
import { explanation, ownAgent, promptRows, resourceRows, serverRow, toolHit, toolRows } from './rows.ts';
import type { FindTools } from './search.ts';
import { buildView } from './view.ts';

type Handlers = { [C in Command]: (house: House, input: CommandParsed<C>) => Outputs[C] | Promise<Outputs[C]> };

/** Refuses what is no command, checks every input, and gives errors back as values. What is unexpected is logged, not told. */
export function dispatcher(house: House): Core['dispatch'] {
  return async (command, input) => {
    try {
      if (!Object.hasOwn(commands, command))
        throw new Failure(
          'bad-input',
          `There is no command ${JSON.stringify(command.slice(0, 64))}.`,
          'Use a window or command line of the same version as the host.',
        );
      const parsed = commands[command as Command].safeParse(input ?? {});
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        throw new Failure(
          'bad-input',
          `${command}: ${issue?.path.join('.') || 'input'}: ${issue?.message ?? 'not valid'}`,
          'Correct the input and try again.',
        );
      }
      const handle = handlers[command as Command] as (house: House, input: unknown) => unknown;
      return { ok: true, value: await handle(house, parsed.data) };
    } catch (error) {
      if (!(error instanceof Failure)) house.host.log.error({ err: error, command }, 'a command failed');
      return { ok: false, error: toErrorValue(error) };
    }
  };
}

const handlers: Handlers = {
  async 'sign-in'(house, { method }) {
    return await identity(house).signIn(method);
  },
  'sign-in-cancel'(house) {
    identity(house).cancel();
    return {};
  },
  'sign-out': (house) => identity(house).signOut(),
  async 'bundle-refresh'(house) {
    const { bundle, error } = await company(house).refresh();
    if (error) throw new Failure(error.code, error.message, error.fix);
    return bundle ? { version: bundle.version } : {};
  },
  'server-get'(house, { server }) {
    const entry = visibleServer(house, server);
    const usage = house.ledger.usage('week', server);
    const url = `${house.gateway?.url ?? ''}/s/${server}`;
    return {
      ...serverRow(house, entry, house.ledger.today().byServer[server] ?? 0),
      url,
      tools: toolRows(house, entry),
      prompts: promptRows(house, entry),
      resources: resourceRows(house, entry),
      usage,
    };
  },
  'server-reconnect'(house, { server }) {
    visibleServer(house, server);
    house.upstreams.get(server)?.reset();
    return {};
  },
  'server-stderr'(house, { server }) {
    if (visibleServer(house, server).launch === undefined)
      throw new Failure('bad-input', `The server "${server}" does not run on this computer.`, 'Its owner can see what it writes.');
    return { lines: house.upstreams.get(server)?.output() ?? [] };
  },
  'tools-list'(house, { server }) {
    const entries = server === undefined ? rules(house).bundle.servers : [visibleServer(house, server)];
    return { tools: entries.flatMap((entry) => toolRows(house, entry)) };
  },
  async 'tools-search'(house, { text, limit, agent = ownAgent }) {
    const find = await toolSearch(house);
    if (agent !== ownAgent && !house.agents.list().some(({ name, revokedAt }) => name === agent && revokedAt === undefined))
      throw new Failure('not-found', `There is no agent named ${JSON.stringify(agent)}.`, 'See your agents with "gatehouse agents list".');
    return { tools: find(text, limit, (entry, tool) => toolHit(house, entry, tool, agent)) };
  },
  async 'tool-call'(house, { server, tool, arguments: args }) {
    rules(house);
    if (!house.gateway) throw new Failure('unavailable', 'The gateway is not running.', house.gatewayError?.fix);
    return { result: await house.gateway.callTool(ownAgent, server, tool, args as JsonObject, AbortSignal.timeout(600_000)) };
  },
  async 'tool-explain'(house, { server, tool, arguments: args }) {
    await loadValidation();
    const { policy, bundle } = rules(house);
    const listed = policy.list('call', server, ownAgent).get(tool);
    const visible = listed !== undefined && listed.effect !== 'deny';
    const verdict =
      args === undefined && listed ? listed : policy.decide({ action: 'call', server, name: tool, args: args ?? {}, agent: ownAgent });
    return explanation(verdict, visible, bundle.version);
  },
  'access-request': (house, input) =>
    company(house).postRequest({ server: input.server, reason: input.reason, ...(input.tool === undefined ? {} : { tool: input.tool }) }),
  async 'agent-add'(house, { name }) {
    if (name === ownAgent) throw new Failure('bad-input', `"${ownAgent}" is the name of the person's own calls.`, 'Choose another name.');
    const { url } = await ownGateway(house);
    const { token } = await house.agents.add(name);
    return { name, token, url };
  },
  async 'agent-revoke'(house, { name }) {
    await house.agents.revoke(name);
    return {};
  },
  async 'agent-configs'(house, { name, token }) {
    const { url } = await ownGateway(house);
    return { configs: agentConfigs({ url, name, ...(token === undefined ? {} : { token }) }) };
  },
  'exposure-dismiss'(house) {
    house.port?.dismiss();
    return {};
  },
  'activity-list': (house, filter) => house.ledger.list(filter),
  'activity-get'(house, { seq }) {
    const found = house.ledger.get(seq);
    if (!found) throw new Failure('not-found', `There is no record ${seq}.`, 'See the records with "gatehouse ledger tail".');
    return found;
  },
  'usage-get': (house, { range, server }) => house.ledger.usage(range, server),
  'ledger-verify': (house) => house.ledger.verify(),
  'ledger-accept-loss': (house) => house.ledger.acceptLoss(house.identity?.state().person?.sub ?? ''),
  'ledger-export': (house, { format, before, limit }) => house.ledger.export(format, before, limit),
  async status(house) {
    await house.port?.check();
    return buildView(house);
  },
};

/** Whoever has the port in our place would be sent the token: so it is tried first, and what is not known to be ours is not given out. */
async function ownGateway(house: House) {
  const error = house.port ? await house.port.check() : house.gatewayError;
  if (house.gateway && house.port && !error) return house.gateway;
  throw new Failure(
    error?.code ?? 'unavailable',
    `${error?.message ?? 'The gateway is not running.'} So no address is given to an agent, and no token.`,
    error?.fix,
  );
}

const wait = 'Gatehouse has not reached the company yet: see "gatehouse status".';

function identity(house: House) {
  if (!house.identity)
    throw new Failure(
      'unavailable',
      house.settings.central === undefined ? 'No company is set up.' : 'The company cannot be reached.',
      house.settings.central === undefined ? 'Start with --central URL, or have IT set "central".' : wait,
    );
  return house.identity;
}

function company(house: House) {
  if (!house.company) throw new Failure('unavailable', 'The company cannot be reached.', wait);
  return house.company;
}

function rules(house: House) {
  if (house.rules) return house.rules;
  const signedIn = house.identity?.state().state === 'signed-in';
  if (signedIn) throw new Failure('unavailable', 'There is no company bundle yet.', wait);
  throw new Failure('signed-out', 'Nobody is signed in.', 'Sign in with "gatehouse login" or in the Gatehouse window.');
}

/** The search of the present bundle: a change while the index was built means another index. */
async function toolSearch(house: House): Promise<FindTools> {
  const held = rules(house);
  const find = await held.search();
  return house.rules === held ? find : toolSearch(house);
}

/** A server that the person may not discover is not in their bundle: there is nothing to tell. */
function visibleServer(house: House, id: string): ServerEntry {
  const found = rules(house).bundle.servers.find((entry) => entry.id === id);
  if (!found || rules(house).policy.canDiscover(id, ownAgent).effect === 'deny')
    throw new Failure('not-found', `There is no server ${JSON.stringify(id)} for you.`, 'See your servers with "gatehouse servers".');
  return found;
}
