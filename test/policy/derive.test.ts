import assert from 'node:assert/strict';
import { test } from 'node:test';
import { derive } from '../../src/policy/derive.ts';

test('a path that climbs is put where it leads', () => {
  const { paths, within } = derive({ path: '/home/x/ok/../../../etc/passwd' });
  assert.deepEqual(paths, ['/etc/passwd']);
  assert.deepEqual(within.sort(), ['/', '/etc', '/etc/passwd']);
});

test('folders are above any path, within is above all of them', () => {
  const { folders, within } = derive({ from: '/srv/ok/a', to: '/srv/other/b' });
  assert.ok(folders.includes('/srv/ok') && folders.includes('/srv/other'));
  assert.deepEqual(within.sort(), ['/', '/srv']);
});

test('without a path nothing is within anything', () => {
  assert.deepEqual(derive({ text: 'hello', n: 3 }).within, []);
});

test('every way to read a path counts', () => {
  assert.deepEqual(derive({ path: '/ok/%2e%2e/etc' }).within, ['/']);
  assert.ok(derive({ path: '/ok/a\\..\\..\\etc' }).paths.includes('/etc'));
  assert.ok(derive({ path: 'c:\\Users\\..\\Windows' }).paths.includes('C:/Windows'));
  assert.ok(derive({ uri: 'file:///srv/%2e%2e/etc/passwd' }).paths.includes('/etc/passwd'));
});

test('what climbs out of a relative folder is not inside it', () => {
  assert.deepEqual(derive({ path: '../../x' }).within.sort(), ['../..', '../../x']);
  assert.deepEqual(derive({ path: 'a/../../x' }).paths, ['../x']);
  assert.ok(!derive({ path: '~/../x' }).within.includes('~'));
});

test('a host is found in one form', () => {
  const hosts = (url: string) => derive({ url }).hosts;
  assert.deepEqual(hosts('HTTPS://user:pw@Bücher.Example.:8443/x'), ['xn--bcher-kva.example']);
  assert.deepEqual(hosts('http://0x7f.1/'), ['127.0.0.1']);
  assert.deepEqual(hosts(' ht\ntps:evil.example/x'), ['evil.example']);
  assert.deepEqual(hosts('//evil.example/x'), ['evil.example']);
  assert.deepEqual(hosts('git+ssh://git@EVIL.example/x'), ['evil.example']);
  assert.deepEqual(hosts('git@evil.example:a/b'), ['evil.example']);
  assert.deepEqual(derive({ host: 'evil.example:80' }).hosts, ['evil.example']);
});

test('prose is neither path nor host', () => {
  const text = `Dear all, the either/or question: ${'x'.repeat(9000)}`;
  assert.deepEqual(derive({ text }), { paths: [], folders: [], within: [], hosts: [], truncated: false });
});

test('a file can be written below a folder whatever it says', () => {
  const content = ['see docs/readme for more', '// code\n/* more */', 'a\nb/c'];
  for (const text of content) assert.ok(derive({ path: '/srv/ok/a', text }).within.includes('/srv/ok'), text);
});

test('too much to look at says so', () => {
  assert.equal(derive({ paths: Array.from({ length: 300 }, (_, at) => `/a/${at}`) }).truncated, true);
  assert.equal(derive({ path: `/${'x'.repeat(5000)}` }).truncated, true);
  assert.equal(derive({ path: 'a/'.repeat(2040) }).truncated, false);
});
