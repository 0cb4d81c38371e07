import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue as catalogueSchema } from '../../src/bundle/schema.ts';
import { checkFolder } from '../../src/central/content/check.ts';
import { compileCompany } from '../../src/central/content/compile.ts';
import { definitionHash } from '../../src/central/content/definition-hash.ts';
import { readFolder } from '../../src/central/content/folder.ts';
import { bless } from '../../src/central/publish/bless.ts';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { CentralStore } from '../../src/central/store/store.ts';
import { policyTools } from '../../src/cli/policy-tools.ts';
import { manifest, openSkillServer } from '../support/skill-server.ts';
import { temporaryDir, writeCompany } from './company-folder.ts';

const uri = 'skill://refunds/SKILL.md';

test('blessing records the skills of a server with their hashes; a changed file is a changed skill', async (t) => {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  const { write } = writeCompany(dir.path);
  const files = { 'refunds/SKILL.md': manifest('refunds'), 'refunds/limits.md': 'No more than 100.' };
  const server = await openSkillServer('wiki', files);
  t.after(() => server.close());
  const variables = { port: new URL(server.url).port };
  const again = () => bless(dir.path, 'wiki', { fetchCatalogue, variables });

  const [first] = await again();
  assert.ok(first!.added.includes(`skill:${uri}`));
  assert.deepEqual((await again())[0]!.changed, []);
  files['refunds/limits.md'] = 'No more than 1000.';
  await server.reload();
  assert.deepEqual((await again())[0]!.changed, [`skill:${uri}`]);

  write(
    'policies/main.cedar',
    `@id("S-1") @reason("r") permit(principal in Group::"staff", action == Action::"read", resource == Resource::"wiki/${uri}");
     @id("S-2") @reason("r") permit(principal in Group::"staff", action == Action::"read", resource == Resource::"wiki/skill://refund/SKILL.md");`,
  );
  const check = async () => (await checkFolder(dir.path, { policy: policyTools, variables })).problems.map(({ message }) => message);
  assert.equal((await check()).length, 1, 'a rule may name a skill; one that nobody blessed is warned of');
  assert.match((await check())[0]!, /skill:\/\/refund\/SKILL\.md/);

  const path = join(dir.path, 'servers/wiki.json');
  const text = JSON.parse(readFileSync(path, 'utf8'));
  const { catalogue } = text._meta['dev.gatehouse/entry'];
  catalogue.skills[0].resources[0].size++;
  writeFileSync(path, JSON.stringify(text));
  assert.match((await check()).join(), /skill:skill:\/\/refunds\/SKILL\.md is not the definition that was blessed: its hash differs/);
  // Blessed by hand, with a file that is not its own.
  catalogue.skills[0].resources[1].uri = 'skill://refunds/../books/secret.md';
  catalogue.hashes[`skill:${uri}`] = definitionHash(catalogue.skills[0]);
  writeFileSync(path, JSON.stringify(text));
  assert.match((await check()).join(), /files of its own folder only/);
});

test('a catalogue of before, without skills, is good; a skill must be one', () => {
  assert.deepEqual(catalogueSchema.parse({}).skills, []);
  const digest = `sha256:${'0'.repeat(64)}`;
  const skill = {
    uri,
    frontmatter: { name: 'refunds', description: 'd' },
    resources: [{ uri, digest, size: 1, 'x-kept': 1 }],
    'x-kept': { a: 1 },
  };
  const parse = (change: object) => catalogueSchema.safeParse({ skills: [{ ...skill, ...change }] });
  assert.deepEqual(parse({}).data?.skills, [skill]);
  assert.equal(parse({ resources: 'dynamic' }).success, true);
  for (const change of [
    { uri: 'skill://refunds/README.md' },
    { uri: 'skill:///SKILL.md' },
    { uri: 'skill://a/../refunds/SKILL.md', resources: 'dynamic' },
    { uri: 'skill://a/%2e%2e/refunds/SKILL.md', resources: 'dynamic' },
    { frontmatter: { name: 'refunds' } },
    { resources: undefined },
    { resources: 'live' },
    { resources: [] },
    { resources: [{ uri, digest: 'sha256:x', size: 1 }] },
    { resources: [...skill.resources, { uri: 'skill://other/f.md', digest, size: 1 }] },
    { resources: [...skill.resources, { uri: 'skill://refunds/a/%2e%2e/%2e%2e/f.md', digest, size: 1 }] },
  ])
    assert.equal(parse(change).success, false, JSON.stringify(change));
});

test('content that was stored before there were skills is good as it is', async (t) => {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  writeCompany(dir.path);
  const { company } = await compileCompany(await readFolder(dir.path), {}, policyTools);
  for (const { catalogue } of company!.servers) delete (catalogue as { skills?: unknown }).skills;
  const store = new CentralStore(join(dir.path, 'data'));
  t.after(() => store.close());
  store.publish(company!, new Date().toISOString());
  assert.deepEqual(
    store.lastPublished()!.company.servers.map(({ catalogue }) => catalogue.skills),
    [[], []],
  );
});
