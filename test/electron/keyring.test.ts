// The shipped program under a real Secret Service: what it seals comes back, and a keyring that is gone costs nothing.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from '../../src/shell/control-client.ts';
import { eventually } from '../support/demo.ts';
import { noDesktop, openDesktopSession } from './desktop.ts';

const vaultOf = (dataDir: string) => readFileSync(join(dataDir, 'vault-desktop.json'), 'utf8');

test('what the keyring sealed is there after a restart, and in the clear nowhere', { skip: noDesktop }, async (t) => {
  const desktop = await openDesktopSession(t);
  await desktop.startKeyring();
  const first = await desktop.start();
  const { app } = await first.ready();
  assert.deepEqual([app.shell, app.vault], ['electron', 'keychain']);
  const sealed = vaultOf(desktop.dataDir);
  assert.equal(JSON.parse(sealed).backend, 'gnome_libsecret');
  assert.ok(!readdirSync(desktop.dataDir).includes('ledger-key'), 'no key rests in a file of its own');
  assert.equal(await first.stop(), 0);
  const second = await desktop.start();
  assert.equal((await second.ready()).app.vault, 'keychain');
  assert.equal(vaultOf(desktop.dataDir), sealed, 'nothing was made anew');
  assert.equal(await second.stop(), 0);
});

test('without a keyring: memory, never the key that everybody knows', { skip: noDesktop }, async (t) => {
  const desktop = await openDesktopSession(t);
  const program = await desktop.start();
  assert.equal((await program.ready()).app.vault, 'memory');
  assert.match(program.log(), /basic_text|offers no encryption/);
  assert.ok(!existsSync(join(desktop.dataDir, 'vault-desktop.json')));
  assert.equal(await program.stop(), 0);
});

test('a keyring that is gone or locked for one start: the program waits and says so, and nothing sealed is replaced', {
  skip: noDesktop,
}, async (t) => {
  const desktop = await openDesktopSession(t);
  const keyring = await desktop.startKeyring();
  const first = await desktop.start();
  await first.ready();
  const sealed = vaultOf(desktop.dataDir);
  await first.stop();
  await keyring.stop();
  for (const state of ['gone', 'locked'] as const) {
    const service = state === 'locked' ? await desktop.startKeyring({ locked: true }) : undefined;
    const waiting = await desktop.start();
    const refusal = await eventually(
      () =>
        ask(desktop.dataDir, 'status', {}).then(
          () => assert.fail('the core runs'),
          (error) => (error.code === 'unavailable' ? error : undefined),
        ),
      `the program to say what it waits for (${state}): ${waiting.printed()}`,
      30_000,
    );
    assert.match(refusal.message, /keychain/, state);
    assert.equal(vaultOf(desktop.dataDir), sealed, state);
    await waiting.stop();
    await service?.stop();
  }
  await desktop.startKeyring();
  const last = await desktop.start();
  assert.equal((await last.ready()).app.vault, 'keychain');
  assert.equal(vaultOf(desktop.dataDir), sealed);
});
