import type { ServerEntry } from '../../bundle/schema.ts';

type Launch = NonNullable<ServerEntry['launch']>;

// What programs need to find their way. Whatever else is in our environment (tokens, cloud credentials, our own settings) stays with us.
const passed = new Set(
  [
    'PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR TERM XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR',
    'SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS HTTP_PROXY HTTPS_PROXY NO_PROXY',
    'SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT TEMP TMP APPDATA LOCALAPPDATA USERPROFILE USERNAME PROGRAMFILES PROGRAMDATA',
    'HOMEDRIVE HOMEPATH PROCESSOR_ARCHITECTURE',
  ].flatMap((line) => line.split(' ')),
);

/** The environment of a local server: an allow-list of ours, to which its registry entry may add. */
export function scrubbed(ours: NodeJS.ProcessEnv): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(ours))
    if (value !== undefined && (passed.has(name.toUpperCase()) || name.startsWith('LC_'))) environment[name] = value;
  return environment;
}

/** Our environment with another search path, whatever the system calls that variable. */
export function withPath(ours: NodeJS.ProcessEnv, path: string | undefined): NodeJS.ProcessEnv {
  if (path === undefined) return ours;
  const name = Object.keys(ours).find((variable) => variable.toUpperCase() === 'PATH') ?? 'PATH';
  return { ...ours, [name]: path };
}

const fetching = /^(npx|bunx|uvx|pipx|uv|pnpm|yarn|bun|npm|deno|docker|podman|dnx)$/;

/** Whether starting it may first download it: then a start takes as long as that does. */
export function downloads({ command }: Pick<Launch, 'command'>): boolean {
  const name = command.split(/[\\/]/).at(-1)!;
  return fetching.test(name.replace(/\.(exe|cmd|bat)$/i, '').toLowerCase());
}

export interface Machine {
  platform: NodeJS.Platform;
  execPath: string;
  electron: boolean;
  environment: NodeJS.ProcessEnv;
  exists(path: string): boolean;
}

/** What to execute: an argv, never a shell line. `node` is the Node that runs us, so that nothing need be installed. */
export function commandLine(
  launch: Pick<Launch, 'command' | 'args'>,
  machine: Machine,
): { file: string; args: string[]; verbatim: boolean } {
  const { command, args } = launch;
  if (command === 'node' && !machine.electron) return { file: machine.execPath, args, verbatim: false };
  const file = machine.platform === 'win32' ? findCommand(command, machine) : command;
  // CreateProcess does not run .cmd and .bat files, such as npx.cmd: those go through the command interpreter.
  if (machine.platform !== 'win32' || !/\.(cmd|bat)$/i.test(file)) return { file, args, verbatim: false };
  const line = [file.replaceAll('/', '\\').replace(meta, '^$&'), ...args.map(forCmd)].join(' ');
  return { file: machine.environment['ComSpec'] ?? 'cmd.exe', args: ['/d', '/s', '/c', `"${line}"`], verbatim: true };
}

/** Windows looks a bare name up with `.exe` only; npm and others install `.cmd` files. The order of endings is that of the machine's PATHEXT. */
function findCommand(command: string, machine: Machine): string {
  const variable = (wanted: string) => Object.entries(machine.environment).find(([name]) => name.toUpperCase() === wanted)?.[1];
  const stated = (variable('PATHEXT') ?? '').toLowerCase().split(';');
  const usable = stated.filter((ending) => runnable.includes(ending));
  const endings = runnable.some((ending) => command.toLowerCase().endsWith(ending)) ? [''] : usable.length > 0 ? usable : runnable;
  const path = variable('PATH') ?? '';
  const folders = /[\\/]/.test(command) ? [''] : path.split(';').map((folder) => `${folder}\\`);
  for (const folder of folders)
    for (const ending of endings) if (machine.exists(folder + command + ending)) return folder + command + ending;
  return command;
}

const runnable = ['.com', '.exe', '.bat', '.cmd'];
const meta = /[()\][%!^"`<>&|;, *?]/g;

/**
 * One argument for cmd.exe: quoted as the C runtime reads it, then every metacharacter escaped twice, since a .cmd file has its line parsed again
 * (the way of cross-spawn). Without it an argument could begin a command of its own.
 */
function forCmd(argument: string): string {
  const quoted = `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
  return quoted.replace(meta, '^$&').replace(meta, '^$&');
}
