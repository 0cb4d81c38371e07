import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePolicies } from '../../src/policy/authoring/compile.ts';
import { knowledgeOf } from '../../src/policy/authoring/knowledge.ts';
import { openSpellings } from '../../src/policy/deciding/spellings.ts';
import { expansions } from '../support/templates.ts';
import { allowAll, files, policyOf } from './company.ts';

const forbid = (uri: string) => `@id("NO") forbid(principal, action == Action::"read", resource == Resource::"files/${uri}");\n`;

test('what is forbidden under its blessed name is forbidden however it is spelt, where the whole server may be read', () => {
  const policy = policyOf(allowAll + forbid('file:///etc/passwd'));
  const read = (name: string) => policy.decide({ action: 'read', server: 'files', name, agent: 'Claude' });
  for (const uri of [
    'file:///etc/passwd',
    'file:///etc/./passwd',
    'file:///etc/x/../passwd',
    'file:///etc/%2e%2e/etc/passwd',
    'FILE:///etc/passwd',
    'file:///etc/%70asswd',
    'file:///etc/%2570asswd',
    'file://localhost/etc/passwd',
    'file:/etc/passwd',
    'file:////etc//passwd',
    'file:///etc/passwd/',
    'file:///etc/passwd?x=1',
    'file:///etc/passwd#x',
    'file:///etc\\passwd',
    'file:///etc/pas\tswd',
    'file:///ETC/PASSWD',
  ])
    assert.equal(read(uri).rule, 'NO', uri);
  for (const uri of ['file:///srv/ok/a.txt', 'file:///etc/passwd2', 'file:///etc/hosts', 'file:///x/etc/passwd'])
    assert.equal(read(uri).effect, 'allow', uri);
});

test('what a rule says of a template holds for what comes of it; a template that no rule speaks of changes nothing', () => {
  const policy = policyOf(allowAll + forbid('file:///{path}'));
  const read = (name: string) => policy.decide({ action: 'read', server: 'files', name, agent: 'Claude' });
  assert.equal(read('file:///anything').rule, 'NO');
  assert.equal(read('mem://other').effect, 'allow');
  assert.equal(read('file:///srv/ok/a.txt').effect, 'allow', 'blessed by itself, it is decided by itself');
});

test('templates: literals in order, whatever stands between them', () => {
  const find = openSpellings(['db://rows/{table}/{id}', 'db://all']);
  assert.deepEqual(find('db://rows/people/7'), ['db://rows/{table}/{id}']);
  assert.deepEqual(find('DB://x/../rows/people/7'), ['db://rows/{table}/{id}']);
  assert.deepEqual(find('db://rows'), []);
  assert.deepEqual(find('DB:///all'), ['db://all']);
});

test('a rule that forbids a template forbids all that comes of it, whatever of it is left out', () => {
  const heads = ['file:///srv', 'file://localhost', 'file://', 'docs://', 'docs://a/', 'https://host', 'https://', 'x:'];
  fc.assert(
    fc.property(expansions(heads, true), ({ template, uri }) => {
      assert.ok(openSpellings([template, 'other://x'])(uri).includes(template), `${template} gives ${uri}`);
    }),
    { numRuns: 5000 },
  );
});

for (const [template, uri] of [
  ['data://config{?format}', 'data://config'],
  ['data://config{?format}', 'data://config?format=json'],
  ['data://config{/x*}', 'data://config/a/../b'],
  ['docs://a/{x}/b', 'docs://a//b'],
  ['docs://a{x}/', 'docs://a/'],
  ['file://localhost{/path*}', 'file:///etc/passwd'],
  ['file://{host}/etc/passwd', 'file://localhost/etc/passwd'],
  ['{scheme}://secret', 'docs://secret'],
  ['docs://{a}x://b', 'docs://1x://b'],
  ['docs://a/{id}/raw', 'docs://a/5/raw?x=1'],
] as const)
  test(`${uri} comes of ${template}, so who forbids that one forbids it`, () => {
    const read = (rules: string) => {
      const server = {
        ...files,
        catalogue: { ...files.catalogue, resources: [], resourceTemplates: [{ name: 'it', uriTemplate: template }] },
      };
      const { policies, problems } = compilePolicies([{ file: 'test.cedar', text: rules }], knowledgeOf([server], []));
      assert.deepEqual(
        problems.filter(({ severity }) => severity !== 'warning'),
        [],
      );
      return policyOf('', { servers: [server], policies }).decide({ action: 'read', server: 'files', name: uri, agent: 'Claude' });
    };
    assert.equal(read(allowAll + forbid(template)).rule, 'NO');
    assert.equal(read(allowAll).effect, 'allow');
  });

test('a template forbids nothing that it could not give', () => {
  const find = openSpellings([
    'docs://a/{x}/b',
    'data://config{?format}',
    'file://localhost{?x}',
    'https://{host}/admin',
    '{scheme}://secret',
  ]);
  for (const uri of ['docs://a/x/c', 'docs://ab', 'data://other', 'file:///etc', 'https://host/x', 'docs://public'])
    assert.deepEqual(find(uri), [], uri);
});
