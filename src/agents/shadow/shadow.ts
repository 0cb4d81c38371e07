import { Failure } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { ShadowOutputs } from '../../contract/shadow.ts';
import { type ConfigFile, digest, encoded, readConfigFile, replaceConfigFile } from '../clients/config-file.ts';
import type { Connections } from '../clients/connections.ts';
import { unifiedDiff } from '../clients/edit/diff.ts';
import { languages, type Place, readDocument, withEntry, withoutEntry } from '../clients/edit/edit.ts';
import { withLockFolder } from '../clients/lock-folder.ts';
import { clientOf } from '../clients/place.ts';
import type { Client, Machine } from '../clients/programs/client.ts';
import { type Moved, openMoved } from './moved.ts';
import { isOwn, type OwnEntry, readsOf, scan } from './scan.ts';
import { masked, shownName } from './secrets.ts';
import { configured, equivalentOf } from './server.ts';

export interface ShadowOptions {
  /** Our data folder. */
  dir: string;
  machine: Machine;
  now: () => number;
  log: Log;
  connections: Pick<Connections, 'entries' | 'detect' | 'alone' | 'check'>;
  /** The only servers that the agent of this name may reach; undefined: all. */
  limit(agent: string): readonly string[] | undefined;
  note(reason: string): void;
}

/** What is so at the moment: the gateway's address while it is ours, and the company's servers while its rules are here. */
export interface Now {
  gateway: string | undefined;
  blessed: readonly ServerEntry[] | undefined;
}

/** Servers that agents have beside the gateway: found, moved behind it, and put back. */
export interface Shadow {
  scan(now: Now): ShadowOutputs['agents-scan'];
  preview(id: string, name: string, now: Now): ShadowOutputs['shadow-move-preview'];
  /** `planned`: of a preview; where the file is another one by now, Failure('conflict'). */
  move(id: string, name: string, now: Now, planned?: string): Promise<ShadowOutputs['shadow-move']>;
  /** What the company is told of a server that it is asked to bless: as the scan tells it. */
  described(id: string, name: string, now: Now): { name: string; url: string } | { name: string; command: string };
  putBack(move: string): Promise<ShadowOutputs['shadow-put-back']>;
}

export function openShadow({ dir, machine, now, log, connections, limit, note }: ShadowOptions): Shadow {
  const moved = openMoved(dir, log);
  const own = (gateway: string | undefined): { entries: OwnEntry[]; gateway: string | undefined } => ({
    entries: connections.entries(),
    gateway,
  });

  /** What taking it out would change. It must be the same server as a blessed one that this agent reaches through us: else it would be without. */
  function plan(id: string, name: string, { gateway, blessed }: Now) {
    const client = clientOf(id);
    if (blessed === undefined) throw new Failure('unavailable', "The company's rules are not here.", 'Sign in, or see: gatehouse status');
    const { file, place, server, called } = found(client, name, own(gateway));
    const equivalent = equivalentOf(server, blessed);
    if (equivalent === undefined)
      throw new Failure('conflict', `Your company has blessed no server that is the same as ${name}, so it stays.`);
    const row = connections.detect(gateway).find((each) => each.id === id);
    if (gateway === undefined || row?.state !== 'connected')
      throw new Failure(
        'conflict',
        `${client.title} is not connected with the gateway, so it would be without ${name}.`,
        `First: gatehouse connect ${id}`,
      );
    if (row.agent === undefined)
      throw new Failure(
        'conflict',
        `${client.title} comes in without a token of its own, so it is not known whether it reaches ${equivalent.id}.`,
        `Take ${name} out of ${file.path} by hand, once the agent has ${equivalent.id} through the gateway.`,
      );
    if (limit(row.agent)?.includes(equivalent.id) === false)
      throw new Failure(
        'conflict',
        `${client.title} may not reach ${equivalent.id}, so it would be without ${name}.`,
        `See: gatehouse agents limit`,
      );
    const next = withoutEntry(file.text, place, called);
    return { client, file, place, called, equivalent, next };
  }

  /** Every place of the agent is looked at: one that cannot be read may have it as well. */
  function found(client: Client, name: string, ours: ReturnType<typeof own>) {
    const all = readsOf(client, machine).flatMap(({ file: path, language, path: [container, ...deeper] }) => {
      if (deeper.length > 0) return [];
      const file = readConfigFile(path, machine.home, languages[language].largest);
      const place: Place = { path, language, container: container! };
      return Object.entries(readDocument(file.text, place).servers).flatMap(([called, entry]) => {
        const server = configured(entry);
        if (name === masked || shownName(called) !== name || server === undefined) return [];
        return isOwn(server, { file: path, name: called }, ours) ? [] : [{ file, place, server, called }];
      });
    });
    if (all.length > 1)
      throw new Failure(
        'conflict',
        `${client.title} has ${name} in two files, so both are left as they are.`,
        'Take one of them out by hand.',
      );
    if (all[0]) return all[0];
    throw new Failure(
      'not-found',
      `${client.title} has no server ${JSON.stringify(name)} that can be moved.`,
      'See: gatehouse agents scan',
    );
  }

  async function write({ config }: Client, file: ConfigFile, bytes: Buffer) {
    const replace = () => replaceConfigFile(file, bytes);
    return config.locks && config.files(machine).includes(file.path) ? withLockFolder(file.path, replace) : replace();
  }

  async function move(id: string, name: string, at: Now, planned?: string): Promise<ShadowOutputs['shadow-move']> {
    const { client, file, called, equivalent, next } = plan(id, name, at);
    const before = file.bytes!;
    if (planned !== undefined && planned !== digest(before))
      throw new Failure('conflict', `${file.path} has changed since it was shown, so it is left as it is.`, 'Look at the change again.');
    const bytes = encoded(file, next);
    const record: Moved = {
      id,
      file: file.path,
      name: called,
      equivalent: equivalent.id,
      at: new Date(now()).toISOString(),
      after: digest(bytes),
      before: digest(before),
    };
    // Before the file: if we are ended now, there is a copy too many, and never one too few.
    const key = moved.put(record, before);
    try {
      await write(client, file, bytes);
    } catch (error) {
      moved.drop(key);
      throw error;
    }
    note(`The server ${name} of ${client.title} was moved behind the gate: ${equivalent.id} stands for it.`);
    return { move: key, title: client.title, file: file.path, name, equivalent: { id: equivalent.id, title: equivalent.title } };
  }

  async function putBack(key: string): Promise<ShadowOutputs['shadow-put-back']> {
    const record = moved.all().find((each) => each.move === key);
    const before = record && moved.copy(key);
    if (!record || !before || digest(before) !== record.before)
      throw new Failure(
        'not-found',
        'Nothing that was moved is known by that, or its copy is not what it was.',
        'See: gatehouse agents scan',
      );
    const client = clientOf(record.id);
    // Only where the agent looks, whatever the record says.
    const reads = readsOf(client, machine).find(({ file, path }) => file === record.file && path.length === 1);
    if (!reads) throw new Failure('conflict', `${client.title} does not look at ${record.file} any more.`, 'Put it back by hand.');
    const place: Place = { path: record.file, language: reads.language, container: reads.path[0]! };
    const file = readConfigFile(record.file, machine.home, languages[reads.language].largest);
    const whole = file.bytes !== undefined && digest(file.bytes) === record.after;
    if (whole) await write(client, file, before);
    else {
      const { servers } = readDocument(before.toString('utf8').replace(/^\ufeff/, ''), place);
      if (Object.hasOwn(readDocument(file.text, place).servers, record.name))
        throw new Failure('conflict', `${record.file} has a server of that name again, so it is left as it is.`, 'Take it out first.');
      await write(client, file, encoded(file, withEntry(file.text, place, record.name, servers[record.name])));
    }
    moved.drop(key);
    const name = shownName(record.name);
    note(`The server ${name} of ${client.title} was put back beside the gate.`);
    return { title: client.title, file: record.file, name, restored: whole ? 'whole' : 'entry' };
  }

  return {
    scan({ gateway, blessed }) {
      const list = moved
        .all()
        .map(({ move, id, file, name, equivalent, at }) => ({ move, id, file, name: shownName(name), equivalent, at }));
      return { ...scan({ machine, own: own(gateway), blessed }), moved: list };
    },
    preview(id, name, at) {
      const { client, file, equivalent, next } = plan(id, name, at);
      return {
        title: client.title,
        file: file.path,
        equivalent: { id: equivalent.id, title: equivalent.title },
        // Of what goes and of all around it the structure alone is shown.
        diff: unifiedDiff(file.path, file.text, { base: next, after: next, token: '\0' }),
        planned: digest(file.bytes!),
      };
    },
    async move(id, name, at, planned) {
      const done = await connections.alone(() => move(id, name, at, planned));
      // What the guardian knows of the file includes what is gone now.
      await connections.check();
      return done;
    },
    described(id, name, { gateway, blessed }) {
      const { servers } = scan({ machine, own: own(gateway), blessed });
      const named = name === masked ? [] : servers.filter((server) => server.id === id && server.name === name);
      const [first] = named;
      if (!first)
        throw new Failure('not-found', `No server ${JSON.stringify(name)} of that agent was found.`, 'See: gatehouse agents scan');
      if (named.some(({ target }) => target !== first.target))
        throw new Failure('conflict', `${first.title} has more than one server ${name}.`, 'Give them names that differ.');
      if (first.equivalent)
        throw new Failure(
          'conflict',
          `It is blessed already, as ${first.equivalent.id}.`,
          `To use that: gatehouse agents move ${id}/${name}`,
        );
      const { target } = first;
      return /^https?:/.test(target) ? { name, url: target } : { name, command: target };
    },
    putBack: (key) => connections.alone(() => putBack(key)),
  };
}
