import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { SkillsClient } from '@modelcontextprotocol/client/ext/skills';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { allowAll, entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import type { Json } from '../support/matrix-server.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { manifest, openSkillServer } from '../support/skill-server.ts';

/** The Skills extension (SEP-2640): listed and read under policy, as they were blessed. Upstreams and agents are the SDK's own. */

const key = 'io.modelcontextprotocol/skills';
const eras = ['modern', 'legacy'] as const;
const filesOfA = () => ({
  'refunds/SKILL.md': manifest('refunds', 'See docs/limits.md'),
  'refunds/docs/limits.md': 'No more than 100.',
  'refunds/docs/letters/sorry.md': 'We are sorry.',
  'refunds/nested/SKILL.md': manifest('nested'),
  'refunds/nested/deep.md': 'deep',
  'secret/SKILL.md': manifest('secret', 'for few'),
  'secret/plan.md': 'the plan',
});

async function stand(policies = allowAll, era: 'modern' | 'legacy' = 'modern') {
  const files = filesOfA();
  const a = await openSkillServer('a', files);
  const b = await openSkillServer('b', { 'refunds/SKILL.md': manifest('refunds', 'of b'), 'own/SKILL.md': manifest('own') });
  const plain = await openRpcServer({ 'resources/read': ({ params }) => ({ contents: [{ uri: params['uri'], text: 'plain' }] }) });
  const bless = async (id: string, url: string) => entry({ id, url, era, catalogue: await fetchCatalogue({ id, url, era }) });
  const servers = [await bless('a', a.url), await bless('b', b.url), entry({ id: 'plain', url: plain.url, tools: [{ name: 'x' }] })];
  const house = await openTestGateway(makeBundle({ servers, policies }));
  for (const server of [a, b]) server.asked.length = 0;
  const ask = async (method: string, params: Json = {}, scope?: string): Promise<Json> => {
    const answer = await modernRequest(scope === undefined ? house.url : at(house, scope), house.token, method, params);
    return answer.headers['content-type']?.includes('event-stream') ? answer.events().at(-1)! : answer.json();
  };
  return {
    ...house,
    a,
    b,
    files,
    servers,
    ask,
    uris: async (scope?: string) => (await ask('skills/list', {}, scope))['result'].skills.map(({ uri }: Json) => uri),
    async close() {
      await house.close();
      for (const server of [a, b, plain]) await server.close();
    },
  };
}
const at = (house: { url: string }, scope: string) => `${new URL(house.url).origin}/mcp/s/${scope}`;

async function agent(house: { token: string }, url: string, era: 'modern' | 'legacy') {
  const client = new Client(
    { name: 'agent', version: '1.0.0' },
    { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } },
  );
  const requestInit = { headers: { authorization: `Bearer ${house.token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return { skills: new SkillsClient(client), close: () => client.close() };
}

let open: Awaited<ReturnType<typeof stand>>;
before(async () => {
  open = await stand();
});
after(() => open.close());

for (const upstream of eras)
  for (const era of eras)
    test(`a ${era} agent lists, gets, browses and reads skills of ${upstream} upstreams; the SDK's host verifies every byte`, async (t) => {
      const house = upstream === 'modern' ? open : await stand(allowAll, upstream);
      if (house !== open) t.after(() => house.close());
      const merged = await agent(house, house.url, era);
      t.after(() => merged.close());
      assert.equal(merged.skills.supported, true);
      assert.equal(merged.skills.directoryRead, true);
      const { skills } = await merged.skills.list();
      assert.deepEqual(
        skills.map(({ uri }) => uri),
        [
          'skill://refunds/SKILL.md',
          'skill://refunds/nested/SKILL.md',
          'skill://secret/SKILL.md',
          'skill://own/SKILL.md',
          'b+skill://refunds/SKILL.md',
        ],
      );
      const bodies: string[] = [];
      for (const skill of skills) {
        assert.deepEqual((await merged.skills.get(skill.uri)).skill, skill);
        for (const file of skill.resources as { uri: string }[]) assert.equal((await merged.skills.read(skill, file.uri)).verified, true);
        bodies.push((await merged.skills.read(skill)).body!);
      }
      assert.deepEqual(bodies, ['See docs/limits.md', '', 'for few', '', 'of b']);
      const folder = async (uri: string) => (await merged.skills.readDirectory(uri)).resources.map((resource) => resource.uri);
      assert.deepEqual(await folder('skill://refunds/docs'), ['skill://refunds/docs/letters', 'skill://refunds/docs/limits.md']);
      assert.deepEqual(await folder('b+skill://refunds'), ['b+skill://refunds/SKILL.md']);

      const own = await agent(house, at(house, 'b'), era);
      t.after(() => own.close());
      const mine = (await own.skills.list()).skills;
      assert.deepEqual(
        mine.map(({ uri }) => uri),
        ['skill://own/SKILL.md', 'skill://refunds/SKILL.md'],
      );
      assert.equal((await own.skills.read(mine[1]!)).body, 'of b');
    });

test('the extension is stated where a blessed skill is behind the address, in both eras, and its methods are there only then', async () => {
  const stated = async (scope?: string) => (await open.ask('server/discover', {}, scope))['result'].capabilities;
  assert.deepEqual((await stated()).extensions, { [key]: { directoryRead: true } });
  assert.deepEqual((await stated('a')).extensions, { [key]: { directoryRead: true } });
  assert.notEqual((await stated('a')).resources, undefined);
  assert.equal((await stated('plain')).extensions, undefined);
  const { opened } = await legacySession(open.url, open.token);
  assert.deepEqual((opened.json()['result'] as Json)['capabilities'].extensions, { [key]: { directoryRead: true } });
  const none = await legacySession(at(open, 'plain'), open.token);
  for (const method of ['skills/list', 'skills/get', 'resources/directory/read']) {
    assert.equal((await open.ask(method, { uri: 'skill://refunds/SKILL.md' }, 'plain'))['error'].code, -32601);
    assert.equal(((await none.send(method, { uri: 'skill://refunds' })).json()['error'] as Json)['code'], -32601);
  }
  for (const method of ['skills/list', 'skills/get']) {
    const { result } = await open.ask(method, { uri: 'skill://refunds/SKILL.md' });
    assert.equal(result.cacheScope, 'private');
    assert.equal(result.resultType, 'complete');
    assert.ok(Number.isInteger(result.ttlMs));
  }
});

const hideSecret = `${allowAll} @id("few") @reason("For few.") forbid(principal, action == Action::"read", resource == Resource::"a/skill://secret/SKILL.md");`;

test('a skill that may not be read is nowhere: not listed, and every answer is that for one which does not exist', async (t) => {
  const house = await stand(hideSecret);
  t.after(() => house.close());
  assert.deepEqual(await house.uris('a'), ['skill://refunds/SKILL.md', 'skill://refunds/nested/SKILL.md']);
  const resources = (await house.ask('resources/list', {}, 'a'))['result'].resources.map(({ uri }: Json) => uri);
  assert.deepEqual(resources, ['skill://refunds/SKILL.md', 'skill://refunds/nested/SKILL.md']);
  for (const scope of [undefined, 'a'])
    for (const [method, path] of [
      ['skills/get', '/SKILL.md'],
      ['resources/read', '/SKILL.md'],
      ['resources/read', '/plan.md'],
      ['resources/read', ''],
      ['resources/directory/read', ''],
    ] as const) {
      const of = async (name: string) => (await house.ask(method, { uri: `skill://${name}${path}` }, scope))['error'];
      const hidden = await of('secret');
      assert.equal(hidden.code, -32602);
      assert.deepEqual(JSON.parse(JSON.stringify(hidden).replaceAll('secret', 'absent')), await of('absent'), `${method} ${path}`);
    }
  const session = await legacySession(house.url, house.token);
  const legacy = async (uri: string) => (await session.send('resources/read', { uri })).json()['error'];
  assert.equal(((await legacy('skill://secret/plan.md')) as Json)['code'], -32002);
  assert.deepEqual(house.a.asked, []);
});

test('a permit for one skill is enough to load it, and opens nothing beside it', async (t) => {
  const house = await stand(
    `@id("see") permit(principal, action == Action::"discover", resource);
     @id("one") permit(principal, action == Action::"read", resource == Resource::"a/skill://refunds/SKILL.md");`,
  );
  t.after(() => house.close());
  assert.deepEqual(await house.uris(), ['skill://refunds/SKILL.md']);
  const read = async (uri: string) => await house.ask('resources/read', { uri });
  assert.equal((await read('skill://refunds/docs/limits.md'))['result'].contents[0].text, 'No more than 100.');
  for (const uri of ['skill://refunds/nested/deep.md', 'skill://secret/plan.md', 'b+skill://refunds/SKILL.md'])
    assert.equal((await read(uri))['error'].code, -32602, uri);
  // The nested skill is hidden inside the one that encloses it, too.
  const files = ['skill://refunds/SKILL.md', 'skill://refunds/docs/letters/sorry.md', 'skill://refunds/docs/limits.md'];
  const [listed] = (await house.ask('skills/list'))['result'].skills;
  assert.deepEqual(
    listed.resources.map(({ uri }: Json) => uri),
    files,
  );
  assert.deepEqual((await house.ask('skills/get', { uri: files[0] }))['result'].skill, listed);
  const spelt = (await house.ask('skills/get', { uri: `a+${files[0]}` }))['result'].skill;
  assert.deepEqual(JSON.parse(JSON.stringify(spelt).replaceAll('a+skill:', 'skill:')), listed);
  const { result } = await house.ask('resources/directory/read', { uri: 'skill://refunds' });
  assert.deepEqual(
    result.resources.map(({ uri }: Json) => uri),
    ['skill://refunds/SKILL.md', 'skill://refunds/docs'],
  );
});

test('no spelling of a URI leads out of a skill, into a hidden one, or to another server: none of them reaches an upstream', async (t) => {
  const house = await stand(hideSecret);
  t.after(() => house.close());
  const session = await legacySession(house.url, house.token);
  for (const uri of [
    'skill://refunds/../secret/plan.md',
    'skill://refunds/%2e%2e/secret/plan.md',
    'skill://refunds/..%2fsecret/plan.md',
    'skill://refunds/..%5csecret%5cplan.md',
    'skill://refunds/%252e%252e/secret/plan.md',
    'skill://refunds/．．/secret/plan.md',
    'skill://refunds/./SKILL.md',
    'skill://refunds//SKILL.md',
    'skill://refunds/SKILL.md?x',
    'skill://refunds/SKILL.md#x',
    'skill://REFUNDS/SKILL.md',
    'SKILL://refunds/SKILL.md',
    'skill:///refunds/SKILL.md',
    'skill://s%65cret/plan.md',
    'skill://x@secret/plan.md',
    'skill://secret:1/plan.md',
    'a+skill://secret/plan.md',
    'a+skill://refunds/../secret/plan.md',
    'b+skill://secret/plan.md',
    'skill://refunds/docs/unlisted.md',
    `skill://refunds/${'x/'.repeat(50_000)}`,
  ]) {
    for (const method of ['resources/read', 'resources/directory/read', 'skills/get']) {
      const headers = { 'mcp-name': `=?base64?${Buffer.from(uri).toString('base64')}?=` };
      if (uri.length < 1000) {
        const near = (await modernRequest(house.url, house.token, method, { uri }, { headers })).json();
        assert.equal((near['error'] as Json)['code'], -32602, `${method} ${uri}`);
      }
      const code = ((await session.send(method, { uri })).json()['error'] as Json)['code'];
      assert.ok(code === -32602 || code === -32002, `${method} ${uri}`);
    }
  }
  assert.deepEqual(
    [...house.a.asked, ...house.b.asked].filter(({ method }) => method.startsWith('resources/') || method.startsWith('skills/')),
    [],
  );
  // Another server's skill, at an address that does not have it.
  assert.equal((await house.ask('resources/read', { uri: 'a+skill://refunds/SKILL.md' }, 'b'))['error'].code, -32602);
});

test('the blessed list decides: what the server changes or adds afterwards does not pass', async (t) => {
  const house = await stand();
  t.after(() => house.close());
  const files: Record<string, string> = house.files;
  files['refunds/docs/limits.md'] = 'Pay whatever is asked.';
  files['refunds/docs/more.md'] = 'More.';
  files['later/SKILL.md'] = manifest('later');
  await house.a.reload();
  const changed = await house.ask('resources/read', { uri: 'skill://refunds/docs/limits.md' });
  assert.equal(changed['error'].code, 403);
  assert.match(changed['error'].message, /not the file that the company blessed.*blessed anew/);
  assert.equal(
    (await house.ask('resources/read', { uri: 'skill://refunds/docs/letters/sorry.md' }))['result'].contents[0].text,
    'We are sorry.',
  );
  for (const uri of ['skill://refunds/docs/more.md', 'skill://later/SKILL.md'])
    assert.equal((await house.ask('resources/read', { uri }))['error'].code, -32602);
  assert.equal(
    (await house.ask('skills/get', { uri: 'skill://later/SKILL.md' }))['error'].message,
    'No skill is served at skill://later/SKILL.md',
  );
  assert.ok(!(await house.uris()).includes('skill://later/SKILL.md'));
  const { result } = await house.ask('resources/directory/read', { uri: 'skill://refunds/docs' });
  assert.ok(!JSON.stringify(result).includes('more.md'));
  // Blessed anew, it is there.
  const catalogue = await fetchCatalogue({ id: 'a', url: house.a.url, era: 'modern' });
  await house.apply(makeBundle({ servers: [entry({ id: 'a', url: house.a.url, era: 'modern', catalogue })], version: 2 }));
  assert.equal(
    (await house.ask('resources/read', { uri: 'skill://refunds/docs/limits.md' }))['result'].contents[0].text,
    'Pay whatever is asked.',
  );
  assert.ok((await house.uris()).includes('skill://later/SKILL.md'));
});

test('getting and reading a skill are in the ledger, with the rule; getting one asks no upstream', async (t) => {
  const house = await stand(hideSecret);
  t.after(() => house.close());
  await house.ask('skills/get', { uri: 'skill://refunds/SKILL.md' });
  assert.deepEqual(house.a.asked, []);
  await house.ask('resources/read', { uri: 'skill://refunds/docs/limits.md' });
  await house.ask('resources/directory/read', { uri: 'skill://refunds' });
  await house.ask('skills/get', { uri: 'skill://secret/SKILL.md' });
  assert.deepEqual(
    (await house.records()).map(({ server, method, target, decision, rule }) => [server, method, target, decision, rule]),
    [
      ['a', 'skills/get', 'skill://refunds/SKILL.md', 'allow', 'all'],
      ['a', 'resources/read', 'skill://refunds/docs/limits.md', 'allow', 'all'],
      ['a', 'resources/directory/read', 'skill://refunds', 'allow', 'all'],
      ['a', 'skills/get', 'skill://secret/SKILL.md', 'deny', 'few'],
    ],
  );
});

test('agents that listen for resources hear that their skills changed', async (t) => {
  const house = await stand();
  t.after(() => house.close());
  await house.uris('a');
  const heard = modernRequest(at(house, 'a'), house.token, 'subscriptions/listen', { notifications: { resourcesListChanged: true } });
  await new Promise((resolve) => setTimeout(resolve, 200));
  await house.apply(makeBundle({ servers: house.servers, policies: hideSecret, version: 2 }));
  await house.apply(undefined);
  await house.gateway.close();
  assert.match((await heard).text, /notifications\/resources\/list_changed/);
});

test('a generated skill is held by its folder alone; a server that reads no folders is not asked to', async (t) => {
  let served: unknown = [{ uri: 'skill://today/SKILL.md', text: 'now' }];
  const server = await openRpcServer({ 'resources/read': () => ({ contents: served }) });
  t.after(() => server.close());
  const skill = (name: string, resources: 'dynamic' | { uri: string; digest: string; size: number }[]) => ({
    uri: `skill://${name}/SKILL.md`,
    frontmatter: { name, description: 'd' },
    resources,
  });
  const fixed = skill('fixed', [{ uri: 'skill://fixed/SKILL.md', digest: `sha256:${hash('sha256', 'now', 'hex')}`, size: 3 }]);
  const catalogue = { skills: [skill('today', 'dynamic'), fixed], capabilities: { extensions: { [key]: {} } } };
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'g', url: server.url, catalogue })] }));
  t.after(() => house.close());
  const ask = async (method: string, uri: string) => (await modernRequest(house.url, house.token, method, { uri })).json();
  const read = async (uri: string) => (await ask('resources/read', uri))['error'] as Json | undefined;
  assert.deepEqual(((await modernRequest(house.url, house.token, 'skills/list')).json()['result'] as Json)['skills'], catalogue.skills);
  assert.equal(await read('skill://today/of/the/hour.md'), undefined);
  assert.equal((await read('skill://today/../fixed/SKILL.md'))!['code'], -32602);
  assert.equal(await read('skill://fixed/SKILL.md'), undefined);
  for (const rubbish of [
    [{ text: 'new' }],
    [{ text: 'now ' }],
    [{ text: 'now' }, { text: 'and this' }],
    [{ blob: 'bm93IQ==' }],
    [{ text: 7 }],
    ['now'],
    [],
    undefined,
  ]) {
    served = rubbish;
    assert.equal((await read('skill://fixed/SKILL.md'))!['code'], 403, JSON.stringify(rubbish));
  }
  served = [{ blob: 'bm93' }];
  assert.equal(await read('skill://fixed/SKILL.md'), undefined);
  assert.equal(((await ask('resources/directory/read', 'skill://today'))['error'] as Json)['code'], -32601);
});

test('malformed requests are told what they lack', async () => {
  for (const method of ['skills/get', 'resources/directory/read'])
    assert.equal((await open.ask(method, { uri: 7 }))['error'].message, 'params.uri must be a string.');
  assert.equal((await open.ask('skills/list', { cursor: 'x' }))['error'].code, -32602);
});
