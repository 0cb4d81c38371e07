import { execFile } from 'node:child_process';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutSequences } from '../base/plain-text.ts';

/** Who listens, as far as the system tells this user. Nothing in it comes from the other program. */
export interface PortHolder {
  program?: string;
  pid?: number;
  user?: string;
}

export type Loopback = '127.0.0.1' | '::1';

/** Undefined where the system shows nobody. */
export async function findHolder(address: Loopback, port: number): Promise<PortHolder | undefined> {
  try {
    if (process.platform === 'linux') return await onLinux(address, port);
    if (process.platform === 'darwin')
      return fromLsof(await run('/usr/sbin/lsof', ['-nP', '-a', `-iTCP:${port}`, '-sTCP:LISTEN', '-FpcLn']), address, port);
    if (process.platform === 'win32') return await onWindows(address, port);
  } catch {
    // What cannot be found out is left open; the port is another's all the same.
  }
  return undefined;
}

/** The words that follow "held by". */
export function inWords(holder: PortHolder | undefined): string {
  const { program, pid, user } = holder ?? {};
  const whose = user === undefined ? '' : ` of the user ${name(user)}`;
  if (program !== undefined) return `the program ${name(program)}${pid === undefined ? '' : ` (process ${pid})`}${whose}`;
  if (pid !== undefined) return `process ${pid}${whose}`;
  return user === undefined ? 'a program that the system does not name' : `a program${whose}, which the system does not name`;
}

/** A file's name may hold anything. Makes it one short line in quotes, without characters that control a terminal or the direction of text. */
function name(text: string): string {
  return JSON.stringify(
    withoutSequences(text.slice(0, 1000))
      .replace(/\p{C}+/gu, ' ')
      .trim()
      .slice(0, 80)
      .toWellFormed(),
  );
}

async function onLinux(address: Loopback, port: number): Promise<PortHolder | undefined> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/net/${table}`, 'utf8').catch(() => '')));
  for (const { uid, inode } of tables.flatMap((table) => fromProc(table, address, port))) {
    const pid = await processOf(inode, uid);
    // Our own listener does not count: a program that gets what is sent to our address has another one.
    if (pid === process.pid) continue;
    const path = pid === undefined ? undefined : await readlink(`/proc/${pid}/exe`).catch(() => undefined);
    const user = (await run('/usr/bin/id', ['-nu', String(uid)])).trim() || `number ${uid}`;
    return { user, ...(pid === undefined ? {} : { pid }), ...(path === undefined ? {} : { program: baseName(path) }) };
  }
  return undefined;
}

// proc(5), /proc/net/tcp: addresses as words in the machine's order of bytes, 0A is TCP_LISTEN.
const loopbacks: Record<Loopback, string[]> = {
  '127.0.0.1': ['0100007F', '00000000', '0'.repeat(32), '0000000000000000FFFF00000100007F'],
  '::1': ['00000000000000000000000001000000', '0'.repeat(32)],
};

/** The listeners that a connection to the address may reach, the most specific first. */
export function fromProc(table: string, address: Loopback, port: number): { uid: number; inode: string }[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, local = '', , state, , , , uid, , inode]) => {
      const [host = '', at] = local.split(':');
      const rank = loopbacks[address].indexOf(host);
      return state === '0A' && at === wanted && rank >= 0 && inode !== undefined ? [{ uid: Number(uid), inode, rank }] : [];
    })
    .sort((a, b) => a.rank - b.rank)
    .map(({ uid, inode }) => ({ uid, inode }));
}

async function processOf(inode: string, uid: number): Promise<number | undefined> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const folder = `/proc/${pid}`;
    // Gone meanwhile, or another user's: then only the user is known.
    const fds = await stat(folder).then(
      ({ uid: owner }) => (owner === uid || owner === 0 ? readdir(`${folder}/fd`).catch(() => []) : []),
      () => [],
    );
    for (const fd of fds) if ((await readlink(`${folder}/fd/${fd}`).catch(() => '')) === `socket:[${inode}]`) return Number(pid);
  }
  return undefined;
}

/**
 * lsof(8), "OUTPUT FOR OTHER PROGRAMS". Without rights it shows only the user's own programs, so an empty list means that the program is another
 * user's.
 */
export function fromLsof(output: string, address: Loopback, port: number): PortHolder | undefined {
  const wanted = new Set([address === '::1' ? `[::1]:${port}` : `127.0.0.1:${port}`, `*:${port}`]);
  let holder: PortHolder = {};
  for (const line of output.split('\n')) {
    const value = line.slice(1);
    if (line[0] === 'p') holder = { pid: Number(value) };
    else if (line[0] === 'c') holder.program = value;
    else if (line[0] === 'L') holder.user = value;
    else if (line[0] === 'n' && wanted.has(value) && holder.pid !== process.pid) return holder;
  }
  return undefined;
}

async function onWindows(address: Loopback, port: number): Promise<PortHolder | undefined> {
  const system = join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32');
  const tables = await Promise.all(['TCP', 'TCPv6'].map((table) => run(join(system, 'netstat.exe'), ['-ano', '-p', table])));
  const pid = fromNetstat(tables.join('\n'), address, port);
  if (pid === undefined) return undefined;
  return { pid, ...fromTasklist(await run(join(system, 'tasklist.exe'), ['/V', '/FO', 'CSV', '/NH', '/FI', `PID eq ${pid}`])) };
}

/** Windows writes "listening" in the system's language, so listeners are recognised by their empty peer address. */
export function fromNetstat(output: string, address: Loopback, port: number): number | undefined {
  const hosts = address === '::1' ? ['[::1]', '[::]'] : ['127.0.0.1', '0.0.0.0', '[::]'];
  const listeners = output.split('\n').flatMap((line) => {
    const [protocol, local, peer, ...rest] = line.trim().split(/\s+/);
    const rank = hosts.findIndex((host) => local === `${host}:${port}`);
    const pid = Number(rest.at(-1));
    const listens = protocol === 'TCP' && (peer === '0.0.0.0:0' || peer === '[::]:0');
    return listens && rank >= 0 && pid !== process.pid ? [{ pid, rank }] : [];
  });
  return listeners.sort((a, b) => a.rank - b.rank)[0]?.pid;
}

/** Image name and user name; for programs of other users Windows writes N/A. */
export function fromTasklist(output: string): Pick<PortHolder, 'program' | 'user'> {
  const cells = [...output.matchAll(/"([^"]*)"/g)].map(([, cell]) => cell!);
  const [program, user] = [cells[0], cells[6]];
  return { ...(program ? { program } : {}), ...(user && user !== 'N/A' ? { user } : {}) };
}

const baseName = (path: string) => path.slice(path.lastIndexOf('/') + 1);

/** What it prints, or nothing where it fails or takes longer than three seconds. */
function run(file: string, args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(file, args, { timeout: 3_000, maxBuffer: 4 * 1024 * 1024, windowsHide: true }, (_error, output) => resolve(output));
  });
}
