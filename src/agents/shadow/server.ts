import type { ServerEntry } from '../../bundle/schema.ts';

/** A server as an agent's entry names it, whatever the agent calls the members. Holds secrets: it never leaves this folder. */
export interface Configured {
  url?: string;
  command?: string;
  args: string[];
  env: Record<string, unknown>;
  headers: Record<string, unknown>;
  off: boolean;
  /** It names more than one place; which of them its agent takes cannot be told. */
  unclear: boolean;
}

const object = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []);
const texts = (...values: unknown[]): string[] => values.filter((value): value is string => typeof value === 'string' && value !== '');

/** Undefined for what is no server: a part that the agent itself brings (Goose's `builtin` and `platform`). */
export function configured(entry: unknown): Configured | undefined {
  const said = object(entry);
  if (said === undefined) return { args: [], env: {}, headers: {}, off: false, unclear: false };
  if (['builtin', 'platform', 'frontend'].includes(String(said['type']))) return undefined;
  // opencode has one list; Zed had an object.
  const inner = object(said['command']);
  const list = strings(said['command']);
  const commands = texts(said['command'], said['cmd'], inner?.['path'], list[0]);
  const urls = texts(said['url'], said['httpUrl'], said['serverUrl'], said['uri']);
  const [command] = commands;
  const [url] = urls;
  return {
    ...(url === undefined ? {} : { url }),
    ...(command === undefined ? {} : { command }),
    args: [...list.slice(1), ...strings(inner?.['args']), ...strings(said['args'])],
    env: { ...object(inner?.['env']), ...object(said['environment']), ...object(said['envs']), ...object(said['env']) },
    headers: { ...object(said['http_headers']), ...object(said['headers']), ...object(object(said['requestInit'])?.['headers']) },
    off: said['disabled'] === true || said['enabled'] === false,
    unclear: new Set([...urls, ...commands]).size > 1,
  };
}

const program = (command: string) =>
  command
    .split(/[\\/]/)
    .at(-1)!
    .toLowerCase()
    .replace(/\.(?:exe|cmd|bat|ps1)$/, '');

interface Starter {
  kind: 'npm' | 'pypi' | 'oci';
  /** Words before the package. */
  words: readonly string[];
  /** Options that stand alone; an option that is not known may take the next argument, so what follows is not known either. */
  alone: readonly string[];
  /** Options with a value. */
  valued: readonly string[];
  name: RegExp;
}

const npm = {
  kind: 'npm',
  alone: ['-y', '--yes', '-q', '--quiet'],
  valued: [],
  name: /^((?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*)(?:@[\w.^~*-]+)?$/,
} as const;
const pypi = {
  kind: 'pypi',
  alone: ['-q', '--quiet'],
  valued: ['--python', '-p'],
  name: /^([a-z0-9][\w.-]*)(?:(?:==|@)[\w.]+)?$/i,
} as const;
const oci = {
  kind: 'oci',
  alone: ['-i', '-t', '-it', '--rm', '--init', '--interactive', '--tty'],
  valued: ['-e', '--env', '-v', '--volume', '--mount', '--name', '--network', '--env-file', '-p', '--publish', '-u', '--user', '--pull'],
  name: /^((?:[\w.-]+(?::\d+)?\/)*[a-z0-9][\w.-]*)(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/,
} as const;

const starters: Readonly<Record<string, readonly Starter[]>> = {
  npx: [{ ...npm, words: [] }],
  bunx: [{ ...npm, words: [] }],
  pnpx: [{ ...npm, words: [] }],
  pnpm: [{ ...npm, words: ['dlx'] }],
  yarn: [{ ...npm, words: ['dlx'] }],
  bun: [{ ...npm, words: ['x'] }],
  npm: [{ ...npm, words: ['exec'], alone: [...npm.alone, '--'] }],
  uvx: [{ ...pypi, words: [] }],
  uv: [{ ...pypi, words: ['tool', 'run'] }],
  pipx: [{ ...pypi, words: ['run'] }],
  docker: [{ ...oci, words: ['run'] }],
  podman: [{ ...oci, words: ['run'] }],
};

/** The package that a command runs: `npm:NAME`, `pypi:NAME`, `oci:IMAGE` without a version, and where it stands among the arguments. */
export function packageOf(command: string, args: readonly string[]): { id: string; index: number } | undefined {
  const name = program(command);
  for (const { kind, words, alone, valued, name: form } of (Object.hasOwn(starters, name) && starters[name]) || []) {
    if (words.some((word, index) => args[index] !== word)) continue;
    let index = words.length;
    while (index < args.length && args[index]!.startsWith('-')) {
      const option = args[index]!;
      if (alone.includes(option)) index += 1;
      else if (valued.includes(option)) index += 2;
      else if (valued.some((each) => option.startsWith(`${each}=`))) index += 1;
      else return undefined;
    }
    const [, id] = form.exec(args[index] ?? '') ?? [];
    if (id !== undefined) return { id: `${kind}:${kind === 'pypi' ? id.toLowerCase().replaceAll(/[-_.]+/g, '-') : id}`, index };
  }
  return undefined;
}

/** The address behind it: its own, or the one that `mcp-remote` carries messages to. */
export function addressOf({ url, command, args, unclear }: Configured): string | undefined {
  if (unclear) return undefined;
  if (url !== undefined || command === undefined) return url;
  const found = packageOf(command, args);
  if (found?.id !== 'npm:mcp-remote') return undefined;
  return args.slice(found.index + 1).find((argument) => /^https?:\/\//i.test(argument));
}

/** Origin and path; what follows is how somebody is let in, not what is reached. */
function place(address: string): string | undefined {
  const url = URL.parse(address);
  return url === null ? undefined : `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** The blessed server that this is as well: of the same address, the same package, or the same command with all of its arguments. */
export function equivalentOf(server: Configured, blessed: readonly ServerEntry[]): ServerEntry | undefined {
  const address = addressOf(server);
  const at = address === undefined ? undefined : place(address);
  if (at !== undefined) return blessed.find(({ url }) => url !== undefined && place(url) === at);
  const { command, args, unclear } = server;
  if (command === undefined || unclear) return undefined;
  const id = packageOf(command, args)?.id;
  return blessed.find(({ launch }) => {
    if (launch === undefined) return false;
    if (id !== undefined) return packageOf(launch.command, launch.args)?.id === id;
    return launch.command === command && launch.args.length === args.length && launch.args.every((each, index) => each === args[index]);
  });
}
