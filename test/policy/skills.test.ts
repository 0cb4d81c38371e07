import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSkillScopes } from '../../src/policy/deciding/skills.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { entry, makeBundle } from '../support/gateway.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const skill = (root: string, files: string[] | 'dynamic') => ({
  uri: `${root}/SKILL.md`,
  frontmatter: { name: root.slice(root.lastIndexOf('/') + 1), description: 'd' },
  resources: files === 'dynamic' ? files : ['SKILL.md', ...files].map((file) => ({ uri: `${root}/${file}`, digest, size: 1 })),
});
const plain = skill('skill://x', ['docs/a.md', 'n/SKILL.md', 'n/s.md', 'secret.md', '%6e/s.md']);
const nested = skill('skill://x/n', ['s.md']);
const live = skill('skill://live', 'dynamic');
const foreign = skill('git://repo/skills/y', 'dynamic');
const guide = { uri: 'skill://guide', name: 'guide' };
const catalogue = {
  skills: [plain, nested, live, foreign],
  resources: [guide, { uri: 'skill://x/docs/old.md' }],
  resourceTemplates: [{ uriTemplate: 'skill://{+path}' }],
};

const hostile = [
  'skill://x/../other/f.md',
  'skill://x/%2e%2e/other/f.md',
  'skill://x/%252e%252e/other/f.md',
  'skill://x/．．/other/f.md',
  'skill://live/../x/secret.md',
  'skill://live/..%2fx/secret.md',
  'skill://live/..%5cx/secret.md',
  'skill://live/..\\x\\secret.md',
  'skill://live/./f.md',
  'skill://live//f.md',
  'skill://live/%c0%ae%c0%ae/x/secret.md',
  'skill://live/a%00.md',
  'skill://live/f.md?x=1',
  'skill://live/f.md#x',
  'skill://live/',
  'skill://LIVE/f.md',
  'skill://l%69ve/f.md',
  'SKILL://live/f.md',
  'skill:///live/f.md',
  'skill:live/f.md',
  'skill:/live/f.md',
  ' skill://live/f.md',
  'skill://user@live/f.md',
  'skill://live:80/f.md',
  'skill://livelier/f.md',
  'skill://other/SKILL.md',
  'skill://x/unlisted.md',
  'skill://x/N/s.md',
  'skill://x/%6e/s.md',
  'git://repo/skills/y/../z/f.md',
  'git://repo/skills/Y/f.md',
  `skill://live/${'a/'.repeat(5000)}`,
];

test('the files of a blessed skill belong to it, of nested skills to the innermost one', () => {
  const of = openSkillScopes(entry({ id: 's', url: 'http://127.0.0.1:1', catalogue }).catalogue);
  for (const [uri, owner] of [
    ['skill://x/SKILL.md', plain],
    ['skill://x/docs/a.md', plain],
    ['skill://x/docs', plain],
    ['skill://x', plain],
    // Blessed as a resource of its own.
    ['skill://x/docs/old.md', plain],
    ['skill://x/n/SKILL.md', nested],
    ['skill://x/n/s.md', nested],
    ['skill://x/n', nested],
    ['skill://live/what/ever.md', live],
    ['skill://live/Q%26A.md', live],
    ['git://repo/skills/y/f.md', foreign],
  ] as const)
    assert.deepEqual(of(uri), { skill: owner.uri }, uri);
  for (const uri of ['skill://guide', 'skill://{+path}', 'git://repo/skills', 'git://repo/other.md', 'file:///live/f.md'])
    assert.equal(of(uri), undefined, uri);
});

test('what is no part of a blessed skill but looks like it, in whatever spelling, is nothing', () => {
  const server = entry({ id: 's', url: 'http://127.0.0.1:1', catalogue });
  const of = openSkillScopes(server.catalogue);
  for (const uri of hostile) assert.equal(of(uri), 'outside', uri);
  const policy = open(`permit(principal, action, resource);`, server);
  for (const uri of hostile) assert.equal(policy.decide({ action: 'read', server: 's', name: uri, agent: 'a' }).rule, 'gatehouse:unknown');
});

const open = (policies: string, server = entry({ id: 's', url: 'http://127.0.0.1:1', catalogue })) =>
  openPolicy(makeBundle({ servers: [server], policies }), {
    person: 'pat',
    device: { os: 'linux', appVersion: '0', managed: false },
    now: Date.now,
  });
const discover = `@id("see") permit(principal, action == Action::"discover", resource);`;
const all = `@id("all") permit(principal, action, resource);`;
const asked = (policy: ReturnType<typeof open>, uri: string) => {
  const question = { action: 'read', server: 's', name: uri, agent: 'a' } as const;
  const verdict = policy.decide(question);
  assert.equal(policy.preview(question).effect, verdict.effect, uri);
  const listed = policy.list('read', 's', 'a').get(uri);
  if (listed) assert.equal(listed.effect, verdict.effect, uri);
  return verdict.effect === 'deny' ? `no: ${verdict.rule}` : `yes: ${verdict.rule}`;
};

test('a permit for one skill opens its files and nothing else of its server', () => {
  const policy = open(`${discover} @id("x") permit(principal, action == Action::"read", resource == Resource::"s/skill://x/SKILL.md");`);
  for (const uri of ['skill://x/SKILL.md', 'skill://x/docs/a.md', 'skill://x/docs/old.md', 'skill://x/docs'])
    assert.equal(asked(policy, uri), 'yes: x');
  for (const uri of ['skill://x/n/SKILL.md', 'skill://x/n/s.md', 'skill://live/f.md', 'skill://guide', 'skill://{+path}'])
    assert.equal(asked(policy, uri), 'no: gatehouse:no-permit', uri);
});

test('a forbid for one skill closes its files, though a blessed resource or a template names them', () => {
  const policy = open(
    `${all} @id("no") @reason("r") forbid(principal, action == Action::"read", resource == Resource::"s/skill://x/SKILL.md");`,
  );
  for (const uri of ['skill://x/SKILL.md', 'skill://x/docs/a.md', 'skill://x/docs/old.md', 'skill://x'])
    assert.equal(asked(policy, uri), 'no: no');
  for (const uri of ['skill://x/n/SKILL.md', 'skill://live/f.md', 'skill://guide']) assert.equal(asked(policy, uri), 'yes: all');
});

test('what a rule forbids under the name of a file stays forbidden, also where only the skill is permitted', () => {
  const permit = `${discover} @id("x") permit(principal, action == Action::"read", resource == Resource::"s/skill://x/SKILL.md");`;
  const byName = open(`${permit} @id("old") @reason("r") forbid(principal, action, resource == Resource::"s/skill://x/docs/old.md");`);
  assert.equal(asked(byName, 'skill://x/docs/old.md'), 'no: old');
  assert.equal(asked(byName, 'skill://x/docs/a.md'), 'yes: x');
  const byUri = open(
    `${permit} @id("like") @reason("r") forbid(principal, action == Action::"read", resource) when { resource.uri like "*secret*" };`,
  );
  assert.equal(asked(byUri, 'skill://x/secret.md'), 'no: like');
  assert.equal(asked(byUri, 'skill://x/docs/a.md'), 'yes: x');
  assert.equal(byUri.skillOf('s', 'skill://x/docs/a.md'), plain.uri);
  assert.equal(byUri.skillOf('s', 'skill://x/../a.md'), undefined);
});

test('where no skill was blessed the scheme is one like any other', () => {
  const policy = open(all, entry({ id: 's', url: 'http://127.0.0.1:1', catalogue: { resources: [guide] } }));
  assert.equal(asked(policy, 'skill://other/SKILL.md'), 'yes: all');
});
