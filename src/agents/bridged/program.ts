import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { readFile, readlink, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { withoutSequences } from '../../base/plain-text.ts';

/** A running program, as the system describes it. Nothing in it is what the program says of itself, but for `script`. */
export interface Program {
  pid: number;
  /** Of its executable. */
  path: string;
  /** What an interpreter runs, out of its command line. */
  script?: string;
  /** ISO 8601; absent where the system does not tell. */
  startedAt?: string;
}

/** A process, and whose child it is. */
export interface Process extends Program {
  parent: number;
}

const shells = /^(?:sh|bash|dash|zsh|fish|ksh|cmd|powershell|pwsh)(?:\.exe)?$/i;
const interpreters = /^(?:node|nodejs|bun|deno|python[\d.]*|ruby|java|electron)(?:\.exe)?$/i;
const longestId = 1024;
/** Shells between a bridge and the program that wants it: a wrapper script, and one that an agent starts all its servers with. */
const mostShells = 4;

/** The program that started a process; undefined where it has gone, or where the system does not tell. Shells between the two do not count. */
export async function starterOf(pid: number, look: (pid: number) => Promise<Process | undefined> = lookAt): Promise<Program | undefined> {
  let at = await look(pid);
  for (let count = 0; at !== undefined && count <= mostShells; count++) {
    const { parent } = at;
    // Whose parent ended belongs to the system's first process: nobody can tell any more who started it.
    if (parent <= 1) return undefined;
    at = await look(parent);
    if (at && !shells.test(nameOf(at.path))) {
      const { parent: _, ...program } = at;
      return program;
    }
  }
  return undefined;
}

/** The same program on the same machine has the same one: the id of a client, as agents that sign in by themselves have one. */
export function clientId({ path, script }: Program): string {
  const id = `stdio:${JSON.stringify(script === undefined ? [path] : [path, script])}`;
  // Cut, two programs could be one.
  return id.length <= longestId ? id : `stdio:${hash('sha256', id, 'base64url')}`;
}

/** For the person: `the program "/usr/bin/claude" (process 42)`. A path may hold anything, so it becomes one short line in quotes. */
export function inWords({ path, script, pid }: Program): string {
  const quoted = (text: string) => JSON.stringify(plain(text.length > 120 ? `…${text.slice(-119)}` : text));
  return `the program ${quoted(path)}${script === undefined ? '' : ` with ${quoted(script)}`} (process ${pid})`;
}

/** What it is called, until it says something else: its script, or its executable. */
export const nameOfProgram = ({ path, script }: Program): string => nameOf(script ?? path).replace(/\.(?:exe|m?js|cjs|py)$/i, '');

const plain = (text: string) =>
  withoutSequences(text)
    .replace(/\p{C}+/gu, ' ')
    .toWellFormed();
const nameOf = (path: string) => basename(path.replaceAll('\\', '/'));

/**
 * What an interpreter runs. Its script, if that comes first; with options before it, which may load other code, the whole command line. A path
 * of a script is one in its folder; where the system does not tell the folder, no other start is the same program.
 */
export function scriptOf(path: string, args: readonly string[], folder: string | undefined, start: string): string | undefined {
  if (!interpreters.test(nameOf(path))) return undefined;
  const [first, ...rest] = args.slice(1).filter((arg) => arg !== '');
  if (first === undefined) return undefined;
  const told = first.startsWith('-') ? [first, ...rest].join(' ') : first;
  if (told === first && isAbsolute(first)) return first;
  if (folder === undefined) return `${told} (started ${start})`;
  return told === first ? resolve(folder, first) : `${told} in ${folder}`;
}

function lookAt(pid: number): Promise<Process | undefined> {
  const look = process.platform === 'linux' ? onLinux : process.platform === 'win32' ? onWindows : withPs;
  return look(pid).catch(() => undefined);
}

/** proc(5). Another user's process has no executable that we may see, and so is none. */
async function onLinux(pid: number): Promise<Process | undefined> {
  const folder = `/proc/${pid}`;
  const [status, path, args, { uid }, system, cwd] = await Promise.all([
    readFile(`${folder}/stat`, 'utf8'),
    readlink(`${folder}/exe`),
    readFile(`${folder}/cmdline`, 'utf8'),
    stat(folder),
    readFile('/proc/stat', 'utf8'),
    readlink(`${folder}/cwd`),
  ]);
  if (uid !== process.getuid!()) return undefined;
  // The name in brackets may hold brackets and spaces; the fields begin behind the last one.
  const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
  const bootedAt = Number(/^btime (\d+)$/m.exec(system)?.[1]);
  // An updated agent runs on from a file that is gone; it stays who it is.
  const file = path.replace(/ \(deleted\)$/, '');
  // In ticks of a hundredth of a second since the machine was started, on all systems that Node runs on.
  const startedAt = new Date((bootedAt + Number(fields[19]) / 100) * 1000).toISOString();
  const script = scriptOf(file, args.split('\0'), cwd, startedAt);
  return {
    pid,
    parent: Number(fields[1]),
    path: file,
    ...(script === undefined ? {} : { script }),
    startedAt,
  };
}

/** ps(1) of macOS, where `comm` is the path of the executable. */
async function withPs(pid: number): Promise<Process | undefined> {
  const ask = async (field: string) => (await run('/bin/ps', ['-ww', '-o', `${field}=`, '-p', String(pid)])).trim();
  const [parent, path, args, user, started] = await Promise.all(['ppid', 'comm', 'args', 'uid', 'lstart'].map(ask));
  if (!path || Number(user) !== process.getuid!()) return undefined;
  const script = scriptOf(path, args!.split(' '), undefined, started!);
  const at = Date.parse(started!);
  return {
    pid,
    parent: Number(parent),
    path,
    ...(script === undefined ? {} : { script }),
    ...(Number.isNaN(at) ? {} : { startedAt: new Date(at).toISOString() }),
  };
}

async function onWindows(pid: number): Promise<Process | undefined> {
  const query = `Get-CimInstance Win32_Process -Filter 'ProcessId=${pid}' | ForEach-Object { @{ parent=$_.ParentProcessId; path=$_.ExecutablePath; command=$_.CommandLine; startedAt=$_.CreationDate.ToUniversalTime().ToString('o') } | ConvertTo-Json -Compress }`;
  const shell = join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  const said = JSON.parse(await run(shell, ['-NoProfile', '-NonInteractive', '-Command', query])) as Record<string, unknown>;
  const { parent, path, command, startedAt } = said;
  // Of another user's program Windows tells no path.
  if (typeof parent !== 'number' || typeof path !== 'string') return undefined;
  const args = [...String(command ?? '').matchAll(/"([^"]*)"|(\S+)/g)].map(([, inQuotes, bare]) => inQuotes ?? bare!);
  const script = scriptOf(path, args, undefined, String(startedAt));
  return { pid, parent, path, ...(script === undefined ? {} : { script }), ...(typeof startedAt === 'string' ? { startedAt } : {}) };
}

function run(file: string, args: string[]): Promise<string> {
  return new Promise((done, reject) => {
    execFile(
      file,
      args,
      { timeout: 5_000, maxBuffer: 1024 * 1024, windowsHide: true, env: { ...process.env, LC_ALL: 'C' } },
      (error, output) => (error ? reject(error) : done(output)),
    );
  });
}
