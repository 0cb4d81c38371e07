import assert from 'node:assert/strict';
import { makeBundle } from './gateway.ts';
import type { Agent, CallOptions, Talk } from './matrix-agent.ts';
import { type Column, everything, type Place } from './matrix-column.ts';
import { type Json, uri } from './matrix-server.ts';
import { until } from './upstreams/open.ts';

interface Cell extends Column {
  place: Place;
  agent: Agent;
}

interface Row {
  feature: string;
  run(cell: Cell): Promise<void>;
  /** Why this cell cannot be. */
  not?(place: Place): string | undefined;
  /** What the cell says where it is more than "yes". */
  says?(place: Place): string | undefined;
}

const tool = (agent: Agent, name: string, options?: CallOptions, args: Json = {}): Promise<Talk> =>
  agent.call('tools/call', { name, arguments: args }, options);
const textOf = ({ answer }: Talk): string => answer?.['result']?.content?.[0]?.text ?? assert.fail(JSON.stringify(answer));
const seen = async (agent: Agent): Promise<Json[]> => JSON.parse(textOf(await tool(agent, 'seen')));
const kept = { _meta: { 'com.example/kept': [1] } };

/** The agent is asked once, with the upstream's own words, and the upstream gets the answer as it was given. */
function asks(name: string, method: string, answer: Json, check: (params: Json) => void): Row['run'] {
  return async ({ agent, place }) => {
    const talk = await tool(agent, name, { respond: () => answer });
    assert.equal(talk.asked.length, 1);
    assert.equal(talk.asked[0]!['method'], method);
    check(talk.asked[0]!['params'] ?? {});
    const got = JSON.parse(textOf(talk));
    assert.deepEqual(got.result, answer);
    if (place.upstream === 'modern') assert.equal(got.state, 'mine: 1');
  };
}

const onlyLegacyBothWays = ({ agent, upstream }: Place, what: string) =>
  agent === 'legacy' && upstream === 'legacy' ? undefined : `${what} belongs to the legacy era alone.`;

export const rows: Row[] = [
  {
    feature: 'elicitation, form',
    run: asks('elicit', 'elicitation/create', { action: 'accept', content: { sure: true }, ...kept }, (params) => {
      assert.equal(params['message'], 'Sure?');
      assert.deepEqual(params['requestedSchema'], { type: 'object', properties: { sure: { type: 'boolean' } } });
    }),
  },
  {
    feature: 'elicitation, URL',
    async run(cell) {
      await asks('elicit-url', 'elicitation/create', { action: 'accept' }, (params) => {
        assert.equal(params['mode'], 'url');
        assert.equal(params['url'], 'https://example.com/sign');
        assert.equal(typeof params['elicitationId'], cell.place.agent === 'legacy' ? 'string' : 'undefined');
      })(cell);
    },
  },
  {
    feature: 'elicitation, agent without URL mode is not asked',
    async run({ connect }) {
      const plain = await connect({ elicitation: {} });
      const talk = await tool(plain, 'elicit-url', { respond: () => ({ action: 'accept' }) });
      plain.close();
      assert.deepEqual(talk.asked, []);
    },
  },
  {
    feature: 'elicitation, URL required as an error (-32042)',
    not: ({ upstream }) => (upstream === 'modern' ? 'The error -32042 was removed in 2026-07-28.' : undefined),
    says: ({ agent }) => (agent === 'modern' ? 'as a question' : undefined),
    async run({ agent }) {
      const talk = await tool(agent, 'url-required', { respond: () => ({ action: 'accept' }) });
      if (agent.era === 'legacy') {
        if (talk.answer?.['error']) assert.equal(talk.answer['error'].data.elicitations[0].elicitationId, 'e1');
        assert.equal(talk.answer?.['error'].code, -32042);
        assert.equal(textOf(await tool(agent, 'url-required')), 'signed');
      } else {
        assert.deepEqual(
          talk.asked.map(({ params }) => [params.mode, params.url, params.elicitationId]),
          [['url', 'https://example.com/sign', undefined]],
        );
        assert.equal(textOf(talk), 'signed');
      }
    },
  },
  {
    feature: 'elicitation, notice of completion',
    not: (place) => onlyLegacyBothWays(place, 'notifications/elicitation/complete'),
    async run({ agent }) {
      await agent.hear();
      const talk = await tool(agent, 'elicit-url', { respond: () => ({ action: 'accept' }) });
      const id = talk.asked[0]!['params'].elicitationId;
      const note = await until(() => [...talk.notes, ...agent.heard].find(({ method }) => method === 'notifications/elicitation/complete'));
      assert.deepEqual(note['params'], { elicitationId: id });
    },
  },
  {
    feature: 'sampling',
    run: asks('sample', 'sampling/createMessage', { role: 'assistant', model: 'm', content: { type: 'text', text: 'yo' } }, (params) => {
      assert.equal(params['maxTokens'], 9);
    }),
  },
  {
    feature: 'roots',
    not: ({ upstream, wire }) =>
      upstream === 'legacy' && wire === 'stdio'
        ? "One legacy process serves all agents and keeps the roots it is told: one agent's folders would open to the others. Roots are not offered to it (and its question is refused: tested)."
        : undefined,
    run: asks('roots', 'roots/list', { roots: [{ uri: 'file:///work', name: 'work' }] }, () => {}),
  },
  {
    feature: 'roots, not to a process that all agents share',
    not: ({ upstream, wire }) => (upstream === 'legacy' && wire === 'stdio' ? undefined : 'See the row before.'),
    async run({ agent }) {
      const talk = await tool(agent, 'roots', { respond: () => ({ roots: [] }) });
      assert.deepEqual(talk.asked, []);
      assert.equal(JSON.parse(textOf(talk)).error.code, -32601);
    },
  },
  {
    feature: 'a question the agent did not declare',
    async run({ connect, place }) {
      const dumb = await connect({});
      const talk = await tool(dumb, 'sample', { respond: () => ({}) });
      dumb.close();
      assert.deepEqual(talk.asked, []);
      if (place.upstream === 'legacy') assert.equal(JSON.parse(textOf(talk)).error.code, -32601);
      else if (place.agent === 'legacy') assert.equal(talk.answer?.['result'].isError, true);
    },
    says: ({ upstream }) => (upstream === 'legacy' ? 'refused to the upstream' : 'not asked'),
  },
  {
    feature: 'progress',
    async run({ agent }) {
      const talk = await tool(agent, 'progress', { meta: { progressToken: 'mine' } });
      assert.equal(textOf(talk), 'done');
      assert.deepEqual(
        talk.notes.map(({ method, params }) => [method, params]),
        [
          ['notifications/progress', { progressToken: 'mine', progress: 1, total: 2, message: 'half' }],
          ['notifications/progress', { progressToken: 'mine', progress: 2, total: 2, 'x-kept': true }],
        ],
      );
    },
  },
  {
    feature: 'cancellation by the agent',
    async run({ agent, place }) {
      const mark = `hang-${Math.random()}`;
      const stop = new AbortController();
      const hanging = tool(agent, 'hang', { signal: stop.signal }, { text: mark });
      await until(async () => (await seen(agent)).some(({ params }) => params?.arguments?.text === mark));
      stop.abort();
      assert.equal((await hanging).answer, undefined);
      const told = place.upstream === 'modern' && place.wire === 'HTTP' ? 'connection closed' : 'notifications/cancelled';
      await until(async () => {
        const all = await seen(agent);
        const at = all.findIndex(({ params }) => params?.arguments?.text === mark);
        return all.slice(at + 1).some(({ method }) => method === told);
      });
    },
  },
  {
    feature: 'cancellation by the upstream, of its question',
    not: ({ upstream }) => (upstream === 'modern' ? 'A modern upstream sends no requests, so it has none to cancel.' : undefined),
    async run({ agent }) {
      const talk = await tool(agent, 'withdraw', { respond: () => undefined });
      assert.equal(textOf(talk), 'without you');
      if (agent.era === 'modern') return;
      const note = talk.notes.find(({ method }) => method === 'notifications/cancelled');
      assert.equal(note?.['params'].requestId, talk.asked[0]?.['id']);
    },
  },
  {
    feature: 'log messages, from the level asked for',
    async run({ agent, connect }) {
      const quiet = await connect();
      await agent.level('info');
      const talk = await tool(agent, 'log');
      assert.deepEqual(
        talk.notes.map(({ method, params }) => [method, params.level, params.data]),
        [
          ['notifications/message', 'info', { level: 'info' }],
          ['notifications/message', 'error', { level: 'error' }],
        ],
      );
      await quiet.level('error');
      assert.deepEqual(
        (await tool(quiet, 'log')).notes.map(({ params }) => params.level),
        ['error'],
      );
      quiet.close();
    },
  },
  {
    feature: 'log messages, none unless asked for',
    not: () => undefined,
    async run({ agent }) {
      assert.deepEqual((await tool(agent, 'log')).notes, []);
    },
  },
  {
    feature: 'list_changed, when the bundle changes',
    async run({ agent, apply, bundle }) {
      await agent.hear();
      await agent.call('tools/list');
      await apply(
        makeBundle({
          servers: bundle.servers,
          version: 2,
          policies: '@id("none") permit(principal, action == Action::"discover", resource);',
        }),
      );
      await until(() => agent.heard.some(({ method }) => method === 'notifications/tools/list_changed'));
      assert.deepEqual((await agent.call('tools/list')).answer?.['result'].tools, []);
      await apply(bundle);
    },
  },
  {
    feature: "list_changed, the upstream's own: blessed lists stand",
    async run({ agent }) {
      await agent.hear();
      const talk = await tool(agent, 'list-changed');
      assert.equal(textOf(talk), 'told');
      assert.deepEqual(talk.notes, []);
      assert.deepEqual(agent.heard, []);
    },
  },
  {
    feature: 'resource subscriptions',
    async run({ agent }) {
      const said = await agent.hear(uri);
      if (agent.era === 'modern') assert.deepEqual(said['params'].notifications.resourceSubscriptions, [uri]);
      else assert.deepEqual(said['result'], {});
      assert.equal(textOf(await tool(agent, 'touch')), 'touched');
      const note = await until(() => agent.heard.find(({ method }) => method === 'notifications/resources/updated'));
      assert.equal(note['params'].uri, uri);
      assert.equal(note['params']['x-kept'], 1);
    },
  },
  {
    feature: 'resources, prompts, completion',
    async run({ agent }) {
      const read = (await agent.call('resources/read', { uri })).answer?.['result'];
      assert.deepEqual(read.contents, [{ uri, text: 'a document' }]);
      if (agent.era === 'modern') assert.equal(read.cacheScope, 'private');
      const got = (await agent.call('prompts/get', { name: 'two', arguments: { who: 'me' } })).answer?.['result'];
      assert.equal(got.messages[0].content.text, 'two');
      const ref = { type: 'ref/prompt', name: 'two' };
      const completed = (await agent.call('completion/complete', { ref, argument: { name: 'who', value: 'm' } })).answer?.['result'];
      assert.deepEqual(JSON.parse(completed.completion.values[0]), ref);
    },
  },
  {
    feature: 'lists: blessed from pages, served as one',
    async run({ agent, bundle }) {
      const { catalogue } = bundle.servers[0]!;
      const result = (await agent.call('tools/list')).answer?.['result'];
      assert.deepEqual(result.tools, catalogue.tools);
      assert.equal(result.tools.length, 17);
      assert.equal(result.nextCursor, undefined);
      if (agent.era === 'modern') {
        assert.equal(result.cacheScope, 'private');
        assert.equal(Number.isInteger(result.ttlMs), true);
      } else assert.deepEqual(Object.keys(result), ['tools']);
      assert.equal((await agent.call('tools/list', { cursor: '4' })).answer?.['error'].code, -32602);
    },
  },
  {
    feature: 'unknown fields and `_meta`, both ways',
    async run({ agent }) {
      const talk = await agent.call(
        'tools/call',
        { name: 'echo', arguments: { text: 'é' }, 'x-kept': { deep: [null] } },
        { meta: kept._meta },
      );
      const { params, client } = JSON.parse(textOf(talk));
      assert.deepEqual(params['x-kept'], { deep: [null] });
      assert.deepEqual(params.arguments, { text: 'é' });
      assert.deepEqual(params._meta['com.example/kept'], [1]);
      assert.equal(JSON.stringify(client.sampling ?? everything['sampling']), '{}');
    },
  },
  {
    feature: 'result of 1 MB',
    async run({ agent }) {
      assert.equal(textOf(await tool(agent, 'large')).length, 1024 * 1024);
    },
  },
  {
    feature: 'JSON-RPC error',
    async run({ agent }) {
      const { answer } = await tool(agent, 'fail');
      assert.deepEqual(answer?.['error'], { code: -32000, message: 'It broke.', data: { kept: [1, 2] } });
    },
  },
  {
    feature: 'isError result',
    async run({ agent }) {
      const result = (await tool(agent, 'is-error')).answer?.['result'];
      assert.equal(result.isError, true);
      assert.deepEqual(result.structuredContent, { code: 7 });
    },
  },
  {
    feature: 'upstream restarts in the middle of a call',
    async run({ agent }) {
      const talk = await tool(agent, 'die');
      assert.equal(talk.status, 200);
      assert.equal(talk.answer?.['result'].isError, true);
      assert.match(textOf(talk), /failed while it ran|cannot be reached/);
      await until(async () => (await tool(agent, 'echo')).answer?.['result'].isError !== true);
    },
  },
];
