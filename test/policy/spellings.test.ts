import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSpellings } from '../../src/policy/deciding/spellings.ts';
import { allowAll, policyOf } from './company.ts';

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
