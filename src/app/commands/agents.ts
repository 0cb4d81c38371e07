import { agentConfigs } from '../../agents/clients/known.ts';
import { listed } from '../../agents/oauth/words.ts';
import { Failure } from '../../base/errors.ts';
import type { AgentOutputs } from '../../contract/agents.ts';
import type { ConsentOutputs } from '../../contract/consent.ts';
import type { ShadowOutputs } from '../../contract/shadow.ts';
import type { AppState } from '../app-state.ts';
import { bridgeOf } from '../bridges.ts';
import { ownAgent } from '../rows.ts';
import type { Handlers } from './handlers.ts';

type Rooms = Pick<
  AppState,
  | 'host'
  | 'note'
  | 'agents'
  | 'authorization'
  | 'connections'
  | 'managed'
  | 'shadow'
  | 'company'
  | 'rules'
  | 'gateway'
  | 'gatewayError'
  | 'port'
>;

export const agentHandlers: Handlers<keyof AgentOutputs | keyof ConsentOutputs | keyof ShadowOutputs, Rooms> = {
  async 'agent-add'(house, { name, servers }) {
    if (name.toLowerCase() === ownAgent)
      throw new Failure('bad-input', `"${ownAgent}" is the name of the person's own calls.`, 'Choose another name.');
    const { url } = await ownGateway(house);
    const { token } = house.agents.add(name, servers);
    return { name, token, url };
  },
  async 'agent-revoke'(house, { name }) {
    const wasLive = house.agents.isLive(name);
    try {
      house.agents.revoke(name);
    } finally {
      // Also where it could not be saved: it is out.
      if (wasLive && !house.agents.isLive(name)) house.note(`The person revoked the agent "${name}".`);
    }
    return {};
  },
  'agent-limit'(house, { name, servers }) {
    house.agents.limit(name, servers);
    house.note(`The person lets the agent "${name}" use ${listed(servers)}.`);
    return {};
  },
  async 'agent-configs'(house, { name, token }) {
    const { url } = await ownGateway(house);
    return { configs: agentConfigs({ url, name, bridge: bridgeOf(house.host), ...(token === undefined ? {} : { token }) }) };
  },
  async 'consent-allow'(house, { id, name, servers, days }) {
    // The agent takes its code to the port, so it must be our own.
    await ownGateway(house);
    const expiresAt = days === undefined || days === 0 ? days : house.host.now() + days * 86_400_000;
    return house.authorization.allow(id, { name, servers, expiresAt });
  },
  'consent-deny'(house, { id }) {
    house.authorization.deny(id);
    return {};
  },
  'agents-detect': ({ connections, gateway }) => ({ agents: connections.detect(gateway?.url) }),
  async 'agent-connect-preview'(house, { id, ...choice }) {
    const { url } = await ownGateway(house);
    return house.connections.preview(id, url, choice);
  },
  async 'agent-connect'(house, { id, ...choice }) {
    const { url } = await ownGateway(house);
    const connected = await house.connections.connect(id, url, choice);
    house.note(`The person connected ${connected.title}: its entry is in ${connected.file}.`);
    return connected;
  },
  async 'agent-disconnect'({ connections, note }, { id }) {
    const undone = await connections.disconnect(id);
    note(`The person disconnected ${undone.title}, whose entry was in ${undone.file}.`);
    return undone;
  },
  async 'agents-policy'(house) {
    // Where the rules are not here, nobody knows what the company states.
    if (house.rules === undefined)
      throw new Failure('unavailable', "The company's rules are not here.", 'Sign in, and wait until they have arrived.');
    const { origin } = new URL((await ownGateway(house)).url);
    const stated = house.rules.bundle.agents;
    const list = stated && { origin, others: stated.otherServers };
    return { origin, ...stated, agents: house.managed(list) };
  },
  'agents-scan': (house) => house.shadow.scan({ gateway: house.gateway?.url, blessed: house.rules?.bundle.servers }),
  async 'shadow-move-preview'(house, { id, name }) {
    return house.shadow.preview(id, name, await standingNow(house));
  },
  async 'shadow-move'(house, { id, name, planned }) {
    return house.shadow.move(id, name, await standingNow(house), planned);
  },
  async 'shadow-request'(house, { id, name, reason }) {
    if (!house.company) throw new Failure('unavailable', 'The company cannot be reached.', 'See: gatehouse status');
    const asked = house.shadow.described(id, name, { gateway: house.gateway?.url, blessed: house.rules?.bundle.servers });
    return house.company.postRequest({ ...asked, reason });
  },
  'shadow-put-back': ({ shadow }, { move }) => shadow.putBack(move),
  'exposure-dismiss'(house) {
    house.port?.dismiss();
    return {};
  },
};

/** For what takes something from an agent: the gateway must be there in its place. */
const standingNow = async (house: Rooms) => ({ gateway: (await ownGateway(house)).url, blessed: house.rules?.bundle.servers });

/** A program that has the port in our place would receive the token. So the port is checked first, and the address given out only if it is ours. */
async function ownGateway(house: Rooms) {
  const error = house.port ? await house.port.check() : house.gatewayError;
  if (house.gateway && house.port && !error) return house.gateway;
  throw new Failure(
    error?.code ?? 'unavailable',
    `${error?.message ?? 'The gateway is not running.'} So no address is given to an agent, and no token.`,
    error?.fix,
  );
}
