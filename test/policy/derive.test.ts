import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArgumentKind } from '../../src/bundle/schema.ts';
import { hostFacts, pathFacts } from '../../src/policy/deciding/derive.ts';
import { placeOf } from '../../src/policy/deciding/paths.ts';
import { shapeOfTool } from '../../src/policy/deciding/shape.ts';
import { files } from './company.ts';

function subject(args: Record<string, unknown>, roots: string[] = [], kinds: Record<string, ArgumentKind> = {}) {
  const listed = Object.fromEntries(Object.keys(args).map((name) => [name, {}]));
  const tools = [{ name: 't', inputSchema: { type: 'object', properties: listed } }];
  const facts = { readOnly: false, destructive: true, openWorld: true, tags: [], arguments: kinds };
  return {
    value: args,
    shape: shapeOfTool({ catalogue: { ...files.catalogue, tools }, tools: { t: facts } }, 't'),
    place: placeOf(roots, false),
    recursive: false,
  };
}
function derive(...args: Parameters<typeof subject>) {
  let why = '';
  const facts = pathFacts(subject(...args), (said) => {
    why = said;
  });
  return { ...facts, why, within: facts?.within.sort() };
}
const hosts = (...args: Parameters<typeof subject>) => hostFacts(subject(...args), () => {});

test('a path that climbs is put where it leads', () => {
  const { paths, within } = derive({ path: '/home/x/ok/../../../etc/passwd' });
  assert.deepEqual(paths, ['/etc/passwd']);
  assert.deepEqual(within, ['/', '/etc', '/etc/passwd']);
});

test('folders are above any path or one, within is above all of them', () => {
  const { folders, within } = derive({ from: '/srv/ok/a', to: '/srv/other/b' });
  assert.ok(folders?.includes('/srv/ok') && folders.includes('/srv/other'));
  assert.deepEqual(within, ['/', '/srv']);
});

test('without a text nothing is within anything', () => {
  assert.deepEqual(derive({ n: 3 }).within, []);
  assert.deepEqual(derive({ text: 'hello' }, [], { text: 'text' }).within, []);
});

test('every way to read a path counts', () => {
  assert.deepEqual(derive({ path: '/ok/%2e%2e/etc' }).within, ['/']);
  assert.ok(derive({ path: '/ok/a\\..\\..\\etc' }).paths?.includes('/etc'));
  assert.ok(derive({ path: 'c:\\Users\\..\\Windows' }, ['C:\\srv']).paths?.includes('C:/Windows'));
  assert.ok(derive({ uri: 'file:///srv/%2e%2e/etc/passwd' }, [], { uri: 'url' }).paths?.includes('/etc/passwd'));
  assert.ok(derive({ path: '/ETC/Passwd' }).folders?.includes('/etc'));
});

test('a relative name is below the roots, or nothing is said of it', () => {
  assert.deepEqual(derive({ path: 'a/b' }, ['/srv/ok']).paths, ['/srv/ok/a/b']);
  assert.deepEqual(derive({ path: '../x' }, ['/srv/ok', '/home/a']).within, ['/']);
  assert.match(derive({ path: 'a/b' }).why, /the argument "path" is relative, and no "roots"/);
});

test('a host is found in one form', () => {
  const of = (url: string) => hosts({ url });
  assert.deepEqual(of('HTTPS://user:pw@Bücher.Example.:8443/x'), ['xn--bcher-kva.example']);
  assert.deepEqual(of('http://0x7f.1/'), ['127.0.0.1']);
  assert.deepEqual(of(' ht\ntps:evil.example/x'), ['evil.example']);
  assert.deepEqual(of('//evil.example/x'), ['evil.example']);
  assert.deepEqual(of('http%3A//evil.example/x'), ['evil.example']);
  assert.deepEqual(of('git+ssh://git@EVIL.example/x'), ['evil.example']);
  assert.deepEqual(of('jdbc:mysql://evil.example/x'), ['evil.example']);
  assert.deepEqual(of('git@evil.example:a/b'), ['evil.example']);
  assert.deepEqual(hosts({ host: 'evil.example:80' }), ['evil.example']);
  assert.deepEqual(hosts({ target: 'evil.example/x' }), ['evil.example']);
  assert.deepEqual(hosts({ text: 'Dear all, see evil.example' }), []);
  assert.equal(of('http://[bad'), undefined);
});

test('what is declared as text can be anything', () => {
  for (const content of ['see docs/readme for more', '../../etc', '\0', 'x'.repeat(9000), '%zz', 'http://[bad']) {
    const args = { path: '/srv/ok/a', edits: [{ newText: content }] };
    assert.ok(derive(args, [], { path: 'path', 'edits.newText': 'text' }).within?.includes('/srv/ok'), content);
    assert.deepEqual(hosts(args, [], { path: 'path', 'edits.newText': 'text' }), []);
  }
});

test('too much to look at is not looked at', () => {
  assert.equal(derive({ paths: Array.from({ length: 300 }, (_, at) => `/a/${at}`) }).within, undefined);
  assert.equal(derive({ path: `/${'x'.repeat(5000)}` }).within, undefined);
  assert.ok(derive({ path: `/srv/${'a/'.repeat(1000)}` }).within);
});
