import { toErrorValue } from '../../base/errors.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { ShadowOutputs, ShadowSecret, ShadowServer } from '../../contract/shadow.ts';
import { readConfigFile } from '../clients/config-file.ts';
import { languages, readDocument } from '../clients/edit/edit.ts';
import type { AgentReads, Client, Machine } from '../clients/programs/client.ts';
import { commandUrl } from '../clients/programs/command-url.ts';
import { clients } from '../clients/programs/table.ts';
import { masked, secretsOf, shownArguments, shownName, shownPath, shownUrl } from './secrets.ts';
import { addressOf, type Configured, configured, equivalentOf, packageOf } from './server.ts';

/** Of one file; more would fill a window with what is no configuration of a person. */
const mostServers = 500;
/** Of one server; files of others may hold anything. */
const longestTarget = 2000;
const mostSecrets = 64;

/** An entry that we wrote into an agent's file. */
export interface OwnEntry {
  file: string;
  entry: string;
  url: string;
}

export interface ScanOptions {
  machine: Machine;
  /** Our entries of now, and the gateway's address while it is ours. */
  own: { entries: readonly OwnEntry[]; gateway: string | undefined };
  /** The company's servers that are open to the person; undefined while its rules are not here. */
  blessed: readonly ServerEntry[] | undefined;
}

export type Scanned = Omit<ShadowOutputs['agents-scan'], 'moved'>;

/** Reads each file where an agent of the table reads servers. Changes nothing, and starts and reaches nothing. */
export function scan({ machine, own, blessed }: ScanOptions): Scanned {
  const found: Scanned = { servers: [], unread: [], files: 0, compared: blessed !== undefined };
  for (const client of clients) {
    const { id, title } = client;
    const files = Map.groupBy(readsOf(client, machine), ({ file }) => file);
    for (const [file, places] of files) {
      try {
        const { largest } = languages[places[0]!.language];
        const { bytes, text } = readConfigFile(file, machine.home, largest, 'look');
        if (bytes === undefined) continue;
        found.files += 1;
        for (const { language, path } of places) {
          const { servers } = readDocument(text, { path: file, language, container: path[0]! });
          for (const { project, name, entry } of listed(servers, path.slice(1)).slice(0, mostServers)) {
            const server = configured(entry);
            if (server === undefined || isOwn(server, { file, name, ...(project === undefined ? {} : { project }) }, own)) continue;
            const same = blessed && equivalentOf(server, blessed);
            found.servers.push({
              id,
              title,
              file,
              ...(project === undefined ? {} : { project: shownPath(project) }),
              name: shownName(name),
              ...told(server),
              ...(server.off ? { off: true as const } : {}),
              ...(same ? { equivalent: { id: same.id, title: same.title } } : {}),
            });
          }
        }
      } catch (error) {
        found.unread.push({ id, title, file, why: toErrorValue(error).message });
      }
    }
  }
  return found;
}

export function readsOf({ config, alsoReads }: Client, machine: Machine): AgentReads[] {
  const edited = config.files(machine).map((file) => ({ file, language: config.language, path: [config.container] }));
  return [...edited, ...(alsoReads?.(machine) ?? [])];
}

interface Listed {
  project?: string;
  name: string;
  entry: unknown;
}

const members = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];

/** The servers at the end of the path; `project`: the member that `*` stood for. */
function listed(at: unknown, path: readonly string[], project?: string): Listed[] {
  const [next, ...rest] = path;
  const known = project === undefined ? {} : { project };
  if (next === undefined) return members(at).map(([name, entry]) => ({ ...known, name, entry }));
  return members(at).flatMap(([name, value]) =>
    next === '*' ? listed(value, rest, name) : next === name ? listed(value, rest, project) : [],
  );
}

/** Ours is what we wrote and still leads to us, and whatever leads to the gateway: nothing that it does is beside the gate. */
export function isOwn(
  server: Configured,
  { file, name, project }: Omit<Listed, 'entry'> & { file: string },
  { entries, gateway }: ScanOptions['own'],
) {
  const address = addressOf(server);
  // As the bridge is written into an agent's file; another program of that name has a path, or one in its environment.
  if (server.command === 'gatehouse' && server.args[0] === 'bridge' && !server.unclear && Object.keys(server.env).length === 0) return true;
  const isWritten = (url: string) =>
    project === undefined && entries.some((each) => each.file === file && each.entry === name && each.url === url);
  if (
    server.command !== undefined &&
    !server.unclear &&
    Object.keys(server.env).length === 0 &&
    isWritten(commandUrl([server.command, ...server.args]))
  )
    return true;
  if (address === undefined) return false;
  const url = URL.parse(address);
  const origin = gateway === undefined ? undefined : new URL(gateway).origin;
  if (origin !== undefined && url?.origin.replace('//localhost', '//127.0.0.1') === origin) return true;
  return isWritten(address);
}

/** What is told of a server: never a value that is not known to be harmless. */
function told(server: Configured): Pick<ShadowServer, 'target' | 'secrets'> {
  const { url, command, args, env, headers } = server;
  const named = [...secretsOf('env', env), ...secretsOf('header', headers)];
  const bounded = (target: string, secrets: ShadowSecret[]) => ({
    target: target.slice(0, longestTarget),
    secrets: [...secrets, ...named].slice(0, mostSecrets),
  });
  if (command === undefined) {
    const { shown, secrets } = url === undefined ? { shown: masked, secrets: [] } : shownUrl(url);
    return bounded(shown, secrets);
  }
  const index = packageOf(command, args)?.index;
  const { shown, secrets } = shownArguments(
    args,
    (at) => at === index || (/^(?:run|dlx|exec|x|tool)$/.test(args[at]!) && at < (index ?? 0)),
  );
  const address = url === undefined ? { shown: '', secrets: [] } : shownUrl(url);
  return bounded([shownPath(command), ...shown, address.shown].join(' ').trim(), [...secrets, ...address.secrets]);
}
