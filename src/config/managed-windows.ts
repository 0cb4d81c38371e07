import type { ManagedRead } from './managed.ts';
import type { Run } from './run.ts';

export const registryKey = String.raw`SOFTWARE\Policies\Gatehouse`;

/**
 * Managed policy on Windows: of the machine, else of the user, as a whole. Standard users can write below neither
 * `Policies` key. reg.exe is started by its absolute path, so that no other program of that name is.
 */
export async function readManagedWindows(options: { run: Run; systemRoot?: string }): Promise<ManagedRead> {
  const { run, systemRoot = String.raw`C:\Windows` } = options;
  const query = (key: string, ...more: string[]) => run(String.raw`${systemRoot}\System32\reg.exe`, ['query', key, ...more, '/reg:64']);
  for (const hive of ['HKLM', 'HKCU']) {
    const key = `${hive}\\${registryKey}`;
    const { code, stdout } = await query(key, '/s');
    if (code === 0) return { state: 'present', where: key, values: parseQuery(stdout, registryKey) };
    // reg.exe gives 1 for a missing key and for a refused one, and its words are in the system's language: so look whether it is there.
    if (code !== 1 || (await exists(query, key)) !== false) {
      return { state: 'failed', where: key, problem: `${key} could not be read (reg.exe: ${code ?? 'does not run'}).` };
    }
  }
  return { state: 'absent' };
}

/** Undefined where that cannot be found out. */
async function exists(query: (key: string) => ReturnType<Run>, key: string): Promise<boolean | undefined> {
  const parent = key.slice(0, key.lastIndexOf('\\'));
  const { code, stdout } = await query(parent);
  if (code === 0) {
    const name = key.slice(key.lastIndexOf('\\')).toLowerCase();
    return stdout.split(/\r?\n/).some((line) => /^HKEY_/.test(line) && line.trim().toLowerCase().endsWith(name));
  }
  return code === 1 && parent.includes('\\') && (await exists(query, parent)) === false ? false : undefined;
}

/** The values right below `key` in the output of `reg.exe query /s`; values of its sub-keys are left out. */
export function parseQuery(text: string, key: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  let ours = false;
  for (const line of text.split(/\r?\n/)) {
    if (/^HKEY_/.test(line)) ours = line.trim().toLowerCase().endsWith(`\\${key.toLowerCase()}`);
    const match = ours ? /^ {4}(\S.*?) {4}(REG_[A-Z_]+)(?: {4}(.*))?$/.exec(line) : null;
    if (match === null) continue;
    const [, name = '', type, data = ''] = match;
    if (type === 'REG_SZ' || type === 'REG_EXPAND_SZ') values[name] = data;
    else if (type === 'REG_DWORD' || type === 'REG_QWORD') values[name] = Number(data);
    else if (type === 'REG_MULTI_SZ') values[name] = data.split('\\0').filter((part) => part !== '');
  }
  return values;
}
