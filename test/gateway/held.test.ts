import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, makeBundle, openTestGateway } from '../support/gateway.ts';
import { type Agent, legacyAgent, modernAgent } from '../support/matrix-agent.ts';
import { openMatrixServer, uri } from '../support/matrix-server.ts';
import { until } from '../support/upstreams/open.ts';

/** What agents are subscribed to, when the rules change or somebody signs out. */

const schema = { type: 'object' };
const all = `@id("all") permit(principal, action, resource);`;
const noReading = `@id("calls") permit(principal, action in [Action::"call", Action::"discover"], resource);`;

async function open(t: { after(fn: () => unknown): void }) {
  const server = await openMatrixServer('legacy');
  t.after(() => server.close());
  let version = 0;
  const bundle = (url = server.url, policies = all) =>
    makeBundle({
      version: ++version,
      policies,
      servers: [
        entry({
          id: 'm',
          url,
          tools: [{ name: 'touch', inputSchema: schema }],
          catalogue: {
            tools: [
              { name: 'touch', inputSchema: schema },
              { name: 'seen', inputSchema: schema },
            ],
            resources: [{ uri, name: 'doc' }],
            capabilities: { tools: {}, resources: { subscribe: true } },
          },
        }),
      ],
    });
  const house = await openTestGateway(bundle());
  t.after(() => house.close());
  const agents = [await legacyAgent(house.url, house.token, {}), modernAgent(house.url, house.token, {})];
  t.after(() => {
    for (const agent of agents) agent.close();
  });
  for (const agent of agents) await agent.hear(uri);
  const touch = () => agents[1]!.call('tools/call', { name: 'm__touch', arguments: {} });
  const updates = (agent: Agent) => agent.heard.filter(({ method }) => method === 'notifications/resources/updated').length;
  /** Both hear of the next change; making it again and again would hide what is heard twice. */
  const hears = async (when: string) => {
    for (const agent of agents) {
      const before = updates(agent);
      await until(async () => {
        await touch();
        await new Promise((resolve) => setTimeout(resolve, 30));
        return updates(agent) > before;
      }).catch(() => assert.fail(when));
    }
  };
  return { house, server, bundle, agents, touch, updates, hears };
}

test('subscriptions are made again where the server is another', { timeout: 20_000 }, async (t) => {
  const { house, server, bundle, hears } = await open(t);
  await hears('before');
  await house.apply(bundle(`${server.url}?moved`));
  await hears('after a move');
});

test('subscriptions are made again after a sign-out and a sign-in', { timeout: 20_000 }, async (t) => {
  const { house, bundle, hears } = await open(t);
  await house.apply(undefined);
  await house.upstreams.replace([]);
  await house.apply(bundle());
  await hears('after a sign-in');
});

test('what may not be read any more is let go, and can be subscribed to again once it may', { timeout: 20_000 }, async (t) => {
  const { house, server, bundle, agents, touch, updates, hears } = await open(t);
  await house.apply(bundle(server.url, noReading));
  await house.apply(bundle());
  await touch();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(agents.map(updates), [0, 0]);
  assert.deepEqual((await agents[0]!.call('resources/subscribe', { uri })).answer?.['result'], {});
  await agents[1]!.hear(uri);
  await hears('after subscribing again');
});
