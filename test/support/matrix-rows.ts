import assert from 'node:assert/strict';
import { makeBundle } from './gateway.ts';
import { everything } from './matrix-column.ts';
import { questions } from './matrix-questions.ts';
import { kept, type Row, seen, textOf, tool } from './matrix-row.ts';
import { uri } from './matrix-server.ts';
import { until } from './upstreams/open.ts';

export const rows: Row[] = [
  ...questions,
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
      if (agent.era === 'modern') assert.deepEqual([read.cacheScope, read.ttlMs], ['private', 5]);
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
      assert.equal(result.tools.length, 19);
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
    feature: 'a change of bundle in the middle of a call, and of a subscription',
    async run({ agent, apply, bundle }) {
      const [server] = bundle.servers;
      const { url, launch } = server!;
      const moved = url === undefined ? { launch: { ...launch!, args: [...launch!.args, 'moved'] } } : { url: `${url}?moved` };
      const changes = [{ timeoutMs: 45_000, version: '1.0.1' }, moved, {}];
      const next = (change: object) => apply({ ...bundle, version: 2, servers: [{ ...server!, ...change }] });
      await agent.hear(uri);
      for (const change of changes) {
        const waiting = tool(agent, 'wait');
        await new Promise((resolve) => setTimeout(resolve, 100));
        await next(change);
        assert.equal(textOf(await waiting), 'waited', JSON.stringify(change));
        const before = agent.heard.length;
        await until(async () => {
          await tool(agent, 'touch');
          return agent.heard.length > before;
        });
      }
      const answer = { action: 'accept', content: { sure: true } };
      const respond = () => {
        void next(moved);
        return answer;
      };
      assert.deepEqual(JSON.parse(textOf(await tool(agent, 'elicit', { respond }))).result, answer);
      await apply(bundle);
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
