import assert from 'node:assert/strict';
import { test } from 'node:test';
import { autostartEntry } from '../../electron/autostart-entry.ts';
import { isAllowedLink, isOpenLink, isTrustedSender, isWindowDownload, isWindowUrl, mayLoad } from '../../electron/urls.ts';

test('the window’s own URLs, by protocol and host', () => {
  assert.ok(isWindowUrl('app://gatehouse/'));
  assert.ok(isWindowUrl('app://gatehouse/assets/x.js#/servers'));
  // For each of these Node's `origin` is the same string "null".
  for (const url of [
    'app://evil/',
    'app://gatehouse.evil/',
    'data:text/html,x',
    'file:///etc/passwd',
    'about:blank',
    'https://gatehouse/',
    'app:gatehouse',
    '',
  ])
    assert.ok(!isWindowUrl(url), url);
});

test('the window loads its own files, and its own blobs as downloads only', () => {
  const blob = 'blob:app://gatehouse/5a1f4c1e-3c8e-4a55-9b8e-000000000000';
  assert.ok(isWindowDownload(blob));
  for (const url of ['blob:https://evil.example/x', 'blob:app://evil/x', 'blob:null/x', 'app://gatehouse/', 'data:text/csv,a', 'blob:'])
    assert.ok(!isWindowDownload(url), url);
  assert.ok(mayLoad({ url: 'app://gatehouse/assets/x.js', resourceType: 'script' }));
  assert.ok(mayLoad({ url: blob, resourceType: 'other' }));
  for (const resourceType of ['script', 'subFrame', 'image', 'xhr', 'stylesheet', 'object', 'media'])
    assert.ok(!mayLoad({ url: blob, resourceType }), resourceType);
  assert.ok(!mayLoad({ url: 'https://example.com/', resourceType: 'other' }));
  assert.ok(!mayLoad({ url: 'blob:https://evil.example/x', resourceType: 'other' }));
});

test('only the top frame of the window is heard', () => {
  const frame = { parent: null, origin: 'app://gatehouse', url: 'app://gatehouse/#/servers' };
  assert.ok(isTrustedSender(frame));
  assert.ok(!isTrustedSender(null));
  assert.ok(!isTrustedSender({ ...frame, parent: frame }));
  assert.ok(!isTrustedSender({ ...frame, origin: 'null' }));
  assert.ok(!isTrustedSender({ ...frame, origin: 'app://evil' }));
  assert.ok(!isTrustedSender({ ...frame, url: 'https://example.com/' }));
});

test('a deep link opens the window and nothing else', () => {
  assert.ok(isOpenLink('gatehouse://open'));
  assert.ok(isOpenLink('gatehouse://open/servers'));
  for (const url of ['gatehouse://callback?code=1', 'gatehouse:open', 'https://open/', 'gatehouse://open.evil/'])
    assert.ok(!isOpenLink(url), url);
});

test('a link leaves the window only where the View has it', () => {
  const view = {
    company: { supportUrl: 'https://help.example.com/agents' },
    identity: { prompt: { url: 'https://idp.example.com/device' } },
  };
  assert.ok(isAllowedLink('https://help.example.com/agents', view));
  assert.ok(isAllowedLink('https://idp.example.com/device', view));
  for (const url of [
    'https://help.example.com/',
    'https://help.example.com/agents?x=1',
    'javascript:alert(1)',
    '',
    'https://evil.example/',
  ])
    assert.ok(!isAllowedLink(url, view), url);
  assert.ok(!isAllowedLink('https://help.example.com/agents', { company: {}, identity: {} }));
  const logout = 'https://idp.example.com/logout?id_token_hint=x';
  assert.ok(isAllowedLink(logout, view, logout));
  assert.ok(!isAllowedLink(logout, view), 'only after a sign-out');
  assert.ok(!isAllowedLink('https://idp.example.com/logout', view, logout));
});

test('an autostart entry quotes the path that it starts', () => {
  assert.match(autostartEntry('/opt/Gatehouse/gatehouse'), /^Exec="\/opt\/Gatehouse\/gatehouse" --hidden$/m);
  assert.match(autostartEntry('/opt/50% "off"/x'), /^Exec="\/opt\/50%% \\\\"off\\\\"\/x" --hidden$/m);
});
