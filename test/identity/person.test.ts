import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Log, silent } from '../../src/base/log.ts';
import { personFrom } from '../../src/identity/person.ts';

const groups = (claims: Record<string, unknown>, claim = 'groups', log: Log = silent) =>
  personFrom({ sub: 'a', ...claims }, claim, log).groups;

test('groups come from a claim by name, by path, or by a name that looks like a path', () => {
  assert.deepEqual(groups({ groups: ['a', 'b', 'a'] }), ['a', 'b']);
  assert.deepEqual(groups({ groups: 'only' }), ['only']);
  assert.deepEqual(groups({ realm_access: { roles: ['x'] } }, 'realm_access.roles'), ['x']);
  assert.deepEqual(groups({ 'https://example.com/groups': ['y'] }, 'https://example.com/groups'), ['y']);
  assert.deepEqual(groups({ 'a.b': ['name'], a: { b: ['path'] } }, 'a.b'), ['name']);
});

test('odd groups claims give no groups instead of an error', () => {
  for (const value of [undefined, null, 7, {}, [1, null, {}, '']]) assert.deepEqual(groups({ groups: value }), []);
  assert.deepEqual(groups({}, 'constructor.name'), []);
  assert.deepEqual(groups({ a: 'text' }, 'a.length'), []);
});

test("Entra's overage gives no groups and a warning", () => {
  const warnings: string[] = [];
  const log: Log = { ...silent, warn: (_fields, message) => void warnings.push(message) };
  assert.deepEqual(
    groups({ _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph' } } }, 'groups', log),
    [],
  );
  assert.deepEqual(groups({ hasgroups: true }, 'groups', log), []);
  assert.deepEqual(groups({}, 'groups', log), []);
  assert.equal(warnings.length, 2);
});

test('name and e-mail are shown where the token has them', () => {
  assert.deepEqual(personFrom({ sub: 'x', name: 'N', email: 'e@example.com' }, 'groups', silent), {
    sub: 'x',
    name: 'N',
    email: 'e@example.com',
    groups: [],
  });
  assert.deepEqual(personFrom({ sub: 'x', preferred_username: 'nick', email: 3 }, 'groups', silent), {
    sub: 'x',
    name: 'nick',
    groups: [],
  });
});
