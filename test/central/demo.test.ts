import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { bundle } from '../../src/bundle/schema.ts';
import { compileCompany } from '../../src/central/content/compile.ts';
import { readFolder } from '../../src/central/content/folder.ts';
import { openBundles } from '../../src/central/publish/bundles.ts';
import { policyTools } from '../../src/cli/policy-tools.ts';
import { accounts } from '../../src/demo/accounts.ts';
import { loadValidation } from '../../src/policy/deciding/validation.ts';
import { openPolicy, type Policy } from '../../src/policy/policy.ts';

// A Monday, 10:00 UTC.
const monday = Date.parse('2026-11-23T10:00:00Z');
let rules: (account: string, at?: number) => Promise<{ servers: string[]; policy: Policy }>;

before(async () => {
  await loadValidation();
  const folder = await readFolder(join(import.meta.dirname, '../../resources/demo'));
  const { company } = await compileCompany(folder, {}, policyTools);
  rules = async (account, at = monday) => {
    const signer = { kid: 'k', jwks: { keys: [] }, sign: async (payload: Uint8Array) => Buffer.from(payload).toString() };
    const bundles = openBundles({ version: 1, company: company! }, { policy: policyTools, signer, now: () => at });
    const { groups } = accounts.find(({ sub }) => sub === account)!;
    const made = bundle.parse(JSON.parse((await bundles.signed(groups)).jws.toString()));
    const policy = openPolicy(made, { person: account, device: { os: 'linux', appVersion: '0.1.0', managed: true }, now: () => at });
    return { servers: made.servers.map(({ id }) => id), policy };
  };
});

const may = async (account: string, server: string, name: string, args = {}, at = monday) =>
  (await rules(account, at)).policy.decide({ action: 'call', server, name, args, agent: 'a' });

test('each account sees its servers and no others', async () => {
  const shared = ['everything', 'memory', 'parcels', 'tickets'];
  const expected = {
    engineer: [...shared, 'filesystem', 'releases'],
    marketer: [...shared, 'crm', 'filesystem'],
    finance: [...shared, 'crm', 'payroll'],
    admin: [...shared, 'crm', 'filesystem', 'releases'],
  };
  for (const [account, servers] of Object.entries(expected)) {
    const { servers: held, policy } = await rules(account);
    assert.deepEqual(held, [...servers].sort(), account);
    for (const id of held) assert.equal(policy.canDiscover(id, 'a').effect, 'allow');
  }
});

test('one group only reads where another one writes', async () => {
  for (const [account, server, tool, effect, args] of [
    ['engineer', 'filesystem', 'write_file', 'allow', { path: 'a.md', content: '' }],
    ['marketer', 'filesystem', 'read_text_file', 'allow', { path: 'a.md' }],
    ['marketer', 'filesystem', 'write_file', 'deny', { path: 'a.md', content: '' }],
    ['marketer', 'crm', 'update_customer', 'allow', { id: 'C-1' }],
    ['finance', 'crm', 'get_customer', 'allow', { id: 'C-1' }],
    ['finance', 'crm', 'update_customer', 'deny', { id: 'C-1' }],
    ['engineer', 'crm', 'get_customer', 'deny', { id: 'C-1' }],
    ['finance', 'payroll', 'approve_run', 'allow', { id: 'R-1' }],
    ['admin', 'payroll', 'list_runs', 'deny', {}],
    ['admin', 'releases', 'list_releases', 'allow', {}],
    ['admin', 'releases', 'build_release', 'deny', { version: '2.3.0' }],
    ['marketer', 'memory', 'create_entities', 'allow', { entities: [] }],
  ] as const) {
    assert.equal((await may(account, server, tool, args)).effect, effect, `${account} ${server} ${tool}`);
  }
});

test('a ticket is closed by the team whose project it belongs to', async () => {
  assert.equal((await may('engineer', 'tickets', 'close_ticket', { id: 'T-1', project: 'apollo', resolution: 'done' })).effect, 'allow');
  const other = await may('engineer', 'tickets', 'close_ticket', { id: 'T-1', project: 'zephyr', resolution: 'done' });
  assert.equal(other.effect, 'deny');
  assert.equal((await may('engineer', 'tickets', 'close_ticket', { id: 'T-1' })).effect, 'deny');
  assert.equal((await may('marketer', 'tickets', 'create_ticket', { project: 'apollo', title: 'x' })).effect, 'allow');
});

test('releases go out on working days between 06:00 and 20:00 UTC', async () => {
  const deploy = async (at: string) =>
    (await may('engineer', 'releases', 'deploy_release', { version: '2.3.0', environment: 'staging' }, Date.parse(at))).effect;
  assert.equal(await deploy('2026-11-23T06:00:00Z'), 'allow');
  assert.equal(await deploy('2026-11-27T19:59:00Z'), 'allow');
  assert.equal(await deploy('2026-11-27T20:00:00Z'), 'deny');
  assert.equal(await deploy('2026-11-28T10:00:00Z'), 'deny');
  assert.equal(
    (await may('engineer', 'releases', 'build_release', { version: '2.3.0' }, Date.parse('2026-11-28T10:00:00Z'))).effect,
    'allow',
  );
});

test('the forbid wins over every permit, and says whom to ask', async () => {
  for (const account of ['marketer', 'finance', 'admin']) {
    const verdict = await may(account, 'crm', 'export_customers');
    assert.equal(verdict.effect, 'deny');
    assert.equal(verdict.rule, 'CRM-4');
    assert.match(verdict.reason, /data protection officer/);
  }
});

test('every rule has an id and a reason', async () => {
  const folder = await readFolder(join(import.meta.dirname, '../../resources/demo'));
  const { company } = await compileCompany(folder, {}, policyTools);
  for (const { id, reason } of company!.policies) assert.ok(/^[A-Z]+-\d+$/.test(id) && reason && reason.length > 10, id);
});
