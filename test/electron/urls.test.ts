import assert from 'node:assert/strict';
import { test } from 'node:test';
import { autostartEntry } from '../../electron/autostart-entry.ts';
import { isAllowedLink, isOpenLink, isTrustedSender, isWindowUrl } from '../../electron/urls.ts';

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
});

test('an autostart entry quotes the path that it starts', () => {
  assert.match(autostartEntry('/opt/Gatehouse/gatehouse'), /^Exec="\/opt\/Gatehouse\/gatehouse" --hidden$/m);
  assert.match(autostartEntry('/opt/50% "off"/x'), /^Exec="\/opt\/50%% \\\\"off\\\\"\/x" --hidden$/m);
});
