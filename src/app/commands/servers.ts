import { Failure } from '../../base/errors.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { ServerOutputs } from '../../contract/servers.ts';
import { loadValidation } from '../../policy/deciding/validation.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { AppState } from '../app-state.ts';
import { explanation, ownAgent, promptRows, resourceRows, serverRow, toolHit, toolRows } from '../rows.ts';
import type { FindTools } from '../search.ts';
import type { Handlers } from './handlers.ts';

type Rooms = Pick<
  AppState,
  'rules' | 'identity' | 'ledger' | 'gateway' | 'gatewayError' | 'upstreams' | 'signIns' | 'secrets' | 'host' | 'agents'
>;

export const serverHandlers: Handlers<keyof ServerOutputs, Rooms> = {
  async 'server-get'(house, { server }) {
    await loadValidation();
    const entry = visibleServer(house, server);
    const usage = house.ledger.usage('week', server);
    const url = `${house.gateway?.url ?? ''}/s/${server}`;
    return {
      ...serverRow(house, entry, house.ledger.today().byServer[server] ?? 0),
      url,
      tools: toolRows(house, entry),
      prompts: promptRows(house, entry),
      resources: resourceRows(house, entry),
      leftOut: entry.catalogue.leftOut,
      usage,
    };
  },
  'server-reconnect'(house, { server }) {
    visibleServer(house, server);
    house.upstreams.get(server)?.reset();
    return {};
  },
  async 'server-secret-set'(house, { server, name, value, place }) {
    await house.secrets.set(visibleServer(house, server), name, value, place);
    return {};
  },
  async 'server-secret-clear'(house, { server, name }) {
    await house.secrets.clear(visibleServer(house, server), name);
    return {};
  },
  async 'server-sign-in'(house, { server }) {
    const { url } = await house.signIns.begin(visibleServer(house, server));
    // Without a browser the person takes the address to one by hand.
    house.host.openExternal(url).catch(() => house.host.log.info({ server }, 'no browser could be opened for the sign-in at a server'));
    return { url };
  },
  async 'server-sign-out'(house, { server }) {
    visibleServer(house, server);
    await house.signIns.signOut(server);
    return {};
  },
  'server-stderr'(house, { server }) {
    if (visibleServer(house, server).launch === undefined)
      throw new Failure('bad-input', `The server "${server}" does not run on this computer.`, 'Its owner can see what it writes.');
    return { lines: house.upstreams.get(server)?.output() ?? [] };
  },
  async 'tools-list'(house, { server }) {
    await loadValidation();
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
};

function rules(house: Rooms) {
  if (house.rules) return house.rules;
  const signedIn = house.identity?.state().state === 'signed-in';
  if (signedIn)
    throw new Failure(
      'unavailable',
      'There is no company bundle yet.',
      'Gatehouse has not reached the company yet: see "gatehouse status".',
    );
  throw new Failure('signed-out', 'Nobody is signed in.', 'Sign in with "gatehouse login" or in the Gatehouse window.');
}

/** The search over the present bundle. If the bundle changes while its index is built, the new bundle's index is built instead. */
async function toolSearch(house: Rooms): Promise<FindTools> {
  const held = rules(house);
  const find = await held.search();
  return house.rules === held ? find : toolSearch(house);
}

/** A server that the person may not discover is answered like one that does not exist. */
function visibleServer(house: Rooms, id: string): ServerEntry {
  const entry = rules(house).bundle.servers.find((server) => server.id === id);
  if (!entry || rules(house).policy.canDiscover(id, ownAgent).effect === 'deny')
    throw new Failure('not-found', `There is no server ${JSON.stringify(id)} for you.`, 'See your servers with "gatehouse servers".');
  return entry;
}
