import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UpstreamError } from '../../src/upstreams/upstream.ts';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';

const policies = `
@id("all") @reason("All.") permit(principal, action, resource);
@id("not-three") @reason("Not three.") forbid(principal, action == Action::"call", resource) when { context.args has n && context.args.n == 3 };
`;

test('an upstream of our own process is decided on, recorded and cancelled like a server', async () => {
  const seen: unknown[] = [];
  const own = entry({ id: 'own', tools: [{ name: 'double', inputSchema: { type: 'object', properties: { n: { type: 'integer' } } } }] });
  const house = await openTestGateway(makeBundle({ servers: [own], policies }), {
    inProcess: ({ id }) =>
      id === 'own'
        ? async ({ params, signal, peer }) => {
            const { n } = params['arguments'] as { n: number };
            seen.push([n, peer.era]);
            if (n === 4) throw new UpstreamError('bad-answer', 'four is too much');
            if (n === 5) throw new Error('a defect of ours');
            signal.throwIfAborted();
            return { result: { content: [{ type: 'text', text: String(2 * n) }] } };
          }
        : undefined,
  });
  try {
    const session = await legacySession(house.url, house.token);
    const legacy = async (n: number) =>
      (await session.send('tools/call', { name: 'own__double', arguments: { n } })).json()['result'] as unknown as {
        isError?: boolean;
        content: { text: string }[];
      };
    assert.equal((await legacy(1)).content[0]!.text, '2');
    const modern = await modernRequest(house.url, house.token, 'tools/call', { name: 'own__double', arguments: { n: 2 } });
    assert.match(modern.text, /"text":"4"/);
    assert.match((await legacy(3)).content[0]!.text, /Rule not-three/);
    assert.match((await legacy(4)).content[0]!.text, /four is too much/);
    assert.match((await legacy(5)).content[0]!.text, /an error inside Gatehouse/);
    assert.deepEqual(seen, [
      [1, 'legacy'],
      [2, 'modern'],
      [4, 'legacy'],
      [5, 'legacy'],
    ]);
    assert.deepEqual(
      (await house.records()).map(({ server, target, decision, outcome }) => [server, target, decision, outcome]),
      [
        ['own', 'double', 'allow', 'ok'],
        ['own', 'double', 'allow', 'ok'],
        ['own', 'double', 'deny', 'error'],
        ['own', 'double', 'allow', 'error'],
        ['own', 'double', 'allow', 'error'],
      ],
    );
    await house.apply(makeBundle({ servers: [], policies, version: 2 }));
    assert.match((await session.send('tools/call', { name: 'own__double', arguments: { n: 1 } })).text, /Unknown tool/);
  } finally {
    await house.close();
  }
});
