import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesTemplate } from '../../src/gateway/catalogue/templates.ts';
import { allowAll, entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { expansions } from '../support/templates.ts';

test('URI templates find whose a URI is', () => {
  assert.ok(matchesTemplate('ticket://{id}', 'ticket://T-1'));
  assert.ok(!matchesTemplate('ticket://{id}', 'ticket://'));
  assert.ok(!matchesTemplate('ticket://{id}', 'other://T-1'));
  assert.ok(matchesTemplate('test://template/{id}/data', 'test://template/7/data'));
  assert.ok(!matchesTemplate('test://template/{id}/data', 'test://template/7/other'));
  assert.ok(!matchesTemplate('a://{x}/b/{y}', 'a://1/b/'));
  assert.ok(matchesTemplate('static://one', 'static://one'));
});

for (const [operator, expansion, other] of [
  ['?', '?x=1', 'x=1'],
  ['&', '&x=1', '?x=1'],
  ['/', '/a/b', 'a'],
  ['#', '#part', '/part'],
  [';', ';x=1', 'x'],
  ['.', '.json', 'json'],
] as const)
  test(`what {${operator}x} stands for may be left out, and else begins with its operator`, () => {
    const template = `data://config{${operator}x}`;
    assert.ok(matchesTemplate(template, 'data://config'));
    assert.ok(matchesTemplate(template, `data://config${expansion}`));
    assert.ok(!matchesTemplate(template, `data://config${other}`));
    assert.ok(!matchesTemplate(template, 'data://conf'));
    assert.ok(matchesTemplate(`data://{id}{${operator}x*}`, 'data://7'));
    assert.ok(!matchesTemplate(`data://{id}{${operator}x*}`, 'data://'));
    assert.ok(matchesTemplate(`data://a{${operator}x*}/end`, 'data://a/end'));
    assert.ok(matchesTemplate(`data://a{${operator}x*}/end`, `data://a${expansion}/end`));
  });

test('several of them, in any mixture, are found with and without their values', () => {
  fc.assert(
    fc.property(expansions(['data://config', 'a://'], false), ({ template, uri }) => matchesTemplate(template, uri)),
    { numRuns: 5000 },
  );
});

test('a place that one part could take and the next one needs is left to the next one', () => {
  assert.ok(matchesTemplate('a://x{.y}.z', 'a://x.z'));
  assert.ok(matchesTemplate('a://{x}{/y}/z', 'a://1/z'));
  assert.ok(matchesTemplate('a://{x}/b{?y}{&z}', 'a://1/b/b?y=1&z=2'));
  assert.ok(!matchesTemplate('a://x{.y}.z', 'a://x.zz'));
});

test('at /mcp a URI without the optional part is read at its server, in both eras, and a rule on the template keeps it back', async (t) => {
  const server = await openRpcServer({ 'resources/read': ({ params }) => ({ contents: [{ uri: params['uri'], text: 'read' }] }) });
  t.after(() => server.close());
  const templates = (...all: string[]) => ({ resourceTemplates: all.map((uriTemplate) => ({ name: 'it', uriTemplate })) });
  const servers = [
    entry({ id: 'other', url: 'http://127.0.0.1:9/mcp', catalogue: templates('data://configuration/{x}') }),
    entry({ id: 'mine', url: server.url, catalogue: templates('data://config{?format}', 'data://secret{/part*}') }),
  ];
  const rule = `@id("no") forbid(principal, action == Action::"read", resource == Resource::"mine/data://secret{/part*}");`;
  const house = await openTestGateway(makeBundle({ servers, policies: `${allowAll}\n${rule}` }));
  t.after(() => house.close());
  const session = await legacySession(house.url, house.token);
  for (const uri of ['data://config', 'data://config?format=json'])
    for (const answer of [
      await session.send('resources/read', { uri }),
      await modernRequest(house.url, house.token, 'resources/read', { uri }),
    ])
      assert.match(answer.text, /"text":"read"/, uri);
  for (const uri of ['data://secret', 'data://secret/a/b'])
    for (const answer of [
      await session.send('resources/read', { uri }),
      await modernRequest(house.url, house.token, 'resources/read', { uri }),
    ])
      assert.ok((JSON.parse(answer.text) as { error?: unknown }).error, `${uri}: ${answer.text}`);
  assert.deepEqual(
    [...new Set(server.seen.map(({ params }) => params['uri']).filter((uri) => uri !== undefined))],
    ['data://config', 'data://config?format=json'],
  );
});
