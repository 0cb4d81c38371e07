import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silent as log } from '../../src/base/log.ts';
import { type Keyring, openVault } from '../../src/shell/vault.ts';
import { folder } from './folder.ts';

const key = () => randomBytes(32).toString('base64url');
const noKeyring = async (): Promise<Keyring> => {
  throw new Error('AccessDenied');
};

/** A keyring in memory; `content` plays what the system keeps. */
const keyringOver = (content: Map<string, string>): Keyring => ({
  get: async (account) => content.get(account),
  set: async (account, secret) => void content.set(account, secret),
  delete: async (account) => void content.delete(account),
});

test('with a key from the environment, secrets rest encrypted in a file of the user’s alone', async (t) => {
  const dataDir = folder(t);
  const env = { GATEHOUSE_VAULT_KEY: key() };
  const vault = await openVault({ dataDir, log, env, keyring: noKeyring });
  assert.equal(vault.kind, 'key-from-environment');
  await Promise.all([vault.set('refresh', 'very-secret'), vault.set('other', 'x')]);
  await vault.delete('other');
  const file = join(dataDir, 'vault.json');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.doesNotMatch(readFileSync(file, 'utf8'), /very-secret/);
  const again = await openVault({ dataDir, log, env, keyring: noKeyring });
  assert.equal(await again.get('refresh'), 'very-secret');
  assert.equal(await again.get('other'), undefined);
});

test("a service's key comes from systemd's credentials; one that is there and cannot be used is no reason to go on without", async (t) => {
  const [dataDir, credentials] = [folder(t), folder(t)];
  const file = join(credentials, 'gatehouse-vault-key');
  const env = { CREDENTIALS_DIRECTORY: credentials, GATEHOUSE_VAULT: 'memory' };
  assert.equal((await openVault({ dataDir: folder(t), log, env })).kind, 'memory', 'the service has other credentials');
  writeFileSync(file, `${key()}\n`);
  const vault = await openVault({ dataDir, log, env });
  assert.equal(vault.kind, 'key-from-environment');
  await vault.set('a', 'secret');
  assert.equal(await (await openVault({ dataDir, log, env })).get('a'), 'secret');
  for (const text of ['', 'short', `${key()}${key()}`]) {
    writeFileSync(file, text);
    await assert.rejects(openVault({ dataDir, log, env }), { code: 'bad-input' });
  }
  rmSync(file);
  mkdirSync(file);
  await assert.rejects(openVault({ dataDir, log, env }), { code: 'unavailable' });
});

test('another key, a changed byte, or a secret moved to another name: unavailable, never wrong, and never replaced', async (t) => {
  const dataDir = folder(t);
  const env = { GATEHOUSE_VAULT_KEY: key() };
  const unavailable = { code: 'unavailable', fix: /vault reset/ };
  await (await openVault({ dataDir, log, env })).set('a', 'secret of a');
  const other = await openVault({ dataDir, log, env: { GATEHOUSE_VAULT_KEY: key() } });
  await assert.rejects(other.get('a'), unavailable);
  await assert.rejects(other.set('a', 'another'), unavailable);
  await assert.rejects(other.delete('a'), unavailable);
  const file = join(dataDir, 'vault.json');
  const content = JSON.parse(readFileSync(file, 'utf8')) as { secrets: Record<string, string> };
  content.secrets.b = content.secrets.a!;
  writeFileSync(file, JSON.stringify(content));
  const moved = await openVault({ dataDir, log, env });
  await assert.rejects(moved.get('b'), unavailable);
  assert.equal(await moved.get('a'), 'secret of a');
  writeFileSync(file, 'not json');
  await assert.rejects(openVault({ dataDir, log, env }), unavailable);
  assert.equal(readFileSync(file, 'utf8'), 'not json');
});

test('a key of the wrong size is refused with how to make one', async (t) => {
  await assert.rejects(openVault({ dataDir: folder(t), log, env: { GATEHOUSE_VAULT_KEY: 'short' } }), {
    code: 'bad-input',
    fix: /randomBytes/,
  });
});

test('the keyring holds one data key, and long secrets fit', async (t) => {
  const dataDir = folder(t);
  const content = new Map<string, string>();
  const keyring = async () => keyringOver(content);
  const vault = await openVault({ dataDir, log, env: {}, keyring });
  assert.equal(vault.kind, 'keychain');
  await vault.set('long', 'x'.repeat(10_000));
  assert.equal(content.size, 1);
  assert.equal((await (await openVault({ dataDir, log, env: {}, keyring })).get('long'))?.length, 10_000);
});

test('a keyring that forgets, hangs or is absent leaves memory', async (t) => {
  const forgets = async () => ({ ...keyringOver(new Map()), get: async () => undefined });
  const hangs = () => new Promise<Keyring>(() => {});
  for (const keyring of [forgets, hangs, noKeyring]) {
    const vault = await openVault({ dataDir: folder(t), log, env: {}, keyring, probeMs: 20 });
    assert.equal(vault.kind, 'memory');
    await vault.set('a', 'b');
    assert.equal(await vault.get('a'), 'b');
    await vault.delete('a');
    assert.equal(await vault.get('a'), undefined);
  }
});

test('the system’s own keyring, or memory where it has none', async (t) => {
  const vault = await openVault({ dataDir: folder(t), log, env: {} });
  assert.ok(['keychain', 'memory'].includes(vault.kind));
  await vault.set('a', 'b');
  assert.equal(await vault.get('a'), 'b');
  await vault.delete('a');
});
