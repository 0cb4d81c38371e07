import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { allowAll, entry, legacySession, makeBundle, modernRequest, openTestGateway, post } from '../support/gateway.ts';
import { type Agent, legacyAgent, modernAgent } from '../support/matrix-agent.ts';
import { openMatrixServer, uri } from '../support/matrix-server.ts';
import { oauthAgent } from '../support/oauth-agent.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { until } from '../support/upstreams/open.ts';

/** What its person lets an agent reach: the rest is not there for it, by any way in, and the company's rules hold all the same. */

let house: Awaited<ReturnType<typeof openTestGateway>>;
let server: Awaited<ReturnType<typeof openMatrixServer>>;
let plain: Awaited<ReturnType<typeof openRpcServer>>;

before(async () => {
  server = await openMatrixServer('legacy');
  plain = await openRpcServer({});
  const policies = `${allowAll}\n@id("no") @reason("Hidden.") forbid(principal, action, resource in Server::"closed");\n@id("not") @reason("Hidden.") forbid(principal, action, resource == Server::"closed");`;
  const more = {
    tools: [{ name: 'secret' }],
    prompts: [{ name: 'secret' }],
    resources: [{ uri: 'x://secret', name: 's' }],
    resourceTemplates: [{ uriTemplate: 'x://rows/{id}', name: 'r' }],
    capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, completions: {} },
    instructions: 'Ask the far one.',
  };
  house = await openTestGateway(
    makeBundle({
      policies,
      servers: [
        entry({
          id: 'm',
          url: server.url,
          catalogue: {
            tools: [{ name: 'touch' }, { name: 'elicit' }],
            resources: [{ uri, name: 'doc' }],
            capabilities: { tools: {}, resources: { subscribe: true } },
          },
        }),
        entry({ id: 'far', url: plain.url, catalogue: more }),
        entry({ id: 'closed', url: plain.url, tools: [{ name: 'shut' }] }),
      ],
    }),
  );
});
after(async () => {
  await house.close();
  await server.close();
  await plain.close();
});

const kinds: Record<string, (servers: string[]) => Promise<string>> = {
  'a static token': async (servers) => house.agents.add('Static', servers).token,
  'one that signed in': async (servers) =>
    (await (await oauthAgent(new URL(house.url).origin, house.authorization).signIn({ choice: { name: 'Signed in', servers } })).tokens())
      .access_token,
};

for (const [kind, give] of Object.entries(kinds))
  test(`${kind}: what is out of reach answers like what does not exist, by every way in`, async () => {
    const token = await give(['m', 'closed']);
    const session = await legacySession(house.url, token);
    const lists = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];
    for (const method of lists)
      for (const { text } of [await session.send(method), await modernRequest(house.url, token, method)]) {
        assert.doesNotMatch(text, /far|secret|"x:|closed|shut/, method);
        if (method === 'tools/list') assert.match(text, /m__touch/);
      }
    assert.doesNotMatch(session.opened.text, /far one/);
    assert.match((await legacySession(house.url, house.token)).opened.text, /far one/);
    assert.match((await modernRequest(house.url, house.token, 'tools/list')).text, /far__secret/);
    const same = async (method: string, params: (name: string) => object, hidden: string, nowhere: string) => {
      for (const ask of [
        (params: object) => session.send(method, params),
        (params: object) => modernRequest(house.url, token, method, params as Record<string, unknown>),
      ]) {
        const [hiddenAnswer, absentAnswer] = [await ask(params(hidden)), await ask(params(nowhere))];
        const text = (answer: typeof hiddenAnswer, name: string) => answer.text.replace(/"id":\d+/, '').replaceAll(name, 'X');
        assert.equal(text(hiddenAnswer, hidden), text(absentAnswer, nowhere), `${method} ${hidden}`);
        assert.equal(hiddenAnswer.status, absentAnswer.status);
      }
    };
    const argument = { name: 'id', value: '7' };
    for (const name of ['far__secret', 'closed__shut'])
      await same('tools/call', (each) => ({ name: each, arguments: {} }), name, 'far__nothing');
    await same('prompts/get', (name) => ({ name }), 'far__secret', 'far__nothing');
    for (const hidden of ['x://secret', 'far+x://secret', 'x://rows/7', 'far+y://z']) {
      await same('resources/read', (each) => ({ uri: each }), hidden, 'none://nowhere');
      await same('resources/subscribe', (each) => ({ uri: each }), hidden, 'none://nowhere');
      await same('completion/complete', (each) => ({ ref: { type: 'ref/resource', uri: each }, argument }), hidden, 'none://nowhere');
    }
    await same('completion/complete', (name) => ({ ref: { type: 'ref/prompt', name }, argument }), 'far__secret', 'far__nothing');
    if (kind === 'a static token')
      for (const path of ['/s/far', '/s/none', '/s/closed'])
        assert.equal((await post(`${house.url}${path}`, token, { jsonrpc: '2.0', id: 1, method: 'ping' })).status, 404, path);
    assert.deepEqual(plain.seen, []);
    const denied = (await house.records()).filter(({ rule }) => rule === 'gatehouse:agent-limit');
    assert.ok(denied.length > 0, 'and is recorded as what it was');
  });

test('a limit that is set while agents are connected holds from the next request on, and lists change at once', {
  timeout: 20_000,
}, async (t) => {
  const { token } = house.agents.add('Open');
  const legacy = await legacyAgent(house.url, token, {});
  const modern = modernAgent(house.url, token, {});
  t.after(() => {
    legacy.close();
    modern.close();
  });
  const both: Agent[] = [legacy, modern];
  for (const agent of both) {
    await agent.hear(uri);
    assert.match(JSON.stringify(await agent.call('tools/list', {})), /m__touch/);
  }
  const heard = (agent: Agent, wanted: string) => agent.heard.filter(({ method }) => method === wanted).length;
  const touch = () => modernRequest(house.url, house.token, 'tools/call', { name: 'm__touch', arguments: {} });
  await until(async () => {
    await touch();
    return both.every((agent) => heard(agent, 'notifications/resources/updated') > 0);
  });
  house.agents.limit('Open', ['far']);
  assert.doesNotMatch((await modernRequest(house.url, token, 'tools/list')).text, /m__touch/);
  assert.match((await modernRequest(house.url, token, 'tools/call', { name: 'm__touch', arguments: {} })).text, /Unknown tool/);
  await until(() => heard(legacy, 'notifications/tools/list_changed') > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = both.map((agent) => heard(agent, 'notifications/resources/updated'));
  for (let time = 0; time < 3; time++) await touch();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(
    both.map((agent) => heard(agent, 'notifications/resources/updated')),
    before,
  );
  house.agents.limit('Open', undefined);
  assert.match((await modernRequest(house.url, token, 'tools/list')).text, /m__touch[\s\S]*far__secret/);
  assert.doesNotMatch((await modernRequest(house.url, token, 'tools/list')).text, /closed/);
});

test('an agent that is added anew under the name of a revoked one is shown what it may reach, and not what that one might', async () => {
  const { token: old } = house.agents.add('Twice');
  assert.match((await modernRequest(house.url, old, 'tools/list')).text, /far__secret/);
  house.agents.revoke('Twice');
  const { token } = house.agents.add('Twice', ['m']);
  for (const { text } of [
    await modernRequest(house.url, token, 'tools/list'),
    await (await legacySession(house.url, token)).send('tools/list'),
  ]) {
    assert.match(text, /m__touch/);
    assert.doesNotMatch(text, /far/);
  }
  assert.doesNotMatch((await legacySession(house.url, token)).opened.text, /far one/);
});

test('a limit outlasts a restart and a change of the rules', async () => {
  const { token } = house.agents.add('Kept', ['far']);
  await house.apply(makeBundle({ version: 2, servers: [entry({ id: 'm', url: server.url, tools: [{ name: 'touch' }] })] }));
  assert.doesNotMatch((await modernRequest(house.url, token, 'tools/list')).text, /m__touch/);
  assert.match((await modernRequest(house.url, house.token, 'tools/list')).text, /m__touch/);
  assert.deepEqual(house.agents.list().find(({ name }) => name === 'Kept')?.servers, ['far']);
});
