import assert from 'node:assert/strict';
import { everything, type Place } from './matrix-column.ts';
import { kept, type Row, seen, textOf, tool } from './matrix-row.ts';
import type { Json } from './matrix-server.ts';
import { until } from './upstreams/open.ts';

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

const onlyLegacyBothWays = ({ agent, upstream }: Place, feature: string) =>
  agent === 'legacy' && upstream === 'legacy' ? undefined : `${feature} belongs to the legacy era alone.`;

/** What upstreams ask of agents and their people. */
export const questions: Row[] = [
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
        assert.equal(talk.answer?.['error'].code, -32042);
        assert.match(talk.answer?.['error'].data.elicitations[0].elicitationId, /^e-/);
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
    feature: 'elicitation, notice of completion when the call is over',
    not: (place) => onlyLegacyBothWays(place, 'notifications/elicitation/complete'),
    async run({ agent, connect }) {
      await agent.hear();
      const talk = await tool(agent, 'url-required', {}, { fresh: true });
      const id = talk.answer?.['error'].data.elicitations[0].elicitationId;
      const another = await connect();
      await tool(another, 'completed', {}, { text: id });
      another.close();
      const note = await until(() => agent.heard.find(({ method }) => method === 'notifications/elicitation/complete'));
      assert.deepEqual(note['params'], { elicitationId: id });
    },
  },
  {
    feature: 'two agents at once: the question reaches the one whose call it is',
    not: ({ upstream, wire }) =>
      upstream === 'legacy' && wire === 'stdio'
        ? 'On one pipe nothing says whose call a question belongs to. While calls of two agents run there, it is refused, never guessed (tested).'
        : undefined,
    async run({ agent, connect }) {
      const other = await connect();
      const talks = await Promise.all(
        [agent, other].map((caller, index) => tool(caller, 'elicit', { respond: () => ({ action: 'accept', content: { index } }) })),
      );
      other.close();
      assert.deepEqual(
        talks.map((talk) => [talk.asked.length, JSON.parse(textOf(talk)).result.content]),
        [
          [1, { index: 0 }],
          [1, { index: 1 }],
        ],
      );
    },
  },
  {
    feature: 'two agents at once on a shared process: nobody is asked',
    not: ({ upstream, wire }) => (upstream === 'legacy' && wire === 'stdio' ? undefined : 'See the row before.'),
    async run({ agent, connect }) {
      const stop = new AbortController();
      const mark = `held-${Math.random()}`;
      const hanging = tool(agent, 'hang', { signal: stop.signal }, { text: mark });
      const other = await connect({ ...everything, roots: { listChanged: true } });
      await until(async () => (await seen(other)).some(({ params }) => params?.arguments?.text === mark));
      const talk = await tool(other, 'elicit', { respond: () => ({ action: 'accept' }) });
      other.close();
      stop.abort();
      await hanging;
      assert.deepEqual(talk.asked, []);
      assert.equal(JSON.parse(textOf(talk)).error.code, -32601);
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
];
