import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openAgents } from '../../src/agents/credentials/credentials.ts';
import type { AppState } from '../../src/app/app-state.ts';
import { dispatcher } from '../../src/app/dispatch.ts';
import { openToolSearch } from '../../src/app/search.ts';
import { silent } from '../../src/base/log.ts';
import type { Outputs } from '../../src/contract/contract.ts';
import { limited } from '../../src/policy/limited.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { entry, makeBundle } from '../support/gateway.ts';
import { testHost } from '../support/host.ts';

const tickets = entry({
  id: 'tickets',
  title: 'Issue tracker',
  tools: [
    { name: 'list_tickets', title: 'All tickets', description: 'The tickets of one project' },
    { name: 'close_ticket', description: 'Ends a ticket with its resolution' },
    { name: 'purge_archive', description: 'Removes closed tickets for good' },
    { name: 'getHTTPStatus', annotations: { title: 'Überblick' }, description: 'Whether the tracker answers' },
  ],
});
const payroll = entry({ id: 'payroll', tools: [{ name: 'pay_salary', description: 'Pays a ticket collector' }] });
const rules = `
@id("see") @reason("t") permit (principal, action == Action::"discover", resource == Server::"tickets");
@id("use") @reason("t") permit (principal, action == Action::"call", resource in Server::"tickets");
@id("ask") @reason("t") @approval("self") permit (principal, action == Action::"call", resource == Tool::"tickets/close_ticket");
@id("not") @reason("t") forbid (principal, action == Action::"call", resource == Tool::"tickets/purge_archive");
@id("bot") @reason("t") forbid (principal, action == Action::"call", resource == Tool::"tickets/list_tickets") when { context.agent == Agent::"Bot" };
`;

/** The rooms that a search goes through, real; nothing else is there. */
function house(t: TestContext, servers = [tickets, payroll], policies = rules) {
  const host = testHost();
  const agents = openAgents({ file: join(host.dataDir, 'agents.json'), now: Date.now, log: silent });
  t.after(() => agents.close());
  const rooms = { host, agents, rules: undefined } as unknown as AppState;
  const apply = (next: { servers: typeof servers; policies: string; version: number }) => {
    const bundle = makeBundle(next);
    const own = openPolicy(bundle, { person: 'pat', device: { os: 'linux', appVersion: '0', managed: false }, now: Date.now });
    const policy = limited(own, (agent, server) => agents.reaches(agent, server));
    rooms.rules = { policy, bundle, search: openToolSearch(bundle.servers) };
  };
  apply({ servers, policies, version: 1 });
  const dispatch = dispatcher(rooms);
  const search = async (text: string, more: object = {}) => {
    const reply = await dispatch('tools-search', { text, ...more });
    assert.ok(reply.ok, JSON.stringify(reply));
    return (reply.value as Outputs['tools-search']).tools;
  };
  return {
    rooms,
    agents,
    apply,
    dispatch,
    search,
    names: async (text: string, more = {}) => (await search(text, more)).map((hit) => hit.name),
  };
}

test('a tool is found by its name in every spelling, its title, its server and what it does; the name counts most', async (t) => {
  const { names, search } = house(t);
  for (const text of [
    'list_tickets',
    'list tickets',
    'listTickets',
    'LIST-TICKETS',
    'listtick',
    'tick li',
    'all tickets',
    'tracker project',
  ])
    assert.equal((await names(text))[0], 'list_tickets', text);
  for (const text of ['http status', 'getHttpStatus', 'uberblick', 'Überblick', 'answers'])
    assert.deepEqual(await names(text), ['getHTTPStatus'], text);
  assert.deepEqual(await names('close'), ['close_ticket']);
  assert.deepEqual(await search('resolution'), [
    { server: 'tickets', name: 'close_ticket', description: 'Ends a ticket with its resolution', effect: 'ask', conditional: false },
  ]);
  assert.deepEqual((await search('http'))[0], {
    server: 'tickets',
    name: 'getHTTPStatus',
    title: 'Überblick',
    description: 'Whether the tracker answers',
    effect: 'allow',
    conditional: false,
  });
});

test('a slip of the pen is forgiven, and a word too many only where all of them find nothing', async (t) => {
  const { names } = house(t);
  for (const text of ['clsoe ticket', 'close tikcet', 'closse', 'resoluton']) assert.equal((await names(text))[0], 'close_ticket', text);
  assert.equal((await names('please close that'))[0], 'close_ticket');
});

test('what the person may not see is not found, by no word and not by its exact name', async (t) => {
  const { names } = house(t);
  for (const text of [
    'purge_archive',
    'purge',
    'archive',
    'removes',
    'pay_salary',
    'pay',
    'salary',
    'payroll',
    'collector',
    'tickets payroll',
    'e',
    'p',
  ]) {
    const hits = await names(text, { limit: 100 });
    assert.ok(!hits.includes('purge_archive') && !hits.includes('pay_salary'), `${text}: ${hits}`);
  }
  assert.deepEqual(await names('purge_archive'), []);
  assert.deepEqual(await names('pay_salary'), []);
});

test('hidden tools take no place of those that are seen', async (t) => {
  const many = entry({ id: 'many', tools: Array.from({ length: 60 }, (_, n) => ({ name: `report_${n}` })) });
  const policies = `
@id("a") @reason("t") permit (principal, action == Action::"discover", resource);
@id("b") @reason("t") permit (principal, action == Action::"call", resource == Tool::"many/report_59");`;
  assert.deepEqual(await house(t, [many], policies).names('report', { limit: 1 }), ['report_59']);
});

test('another agent finds what that agent sees; one that is unknown or revoked is refused', async (t) => {
  const { names, agents, dispatch } = house(t);
  agents.add('Bot');
  agents.add('Other');
  assert.ok((await names('list tickets')).includes('list_tickets'));
  assert.ok((await names('list tickets', { agent: 'Other' })).includes('list_tickets'));
  assert.ok(!(await names('list tickets', { agent: 'Bot' })).includes('list_tickets'));
  assert.ok((await names('close', { agent: 'Bot' })).includes('close_ticket'));
  // What its person lets it reach counts, too.
  agents.limit('Bot', ['payroll']);
  assert.deepEqual(await names('close', { agent: 'Bot' }), []);
  agents.revoke('Bot');
  for (const agent of ['Bot', 'Nobody', 'bot']) {
    const reply = await dispatch('tools-search', { text: 'close', agent });
    assert.equal(!reply.ok && reply.error.code, 'not-found', agent);
  }
});

test('a bundle change is followed, also one in the middle of a search', async (t) => {
  const { names, apply, rooms, search } = house(t);
  assert.deepEqual(await names('purge'), []);
  apply({ servers: [tickets, payroll], policies: rules.replace(/@id\("not"\).*\n/, ''), version: 2 });
  assert.deepEqual(await names('purge'), ['purge_archive']);
  apply({ servers: [payroll], policies: '@id("all") @reason("t") permit (principal, action, resource);', version: 3 });
  assert.deepEqual(await names('purge'), []);
  assert.deepEqual(await names('salary'), ['pay_salary']);

  apply({ servers: [tickets, payroll], policies: '@id("all") @reason("t") permit (principal, action, resource);', version: 4 });
  const running = search('salary');
  apply({ servers: [tickets], policies: rules, version: 5 });
  assert.deepEqual(await running, []);
  const ending = dispatchAfter(rooms);
  rooms.rules = undefined;
  assert.equal((await ending).ok, false);
});

const dispatchAfter = (rooms: AppState) => dispatcher(rooms)('tools-search', { text: 'close' });

test('odd words are words: no pattern, no property of an object, no length that hurts', async (t) => {
  const { names, dispatch } = house(t);
  for (const text of [
    '.*',
    '(',
    '[a-z]+',
    '\\',
    '"',
    '*',
    'a AND b',
    '__proto__',
    'constructor',
    'toString',
    '💥',
    '\u0000',
    '日本語',
    '%',
    "'; --",
  ])
    assert.ok(Array.isArray(await names(text)), text);
  assert.deepEqual(await names('.*'), []);
  assert.deepEqual(await names('list_tickets.*$'), await names('list_tickets'));
  assert.ok(Array.isArray(await names('ab '.repeat(66))));
  assert.ok(Array.isArray(await names('x'.repeat(200))));
  const refused = async (input: object, says: RegExp) => {
    const reply = await dispatch('tools-search', input);
    assert.ok(!reply.ok);
    assert.equal(reply.error.code, 'bad-input');
    assert.match(reply.error.message, says);
  };
  await refused({ text: '' }, /text: say what to look for/);
  await refused({ text: ' \t ' }, /text: say what to look for/);
  await refused({ text: 'x'.repeat(201) }, /at most 200 characters/);
  await refused({}, /text/);
  for (const limit of [0, 101, 1.5, '3']) await refused({ text: 'x', limit }, /limit/);
  await refused({ text: 'x', agent: '../x' }, /agent: a name has/);
});

test('a catalogue of odd definitions is searched all the same', async (t) => {
  const odd = entry({
    id: 'odd',
    tools: [
      { name: 'constructor', 'x-title': 7 },
      { name: '__proto__', annotations: 'none' },
      { name: 'a'.repeat(256), description: 'A'.repeat(200_000) },
      { name: '---' },
      { name: 'last', description: 'far away' },
    ],
  });
  const { names } = house(t, [odd], '@id("all") @reason("t") permit (principal, action, resource);');
  assert.deepEqual(await names('constructor'), ['constructor']);
  assert.deepEqual(await names('proto'), ['__proto__']);
  assert.deepEqual(await names('aaaa'), ['a'.repeat(256)]);
  assert.deepEqual(await names('far'), ['last']);
});

test('nothing is built before the first search, and once for many', async (t) => {
  const { rooms, names } = house(t);
  let built = 0;
  const { search } = rooms.rules!;
  rooms.rules!.search = () => {
    built++;
    return search();
  };
  assert.equal(built, 0);
  await Promise.all([names('close'), names('list'), names('http')]);
  assert.equal(await search(), await search());
});
