import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exposedName, maxName, ownName } from '../../src/gateway/catalogue/names.ts';

test('a plain name carries its server', () => {
  assert.equal(
    exposedName('tickets', 'close_ticket', () => false),
    'tickets__close_ticket',
  );
});

test('any name becomes one that every agent takes, the same each time and never twice', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 80 }), { maxLength: 30 }), (names) => {
      const build = () => {
        const taken = new Set<string>();
        for (const name of names) taken.add(exposedName('srv', name, (candidate) => taken.has(candidate)));
        return [...taken];
      };
      const exposed = build();
      assert.equal(exposed.length, names.length);
      for (const name of exposed) assert.match(name, new RegExp(`^[a-zA-Z0-9_-]{1,${maxName}}$`));
      assert.deepEqual(build(), exposed);
    }),
  );
});

test('names that differ only in odd characters or after the 45th stay apart', () => {
  const taken = new Set<string>();
  for (const name of ['a.b', 'a/b', 'a_b', `${'x'.repeat(60)}1`, `${'x'.repeat(60)}2`]) {
    const exposed = exposedName('s', name, (candidate) => taken.has(candidate));
    assert.ok(!taken.has(exposed));
    taken.add(exposed);
  }
});

const free = () => false;

test("on its own address a server's names stay, unless an agent's prefix would make them too long or their characters are odd", () => {
  for (const name of ['a', 'get.user-1_x', 'x'.repeat(64 - 'mcp__srv__'.length)]) assert.equal(ownName('srv', name, free), name);
  for (const name of ['', 'a b', 'a/b', 'größe', '🙂', 'x'.repeat(64 - 'mcp__srv__'.length + 1)]) {
    const changed = ownName('srv', name, free);
    assert.match(changed, /^[a-zA-Z0-9_-]*_[0-9a-f]{6}$/);
    assert.ok(`mcp__srv__${changed}`.length <= 64);
    assert.equal(ownName('srv', name, free), changed);
  }
  assert.ok(`mcp__${'s'.repeat(31)}__${ownName('s'.repeat(31), 'x'.repeat(99), free)}`.length <= 64);
  assert.notEqual(ownName('srv', 'a b', free), ownName('srv', 'a/b', free));
});
