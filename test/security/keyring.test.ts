// A keyring that is missing, locked or empty at one start must not cost the keys that it holds: unavailable is not absent.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { openSealedVault } from '../../electron/sealed-vault.ts';
import { localKey } from '../../src/app/local-key.ts';
import type { Vault } from '../../src/base/host.ts';
import { silent as log } from '../../src/base/log.ts';
import { run } from '../../src/cli/vault.ts';
import { openDevice } from '../../src/company/device.ts';
import { openHeadless } from '../../src/headless/headless.ts';
import { openIdentity } from '../../src/identity/identity.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { ask } from '../../src/shell/control-client.ts';
import { shellSettings } from '../../src/shell/shell-settings.ts';
import { type Keyring, openVault } from '../../src/shell/vault.ts';
import { openVaultFile } from '../../src/shell/vault-file.ts';
import { smallCore } from '../headless/small-core.ts';
import { testHost } from '../support/host.ts';

const states = ['there', 'missing', 'locked', 'forgets', 'emptied', 'fails at reading', 'memory asked for'] as const;
type State = (typeof states)[number];

/** One start of the app with its keyring in a state; `kept` is what the system keeps over all of them. */
function openAt(state: State, dataDir: string, kept: Map<string, string>, probeMs = 15): Promise<Vault> {
  const over = (content: Map<string, string>): Keyring => ({
    get: async (account) => content.get(account),
    set: async (account, secret) => void content.set(account, secret),
    delete: async (account) => void content.delete(account),
  });
  const keyring = async (): Promise<Keyring> => {
    if (state === 'missing') throw new Error('no Secret Service');
    if (state === 'locked') return new Promise<Keyring>(() => {});
    if (state === 'forgets') return { ...over(new Map()), get: async () => undefined };
    if (state === 'emptied') return over(new Map());
    const real = over(kept);
    if (state !== 'fails at reading') return real;
    return {
      ...real,
      get: async (account) => {
        if (account.endsWith('data-key')) throw new Error('org.freedesktop.DBus.Error.NoReply');
        return real.get(account);
      },
    };
  };
  return openVault({ dataDir, log, env: state === 'memory asked for' ? { GATEHOUSE_VAULT: 'memory' } : {}, keyring, probeMs });
}

const orUnavailable = async <T>(work: Promise<T>): Promise<T | 'unavailable'> => {
  try {
    return await work;
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'unavailable', String(error));
    return 'unavailable';
  }
};

test('over any sequence of starts: the ledger’s key, the device and what was sealed stay what they were, or cannot be had', async () => {
  let had = 0;
  let not = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...states), { minLength: 2, maxLength: 9 }), async (sequence) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-keyring-'));
      const kept = new Map<string, string>();
      const first: Record<string, string> = {};
      let sealed: string | undefined;
      try {
        for (const [at, state] of sequence.entries()) {
          const vault = await openAt(state, dataDir, kept);
          const host = testHost({ dataDir, vault: vault as never });
          const obtained = {
            ledger: await orUnavailable(localKey(host, 'ledger-key').then((key) => key.toString('hex'))),
            state: await orUnavailable(localKey(host, 'state-key').then((key) => key.toString('hex'))),
            device: await orUnavailable(openDevice(host).then(({ id }) => id)),
          };
          for (const [name, value] of Object.entries(obtained)) {
            if (value === 'unavailable') not++;
            else {
              had++;
              assert.equal(value, (first[name] ??= value), `${name} at start ${at} of ${sequence.join(', ')}`);
            }
          }
          if (vault.kind !== 'memory') {
            const token = await orUnavailable(vault.get('identity'));
            if (token !== 'unavailable') assert.equal(token, sealed, 'the sign-in');
            if (token === undefined && (await orUnavailable(vault.set('identity', `token ${at}`))) !== 'unavailable')
              sealed = `token ${at}`;
          }
          // What sealed with a keyring that lost its memory at once cannot be opened again by anybody.
          if (state === 'emptied' && sealed !== undefined && kept.size === 0) return;
        }
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    }),
    { numRuns: 60, seed: 5 },
  );
  assert.ok(had > 100 && not > 30, `${had} had, ${not} not`);
});

/** What a shell finds to seal with at one start. */
const shells = [
  'keyring',
  'no keyring',
  'memory asked for',
  'key given',
  'other key given',
  'desktop',
  'other desktop',
  'bare desktop',
] as const;
type Shell = (typeof shells)[number];
const givenKeys = { 'key given': Buffer.alloc(32, 1).toString('base64url'), 'other key given': Buffer.alloc(32, 2).toString('base64url') };

function openShell(shell: Shell, dataDir: string, kept: Map<string, string>): Promise<Vault> {
  if (shell === 'keyring') return openAt('there', dataDir, kept, 2000);
  if (shell === 'no keyring') return openAt('missing', dataDir, kept);
  if (shell === 'memory asked for') return openAt('memory asked for', dataDir, kept);
  if (shell in givenKeys) return openVault({ dataDir, log, env: { GATEHOUSE_VAULT_KEY: givenKeys[shell as keyof typeof givenKeys] } });
  return openSealedVault({
    dataDir,
    backend: ({ desktop: 'gnome_libsecret', 'other desktop': 'kwallet6' } as Partial<Record<Shell, string>>)[shell],
    log,
    seal: async (text) => Buffer.from(`${shell} ${text}`),
    async unseal(bytes) {
      if (!bytes.toString().startsWith(`${shell} `)) throw new Error('another keychain');
      return { text: bytes.toString().slice(shell.length + 1), stale: false };
    },
  });
}

/** Where keys rest and what says so. The ledger's files stay: they are the last witness, and without them there is nothing to seal. */
const files = ['vault.json', 'vault-desktop.json', 'keys.json', 'ledger-key', 'state-key', 'company/device-key.json'] as const;
const slips = ['removed', 'emptied', 'made bare', 'moved away', 'moved back', 'renamed', 'put back from a copy'] as const;
const event = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant('start' as const), shell: fc.constantFrom(...shells) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constantFrom(...slips),
      which: fc.oneof(fc.subarray([...files], { minLength: 1 }), fc.constantFrom<(typeof files)[number][]>(['vault.json'], ['keys.json'])),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('reset' as const) }) },
);

test('over any order of shells, with files removed, emptied, moved or put back: no key is made twice without a reset', async () => {
  const io = { out() {}, err() {}, colour: false, width: 80 };
  let [had, not, resets] = [0, 0, 0];
  const first = fc.constantFrom(...shells);
  await fc.assert(
    fc.asyncProperty(first, fc.array(event, { minLength: 2, maxLength: 9 }), async (begins, events) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-keyring-'));
      const away = mkdtempSync(join(tmpdir(), 'gatehouse-away-'));
      const at = (name: string, dir = dataDir) => join(dir, dir === dataDir ? name : basename(name));
      const kept = new Map<string, string>();
      let copy = new Map<string, Buffer>();
      let expected: Record<string, string> = {};
      const told = () => `${begins}, then ${JSON.stringify(events)}`;

      async function start(shell: Shell): Promise<Record<string, string>> {
        const vault = await orUnavailable(openShell(shell, dataDir, kept));
        if (vault === 'unavailable') return { vault };
        const host = testHost({ dataDir, vault: vault as never });
        // As the shell does before it begins, and then the core: without the ledger's key nothing else is asked for.
        if ((await orUnavailable(vault.get('ledger-key'))) === 'unavailable') return { vault: 'unavailable' };
        const key = await orUnavailable(localKey(host, 'ledger-key'));
        if (key === 'unavailable') return { ledger: key };
        if (!existsSync(join(dataDir, 'ledger.sqlite')))
          await (await openLedger({ file: join(dataDir, 'ledger.sqlite'), log, now: Date.now, key })).close();
        const obtained = {
          ledger: key.toString('hex'),
          state: await orUnavailable(localKey(host, 'state-key').then((own) => own.toString('hex'))),
          device: await orUnavailable(openDevice(host).then(({ id }) => id)),
        };
        // What the company's store writes once a bundle has arrived.
        if (obtained.device !== 'unavailable') writeFileSync(at('company/versions.json'), '{}');
        return obtained;
      }
      const look = async (shell: Shell) => {
        for (const [name, value] of Object.entries(await start(shell))) {
          if (value === 'unavailable') not++;
          else {
            had++;
            assert.equal(value, (expected[name] ??= value), `${name} as ${shell}: ${told()}`);
          }
        }
      };
      try {
        mkdirSync(join(dataDir, 'company'));
        await look(begins);
        assert.equal(Object.keys(expected).length, 3, told());
        for (const happens of events) {
          if (happens.does === 'start') await look(happens.shell);
          else if (happens.does === 'reset') {
            resets++;
            assert.equal(await run(['reset', '--yes', '--data', dataDir], io), 0);
            expected = {};
            const shell = shells[(had + not) % shells.length]!;
            await look(shell);
            assert.equal(Object.keys(expected).length, 3, `after the reset as ${shell}: ${told()}`);
          } else
            for (const name of happens.which) {
              const there = existsSync(at(name));
              if (happens.does === 'moved back') existsSync(at(name, away)) && renameSync(at(name, away), at(name));
              else if (happens.does === 'put back from a copy') copy.has(name) && writeFileSync(at(name), copy.get(name)!);
              else if (!there) continue;
              else if (happens.does === 'removed') rmSync(at(name));
              else if (happens.does === 'emptied') writeFileSync(at(name), '');
              else if (happens.does === 'made bare') writeFileSync(at(name), '{"format":1,"secrets":{}}');
              else if (happens.does === 'moved away') renameSync(at(name), at(name, away));
              else
                renameSync(
                  at(name),
                  at(name === 'vault.json' ? 'vault-desktop.json' : name === 'vault-desktop.json' ? 'vault.json' : `${name}.old`),
                );
            }
          if (copy.size === 0 || happens.does === 'start')
            copy = new Map([
              ...copy,
              ...files.filter((name) => existsSync(at(name))).map((name) => [name, readFileSync(at(name))] as const),
            ]);
        }
      } finally {
        for (const dir of [dataDir, away]) rmSync(dir, { recursive: true, force: true });
      }
    }),
    { numRuns: 40, seed: Number(process.env['SEED'] ?? 9), endOnFailure: true },
  );
  assert.ok(had > 150 && not > 40 && resets > 8, `${had} had, ${not} not, ${resets} resets`);
});

test('a data key in the keyring says that something was sealed, though the folder is empty; a first start that was cut off goes on', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-keyring-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const kept = new Map<string, string>();
  const start = async () => localKey(testHost({ dataDir, vault: (await openAt('there', dataDir, kept, 2000)) as never }), 'ledger-key');
  await openAt('there', dataDir, kept, 2000);
  assert.equal(kept.size, 1);
  await start();
  for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { recursive: true });
  await assert.rejects(start(), { code: 'unavailable', message: /the keychain has their key/, fix: /vault reset/ });
  assert.deepEqual(readdirSync(dataDir), []);
  assert.equal(await run(['reset', '--yes', '--data', dataDir], { out() {}, err() {}, colour: false, width: 80 }), 0);
  await start();
});

test('on a desktop, too: trouble of the system and a change of desktop take nothing along', async () => {
  const states = ['there', 'fails', 'other desktop', 'damaged answer'] as const;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...states), { minLength: 1, maxLength: 8 }), async (sequence) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-keyring-'));
      const open = (state: (typeof states)[number]) =>
        openSealedVault({
          dataDir,
          backend: state === 'other desktop' ? 'kwallet6' : 'gnome_libsecret',
          log,
          seal: async (text) => Buffer.from(text),
          unseal: async (bytes) => {
            if (state === 'fails') throw new Error('locked');
            return { text: state === 'damaged answer' ? '[]' : bytes.toString(), stale: false };
          },
        });
      try {
        await (await open('there')).set('ledger-key', 'first');
        for (const state of sequence) {
          const vault = await open(state);
          const read = await orUnavailable(vault.get('ledger-key'));
          assert.equal(read, state === 'there' ? 'first' : 'unavailable', state);
          if (read === 'unavailable') assert.equal(await orUnavailable(vault.set('ledger-key', 'second')), 'unavailable');
        }
        assert.equal(await (await open('there')).get('ledger-key'), 'first');
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    }),
    { numRuns: 40, seed: 6 },
  );
});

test('beginning anew is a deliberate act: nothing is deleted, and the ledger records it', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-keyring-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const kept = new Map<string, string>();
  const said: string[] = [];
  const io = { out: (text: string) => void said.push(text), err() {}, colour: false, width: 80 };
  const file = join(dataDir, 'ledger.sqlite');
  const ledgerOf = async () =>
    openLedger({
      file,
      log,
      now: Date.now,
      key: await localKey(testHost({ dataDir, vault: (await openAt('there', dataDir, kept)) as never }), 'ledger-key'),
    });
  const before = await ledgerOf();
  await before.close();
  kept.clear();
  await assert.rejects(ledgerOf(), { code: 'unavailable' });
  await assert.rejects(run(['reset', '--data', dataDir], io), { code: 'bad-input', fix: /--yes/ });
  assert.ok(existsSync(join(dataDir, 'vault.json')));
  assert.equal(await run(['reset', '--yes', '--data', dataDir], io), 0);
  assert.ok(readdirSync(dataDir).some((name) => name.startsWith('vault.json.replaced-')));
  const after = await ledgerOf();
  const verdict = await after.verify();
  assert.equal(verdict.ok, false);
  assert.match(verdict.problem?.message ?? '', /not sealed with the key of this machine/);
  assert.ok(after.list({ limit: 10 }).items.some(({ method }) => method === 'gatehouse/ledger-mismatch'));
  await after.close();
});

test('a start without the keychain waits, says so, and goes on when it is there', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-keyring-'));
  const key = randomBytes(32);
  const own = { vault: process.env.GATEHOUSE_VAULT, key: process.env.GATEHOUSE_VAULT_KEY, bus: process.env.DBUS_SESSION_BUS_ADDRESS };
  t.after(() => {
    for (const [name, value] of Object.entries({
      GATEHOUSE_VAULT: own.vault,
      GATEHOUSE_VAULT_KEY: own.key,
      DBUS_SESSION_BUS_ADDRESS: own.bus,
    }))
      value === undefined ? delete process.env[name] : (process.env[name] = value);
    rmSync(dataDir, { recursive: true, force: true });
  });
  await (await openVaultFile(dataDir, key, 'keychain')).set('ledger-key', randomBytes(32).toString('base64url'));
  delete process.env.GATEHOUSE_VAULT;
  delete process.env.GATEHOUSE_VAULT_KEY;
  process.env.DBUS_SESSION_BUS_ADDRESS = 'unix:path=/nonexistent';
  const told = Promise.withResolvers<Error>();
  let opened = 0;
  const starting = openHeadless({
    dataDir,
    log,
    ui: false,
    retryMs: 20,
    waits: told.resolve,
    settingsFor: (host) => shellSettings(host, { port: 0 }),
    async openCore() {
      opened++;
      return smallCore() as never;
    },
  });
  assert.match((await told.promise).message, /keychain that has their key is missing or locked/);
  await assert.rejects(ask(dataDir, 'status', {}), { code: 'unavailable', message: /cannot be opened/, fix: /Unlock the keychain/ });
  assert.equal(opened, 0);
  process.env.GATEHOUSE_VAULT_KEY = key.toString('base64url');
  const headless = await starting;
  assert.equal((await ask(dataDir, 'status', {})).identity.state, 'signed-out');
  await headless.close();
});

test('a stored sign-in that cannot be read now is not signed out', async () => {
  const locked = new Error('locked');
  const vault = {
    kind: 'keychain',
    get: () => Promise.reject(locked),
    set: () => Promise.reject(locked),
    delete: () => Promise.reject(locked),
  };
  const config = { issuer: 'https://idp.example', clientId: 'x', scopes: [], resource: 'https://central.example', groupsClaim: 'groups' };
  await assert.rejects(openIdentity({ host: testHost({ vault: vault as never }), config, log }), locked);
});
