// Completing a value tells what there is to be got or read. So it passes where the prompt may be got, or the URI read, that comes of it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { completing } from '../../src/gateway/pipeline/completing.ts';
import { allowAll, entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

type Json = Record<string, unknown>;
const eras = ['legacy', 'modern'] as const;
type Era = (typeof eras)[number];

let house: Awaited<ReturnType<typeof openTestGateway>>;
let server: Awaited<ReturnType<typeof openRpcServer>>;
let session: Awaited<ReturnType<typeof legacySession>>;

const templates = ['file:///srv/{path}', 'file:///{+root}/{name}', 'db://{schema}/{table}{?limit,order}', 'closed://{path}'];

before(async () => {
  server = await openRpcServer({
    'prompts/get': () => ({ messages: [] }),
    'resources/read': ({ params }) => ({ contents: [{ uri: params['uri'], text: 'x' }] }),
    'completion/complete': () => ({ completion: { values: ['a'] } }),
  });
  const catalogue = {
    tools: [],
    prompts: [{ name: 'brief', arguments: [{ name: 'department' }, { name: 'task' }] }],
    resources: [{ uri: 'file:///srv/hidden', name: 'hidden' }],
    resourceTemplates: templates.map((uriTemplate, at) => ({ uriTemplate, name: `t${at}` })),
    capabilities: { prompts: {}, resources: {}, completions: {} },
  };
  const policies = `${allowAll}
    @id("SALES") @reason("Not Sales.") forbid(principal, action == Action::"get", resource) when { context.args has department && context.args.department == "Sales" };
    @id("BOTH") @reason("Not both.") forbid(principal, action == Action::"get", resource) when { context.args has department && context.args has task && context.args.department == "HR" && context.args.task like "fire*" };
    @id("SECRET") @reason("Below secret.") forbid(principal, action == Action::"read", resource) when { context.paths.contains("/srv/secret") || context.folders.contains("/srv/secret") };
    @id("HR") @reason("Not hr.") forbid(principal, action == Action::"read", resource) when { resource.uri like "db://hr/*" };
    @id("HIDE") @reason("Hidden.") forbid(principal, action == Action::"read", resource == Resource::"one/file:///srv/hidden");
    @id("CLOSED") @reason("Closed.") forbid(principal, action == Action::"read", resource == Resource::"one/closed://{path}");`;
  house = await openTestGateway(
    makeBundle({ servers: [entry({ id: 'one', url: server.url, era: 'legacy', catalogue: catalogue as never })], policies }),
  );
  session = await legacySession(house.url, house.token);
});
after(async () => {
  await house.close();
  await server.close();
});

async function send(era: Era, method: string, params: Json) {
  const before = server.seen.length;
  const { text } = await (era === 'legacy' ? session.send(method, params) : modernRequest(house.url, house.token, method, params));
  const reached = server.seen.slice(before).find((request) => request.method === method);
  return { text, sent: reached?.params };
}

const department = fc.constantFrom('Sales', 'Sale', 'HR', 'Engineering', '');
const task = fc.constantFrom('fire', 'fire drill', 'hire', '');

test('a prompt is completed where it may be got with the values so far and the one that is being completed', async () => {
  const counts = { yes: 0, no: 0 };
  const values = fc.record({ department, task }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(
      values,
      fc.constantFrom('department', 'task'),
      department,
      task,
      fc.constantFrom(...eras),
      async (contextArguments, name, a, b, era) => {
        const value = name === 'department' ? a : b;
        const params = {
          ref: { type: 'ref/prompt', name: 'one__brief' },
          argument: { name, value },
          context: { arguments: contextArguments },
        };
        const { sent } = await send(era, 'completion/complete', params);
        const got = await send(era, 'prompts/get', { name: 'one__brief', arguments: { ...contextArguments, [name]: value } });
        assert.equal(sent === undefined, got.sent === undefined, JSON.stringify(params));
        counts[sent ? 'yes' : 'no']++;
        if (!sent) return;
        // What was decided on is all that the server can read: one value for each name, and one thing that is named.
        const { [name as keyof typeof contextArguments]: _own, ...others } = contextArguments;
        assert.deepEqual(sent['context'], { arguments: others });
        assert.deepEqual(
          [sent['ref'], sent['argument']],
          [
            { type: 'ref/prompt', name: 'brief' },
            { name, value },
          ],
        );
      },
    ),
    { numRuns: 150, seed: 3 },
  );
  assert.ok(counts.yes > 30 && counts.no > 30, JSON.stringify(counts));
});

const part = fc.constantFrom(
  'secret',
  'secret/',
  'secret/a',
  'ok',
  'hidden',
  '../srv/secret/x',
  '%73ecret/',
  'srv',
  '/srv/secret',
  'hr',
  'x',
  '',
);

test('a template is completed where what comes of it may be read, and no more is betrayed than by reading it', async () => {
  const counts = { yes: 0, no: 0 };
  const asks: [template: string, names: string[], fill: (values: Record<string, string>) => string][] = [
    ['file:///srv/{path}', ['path'], ({ path = '' }) => `file:///srv/${path}`],
    ['file:///{+root}/{name}', ['root', 'name'], ({ root = '', name = '' }) => `file:///${root}/${name}`],
    [
      'db://{schema}/{table}{?limit,order}',
      ['schema', 'table', 'limit', 'order'],
      ({ schema = '', table = '', ...query }) => {
        const pairs = ['limit', 'order'].filter((key) => query[key] !== undefined).map((key) => `${key}=${query[key]}`);
        return `db://${schema}/${table}${pairs.length > 0 ? '?' : ''}${pairs.join('&')}`;
      },
    ],
    ['closed://{path}', ['path'], ({ path = '' }) => `closed://${path}`],
  ];
  const ask = fc.constantFrom(...asks).chain(([template, names, fill]) =>
    fc
      .tuple(
        fc.constantFrom(...names),
        part,
        fc.record(Object.fromEntries(names.map((variable) => [variable, part])), { requiredKeys: [] }),
      )
      .map(([name, value, before]) => ({
        template,
        name,
        value,
        before,
        uri: fill({ ...before, [name]: value } as Record<string, string>),
      })),
  );
  await fc.assert(
    fc.asyncProperty(ask, fc.boolean(), fc.constantFrom(...eras), async ({ template, name, value, before, uri }, scoped, era) => {
      const ref = { type: 'ref/resource', uri: scoped ? `one+${template}` : template };
      const { sent, text } = await send(era, 'completion/complete', { ref, argument: { name, value }, context: { arguments: before } });
      const read = await send(era, 'resources/read', { uri: `one+${uri}` });
      assert.equal(
        sent === undefined,
        read.sent === undefined,
        `${JSON.stringify({ template, name, value, before })} ${uri}: ${text} ${read.text}`,
      );
      counts[sent ? 'yes' : 'no']++;
      if (sent)
        assert.deepEqual(
          [sent['ref'], sent['argument']],
          [
            { type: 'ref/resource', uri: template },
            { name, value },
          ],
        );
      else assert.match(text, /Unknown reference/);
    }),
    { numRuns: 200, seed: 4 },
  );
  assert.ok(counts.yes > 40 && counts.no > 40, JSON.stringify(counts));
});

test('a name that is no variable of the template, or one of another spelling, is nothing', async () => {
  const ref = { type: 'ref/resource', uri: 'file:///srv/{path}' };
  for (const era of eras)
    for (const params of [
      { ref, argument: { name: 'other', value: 'secret/' } },
      { ref, argument: { name: 'Path', value: 'secret/' } },
      { ref, argument: { name: 'path', value: 'ok' }, context: { arguments: { PATH: 'secret/' } } },
      { ref: { type: 'ref/prompt', name: 'one__brief' }, argument: { name: 'Department', value: 'Sales' } },
      {
        ref: { type: 'ref/prompt', name: 'one__brief' },
        argument: { name: 'task', value: '' },
        context: { arguments: { DEPARTMENT: 'Sales' } },
      },
    ])
      assert.equal((await send(era, 'completion/complete', params)).sent, undefined, JSON.stringify(params));
});

test('what is not of the form that the protocol gives it is refused, and nothing of another reference goes along', async () => {
  const ref = { type: 'ref/prompt', name: 'one__brief' };
  const argument = { name: 'task', value: 'a' };
  const odd = [7, 'x', ['task'], null, { a: 1 }];
  for (const era of eras) {
    for (const malformed of odd)
      for (const params of [
        { ref, argument: malformed },
        { ref, argument: { name: malformed === 'x' ? 7 : malformed, value: 'a' } },
        { ref, argument: { name: 'task', value: malformed === 'x' ? 7 : malformed } },
        // Null there is nothing: it may be left out.
        ...(typeof malformed === 'object' && !Array.isArray(malformed) ? [] : [{ ref, argument, context: malformed }]),
        { ref, argument, context: { arguments: malformed === null ? 7 : malformed } },
      ]) {
        const { sent, text } = await send(era, 'completion/complete', params);
        assert.equal(sent, undefined, JSON.stringify(params));
        assert.match(text, /params\.(argument|context) must be an object/, JSON.stringify(params));
      }
    assert.equal((await send(era, 'completion/complete', { ref })).sent, undefined);
    const both = { ref: { ...ref, uri: 'file:///srv/secret/x', title: 'B' }, argument };
    assert.deepEqual((await send(era, 'completion/complete', both)).sent?.['ref'], { type: 'ref/prompt', name: 'brief', title: 'B' });
    const long = { ref: { type: 'ref/resource', uri: 'file:///srv/{path}' }, argument: { name: 'path', value: 'x'.repeat(9000) } };
    assert.match((await send(era, 'completion/complete', long)).text, /has more than 8192 characters/);
  }
});

test('a denial is recorded under the URI that may not be read', async () => {
  const params = { ref: { type: 'ref/resource', uri: 'file:///srv/{path}' }, argument: { name: 'path', value: 'secret/plans' } };
  await send('legacy', 'completion/complete', params);
  const { target, decision, rule } = (await house.records()).at(-1)!;
  assert.deepEqual([target, decision, rule], ['file:///srv/secret/plans', 'deny', 'SECRET']);
});

test('the value that is completed stands in one place', () => {
  const params = { ref: { type: 'ref/prompt', name: 'x' }, argument: { name: '__proto__', value: 'a' } };
  const context = { arguments: JSON.parse('{"__proto__":"b","c":"d"}') };
  const target = { owner: entry({ id: 'one' }), name: 'x', action: 'get' as const };
  assert.equal(JSON.stringify(completing({ ...params, context }, target)['context']), '{"arguments":{"c":"d"}}');
});
