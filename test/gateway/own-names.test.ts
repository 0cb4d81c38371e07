import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ownName } from '../../src/gateway/catalogue/names.ts';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

const inputSchema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };
const long = 'list_all_the_things_that_this_server_has_ever_heard_of_in_its_life';
const free = () => false;
// One of them is called as another would be once it is shortened.
const names = ['plain', 'with.dots', 'two words', long, ownName('one', 'two words', free)];
const prompts = [{ name: 'Zusammenfassung für alle' }];

let upstream: Awaited<ReturnType<typeof openRpcServer>>;
let house: Awaited<ReturnType<typeof openTestGateway>>;
before(async () => {
  const text = (value: unknown) => [{ type: 'text', text: value }];
  upstream = await openRpcServer({
    'tools/call': ({ params }) => ({ content: text(params['name']) }),
    'prompts/get': ({ params }) => ({ messages: [], description: params['name'] }),
    'completion/complete': ({ params }) => ({ completion: { values: [(params['ref'] as { name: string }).name] } }),
  });
  const catalogue = {
    tools: names.map((name) => ({ name, inputSchema, 'x-odd': name })),
    prompts,
    capabilities: { tools: {}, completions: {} },
  };
  house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, catalogue })] }));
});
after(async () => {
  await house.close();
  await upstream.close();
});

const at = () => `${house.url}/s/one`;
type Tool = { name: string; 'x-odd': string };

test('names that agents cannot use are listed shortened, deterministically; the others as they are', async () => {
  const session = await legacySession(at(), house.token);
  const { tools } = (await session.send('tools/list')).json()['result'] as { tools: Tool[] };
  assert.deepEqual(
    tools.map((tool) => tool['x-odd']),
    names,
    'none is lost',
  );
  assert.deepEqual(
    [0, 1, 4].map((index) => tools[index]!.name),
    [names[0], names[1], names[4]],
  );
  assert.equal(new Set(tools.map(({ name }) => name)).size, names.length);
  for (const { name } of tools) assert.match(`mcp__one__${name}`, /^[a-zA-Z0-9_.-]{1,64}$/);
  const again = (await (await legacySession(at(), house.token)).send('tools/list')).json()['result'];
  assert.deepEqual(again, { tools });
  const modern = (await modernRequest(at(), house.token, 'tools/list')).json()['result'] as { tools: Tool[] };
  assert.deepEqual(modern.tools, tools);
});

test("a call reaches its upstream under the upstream's name, by the listed name and by the upstream's own, in both eras", async () => {
  const session = await legacySession(at(), house.token);
  const { tools } = (await session.send('tools/list')).json()['result'] as { tools: Tool[] };
  for (const [index, { name }] of tools.entries())
    for (const called of new Set([name, names[index]!])) {
      const old = (await session.send('tools/call', { name: called, arguments: {} })).json();
      assert.equal((old['result'] as { content: { text: string }[] }).content[0]?.text, names[index], JSON.stringify(old));
      const headers = { 'mcp-name': `=?base64?${Buffer.from(called).toString('base64')}?=`, 'mcp-param-region': 'eu' };
      const params = { name: called, arguments: { region: 'eu' } };
      const modern = await modernRequest(at(), house.token, 'tools/call', params, { headers });
      assert.match(modern.text, new RegExp(`"text":"${names[index]}"`));
      const wrong = await modernRequest(at(), house.token, 'tools/call', params, { headers: { ...headers, 'mcp-param-region': 'us' } });
      assert.equal(wrong.status, 400, 'headers are checked by either name');
      const own = await house.gateway.callTool('gatehouse', 'one', called, {}, new AbortController().signal);
      assert.equal((own as { content: { text: string }[] }).content[0]?.text, names[index]);
    }
  const [prompt] = ((await session.send('prompts/list')).json()['result'] as { prompts: Tool[] }).prompts;
  for (const name of [prompt!.name, prompts[0]!.name]) {
    const got = (await session.send('prompts/get', { name })).json()['result'];
    assert.equal((got as { description: string }).description, prompts[0]!.name);
    const ref = { type: 'ref/prompt', name };
    const completed = await session.send('completion/complete', { ref, argument: { name: 'a', value: '' } });
    assert.deepEqual((completed.json()['result'] as { completion: unknown }).completion, { values: [prompts[0]!.name] });
  }
  assert.deepEqual(
    (await house.records()).filter(({ decision, outcome }) => decision !== 'allow' || outcome !== 'ok'),
    [],
  );
});
