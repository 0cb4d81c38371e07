import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQuery, readManagedWindows, registryKey } from '../../src/config/managed-windows.ts';
import { managedValues, resolve } from '../../src/config/resolve.ts';
import { type Run, run as realRun } from '../../src/config/run.ts';

// As reg.exe prints it.
const recorded = [
  '',
  'HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Gatehouse',
  '    Central    REG_SZ    https://gatehouse.example.com',
  '    Port    REG_DWORD    0x10cc',
  '    StartAtLogin    REG_DWORD    0x1',
  '    LogLevel    REG_EXPAND_SZ    warn',
  '    Empty    REG_SZ    ',
  '    BundleKey    REG_MULTI_SZ    NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs\\0kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  '    Two Words    REG_SZ    a    b',
  '',
  'HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Gatehouse\\Other',
  '    Central    REG_SZ    https://wrong.example.com',
  '',
].join('\r\n');

/** A registry of which these keys exist; `refused` ones exist but cannot be read. Both answers have exit code 1 and localised words. */
function registry(keys: Record<string, string>, refused: string[] = []) {
  const asked: string[][] = [];
  const full = (key: string) => key.replace(/^HKLM/, 'HKEY_LOCAL_MACHINE').replace(/^HKCU/, 'HKEY_CURRENT_USER');
  const run: Run = async (file, args) => {
    asked.push([file, ...args]);
    const key = args[1]!;
    if (refused.includes(key)) return { code: 1, stdout: '' };
    if (keys[key] !== undefined) return { code: 0, stdout: keys[key] };
    const below = [...Object.keys(keys), ...refused].filter((path) => path.startsWith(`${key}\\`));
    if (below.length === 0 && key !== 'HKLM\\SOFTWARE' && key !== 'HKCU\\SOFTWARE') return { code: 1, stdout: '' };
    const children = new Set(below.map((path) => full(`${key}\\${path.slice(key.length + 1).split('\\')[0]}`)));
    return { code: 0, stdout: `\r\n${[...children].join('\r\n')}\r\n` };
  };
  return { run, asked };
}
const machine = `HKLM\\${registryKey}`;
const user = `HKCU\\${registryKey}`;

test('values of every kind, only those right below the key', () => {
  assert.deepEqual(parseQuery(recorded, registryKey), {
    Central: 'https://gatehouse.example.com',
    Port: 4300,
    StartAtLogin: 1,
    LogLevel: 'warn',
    Empty: '',
    BundleKey: ['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs', 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'],
    'Two Words': 'a    b',
  });
});

test("the machine's document, by reg.exe at its absolute path and in the 64-bit view", async () => {
  const { run, asked } = registry({ [machine]: recorded, [user]: recorded });
  const reading = await readManagedWindows({ run });
  assert.deepEqual(asked, [['C:\\Windows\\System32\\reg.exe', 'query', machine, '/s', '/reg:64']]);
  assert.ok(reading.state === 'present');
  assert.equal(reading.where, machine);
  const { central, port, startAtLogin, bundleKey } = resolve({ managed: managedValues(reading.values).values });
  assert.deepEqual([central.value, port.value, startAtLogin.value], ['https://gatehouse.example.com', 4300, true]);
  assert.equal((bundleKey.value as string[]).length, 2);
});

test("else the user's, as a whole; else absent", async () => {
  const reading = await readManagedWindows({ run: registry({ [user]: recorded.replaceAll('LOCAL_MACHINE', 'CURRENT_USER') }).run });
  assert.deepEqual([reading.state, reading.state === 'present' && reading.where], ['present', user]);
  assert.deepEqual(await readManagedWindows({ run: registry({}).run }), { state: 'absent' });
  const others = { 'HKLM\\SOFTWARE\\Policies\\Other\\Gatehouse': '' };
  assert.deepEqual(await readManagedWindows({ run: registry(others).run }), { state: 'absent' });
});

test('a key that is there and cannot be read is a failure, and so is a reg.exe that does not run: neither falls to the user', async () => {
  const refused = await readManagedWindows({ run: registry({ [user]: recorded }, [machine]).run });
  assert.equal(refused.state, 'failed');
  assert.equal((await readManagedWindows({ run: async () => ({ stdout: '' }) })).state, 'failed');
  assert.equal((await readManagedWindows({ run: async () => ({ code: 1, stdout: '' }) })).state, 'failed');
});

test('the real runner tells an exit code from a program that is not there', async () => {
  assert.deepEqual(await realRun(process.execPath, ['-e', 'console.log(1); process.exit(3)']), { code: 3, stdout: '1\n' });
  assert.deepEqual(await realRun('/nowhere/reg.exe', []), { stdout: '' });
});
