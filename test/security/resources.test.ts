import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowAll, entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

test('a forbidden resource is not reached by another spelling of its URI, and is not betrayed by the refusal', async () => {
  const upstream = await openRpcServer({ 'resources/read': ({ params }) => ({ contents: [{ uri: params['uri'], text: 'x' }] }) });
  const policies = `${allowAll}\n@id("no") @reason("Secret.") forbid(principal, action == Action::"read", resource == Resource::"one/file:///secret");`;
  const catalogue = { tools: [], resources: [{ uri: 'file:///secret', name: 's' }], capabilities: { resources: {} } };
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, catalogue })], policies }));
  try {
    const session = await legacySession(house.url, house.token);
    const uris = [
      'file:///secret',
      'one+file:///secret',
      'file:///a/../secret',
      'FILE:///secret',
      'file:///%73ecret',
      'file://localhost/secret',
    ];
    for (const uri of uris) {
      const answer = (await session.send('resources/read', { uri })).json();
      assert.deepEqual(answer['error'], { code: -32002, message: `Resource not found: ${uri}`, data: { uri } });
    }
    assert.equal(upstream.seen.length, 0);
    assert.ok((await session.send('resources/read', { uri: 'file:///other' })).json()['result']);
    assert.deepEqual(
      (await house.records()).map(({ rule }) => rule),
      [...uris.map(() => 'no'), 'all'],
    );
  } finally {
    await house.close();
    await upstream.close();
  }
});
