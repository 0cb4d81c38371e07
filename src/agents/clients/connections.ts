import { randomBytes } from 'node:crypto';
import { Failure, toErrorValue } from '../../base/errors.ts';
import type { Vault } from '../../base/host.ts';
import type { Log } from '../../base/log.ts';
import type { AgentDetected, AgentOutputs, AgentRow } from '../../contract/agents.ts';
import { type ConfigFile, digest, encoded, replaceConfigFile } from './config-file.ts';
import { detected } from './detected.ts';
import { unifiedDiff } from './edit/diff.ts';
import { withEntry, withoutEntry } from './edit/edit.ts';
import { openGuardian } from './guardian.ts';
import { withLockFolder } from './lock-folder.ts';
import { clientOf, configOf, entryState, fileOf, hashOf, looksThere, type Standing, seenIn, standing, usualEntry } from './place.ts';
import type { AgentFile, Machine } from './programs/client.ts';
import { clients } from './programs/table.ts';
import { type Connection, openRecords } from './records.ts';
import { tryConnection } from './verify.ts';

export interface ConnectionsOptions {
  /** Our data folder. */
  dir: string;
  machine: Machine;
  version: string;
  now: () => number;
  log: Log;
  credentials: { add(name: string): { name: string; token: string }; revoke(name: string): void; isLive(name: string): boolean };
  /** Keeps the tokens for the guardian: an entry is put back with the one that the agent may still be using. */
  vault: Pick<Vault, 'get' | 'set' | 'delete'>;
  /** The gateway's address, if it is sure at this moment that it is ours: nothing is proven, and no token sent, where another program may listen. */
  ownUrl(): Promise<string | undefined>;
  changed(): void;
  note(reason: string): void;
  /** How often the guardian looks at the files; 0: never by itself. */
  everyMs?: number;
}

/** Agents' own configuration, with our entry in it: previewed, written, proven, guarded and taken out again. */
export interface Connections {
  /** `url`: of the gateway now; an entry with another one is to be written anew. */
  detect(url?: string): AgentDetected[];
  preview(id: string, url: string, entry?: string): AgentOutputs['agent-connect-preview'];
  /** `planned`: of a preview; where the file is another one by now, Failure('conflict'). */
  connect(id: string, url: string, options?: { entry?: string; planned?: string }): Promise<AgentOutputs['agent-connect']>;
  disconnect(id: string): Promise<AgentOutputs['agent-disconnect']>;
  /** What is known of the agent's file without reading it. */
  configOf(agent: string): AgentRow['config'];
  /** One look of the guardian at all files. */
  check(): Promise<void>;
  close(): void;
}

const absent = 'absent';

/** What a preview says of a file, to be told again when it is carried out. */
const stateOf = (file: ConfigFile): string => (file.bytes === undefined ? absent : digest(file.bytes));

export const secretName = (id: string): string => `connection-${id}`;

export function openConnections(options: ConnectionsOptions): Connections {
  const { machine, credentials, vault, log, now } = options;
  const records = openRecords(options.dir, log);
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: two changes to one file would each undo the other. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => {});
    return done;
  };

  function plan(id: string, url: string, wanted: string | undefined) {
    const client = clientOf(id);
    const config = configOf(client);
    const record = records.all().find((each) => each.id === id && looksThere(config, machine, each.file));
    const at = standing(record?.file ?? fileOf(config, machine), config, machine);
    const entry = wanted ?? record?.entry ?? usualEntry;
    const state = entryState(at, config, entry, record);
    if (state === 'foreign')
      throw new Failure(
        'conflict',
        `${at.place.path} has an entry "${entry}" that Gatehouse did not write, so it is left as it is.`,
        `Choose another name for ours (gatehouse connect ${id} --name NAME), or take that entry out.`,
      );
    if (record && record.entry !== entry && Object.hasOwn(at.servers, record.entry))
      throw new Failure('conflict', `${client.title} is connected as "${record.entry}" already.`, `First: gatehouse disconnect ${id}`);
    const base = withoutEntry(at.file.text, at.place, entry);
    // Stands nowhere else, so that the token can be put in its place without another edit: one may take a second in a file of megabytes.
    const placeholder = `gha_${randomBytes(36).toString('base64url')}`;
    const next = withEntry(base, at.place, entry, config.entry(url, placeholder));
    return {
      client,
      config,
      record,
      at,
      entry,
      state,
      base,
      next,
      placeholder,
      textFor: (token: string) => next.replace(placeholder, () => token),
    };
  }

  const warningsOf = ({ path, linkedTo, readByOthers }: ConfigFile) => [
    ...(linkedTo === undefined ? [] : [`${path} is a link; ${linkedTo} is what is changed.`]),
    ...(readByOthers
      ? [`Other users of this machine can read ${path}, so they can read the token. Close it to them: chmod 600 '${path}'`]
      : []),
  ];

  async function write(at: Standing, config: AgentFile, bytes: Buffer | undefined): Promise<void> {
    if (config.locks && at.file.bytes !== undefined) await withLockFolder(at.file.path, () => replaceConfigFile(at.file, bytes));
    else replaceConfigFile(at.file, bytes);
  }

  function newCredential(title: string, of: Connection | undefined): { name: string; token: string } {
    if (of && credentials.isLive(of.agent)) credentials.revoke(of.agent);
    for (let number = 1; ; number++) {
      const name = number === 1 ? title : `${title} ${number}`;
      if (!credentials.isLive(name)) return credentials.add(name);
    }
  }

  /** Writes our entry with the token, and proves it by what stands in the file then; else all is as it was. */
  async function put(
    { client, config, at, entry, base, textFor }: ReturnType<typeof plan>,
    url: string,
    credential: { name: string; token: string },
    repairs: string[],
  ): Promise<{ connection: Connection; tools: number }> {
    const before = at.file.bytes === undefined ? undefined : encoded(at.file, base);
    const kept = before && { copy: records.keep(client.id, before, now()), hash: digest(before) };
    await write(at, config, encoded(at.file, textFor(credential.token)));
    const written = standing(at.place.path, config, machine);
    try {
      const said = config.read(written.servers[entry]);
      if (said?.token === undefined || said.url !== url)
        throw new Failure('conflict', `${at.place.path} was changed by another program in the meantime.`, 'Try again.');
      const tools = await tryConnection(said.url, said.token, options.version);
      const connection: Connection = {
        id: client.id,
        file: at.place.path,
        entry,
        agent: credential.name,
        url,
        at: new Date(now()).toISOString(),
        entryHash: hashOf(written.servers[entry]),
        fileHash: digest(written.file.bytes!),
        ...(kept ? { before: kept } : {}),
        seen: seenIn(written, entry),
        repairs,
        state: 'connected',
      };
      records.put(connection);
      await vault
        .set(secretName(client.id), credential.token)
        .catch((error) => log.warn({ err: error }, 'agents: a token is not kept for repairs'));
      return { connection, tools };
    } catch (error) {
      await write(written, config, at.file.bytes);
      throw error;
    }
  }

  async function connect(id: string, url: string, { entry, planned }: { entry?: string; planned?: string }) {
    const planned0 = plan(id, url, entry);
    const { client, config, at, record, state } = planned0;
    if (planned !== undefined && planned !== stateOf(at.file))
      throw new Failure(
        'conflict',
        `${at.place.path} has changed since it was shown, so it is left as it is.`,
        'Look at the change again.',
      );
    const warnings = warningsOf(at.file);
    if (record && state === 'same' && record.url === url && credentials.isLive(record.agent)) {
      const token = config.read(at.servers[record.entry])?.token;
      const tools = await tryConnection(url, token ?? '', options.version);
      records.put({ ...withoutWhy(record), state: 'connected' });
      options.changed();
      return { id, title: client.title, file: record.file, entry: record.entry, agent: record.agent, tools, already: true, warnings };
    }
    const credential = newCredential(client.title, record);
    try {
      const { connection, tools } = await put(planned0, url, credential, record?.repairs ?? []);
      options.changed();
      return {
        id,
        title: client.title,
        file: connection.file,
        entry: connection.entry,
        agent: connection.agent,
        tools,
        already: false,
        warnings,
      };
    } catch (error) {
      credentials.revoke(credential.name);
      throw error;
    }
  }

  async function disconnect(id: string): Promise<AgentOutputs['agent-disconnect']> {
    const client = clientOf(id);
    const record = records.of(id);
    if (!record) throw new Failure('not-found', `${client.title} was not connected by Gatehouse.`, 'See: gatehouse connect');
    // First of all: whatever becomes of the file, the token in it opens nothing any more.
    if (credentials.isLive(record.agent)) credentials.revoke(record.agent);
    await vault.delete(secretName(id)).catch((error) => log.warn({ err: error }, 'agents: a token could not be taken out of the vault'));
    const config = configOf(client);
    let restored: AgentOutputs['agent-disconnect']['restored'];
    try {
      restored = await takeOut(record, config);
    } catch (error) {
      const { code, message, fix } = toErrorValue(error);
      records.put({ ...record, state: 'changed', why: message });
      options.changed();
      throw new Failure(code, `${message} Its token no longer works all the same.`, fix, { cause: error });
    }
    records.drop(id);
    options.changed();
    return { id, title: client.title, file: record.file, restored };
  }

  async function takeOut(record: Connection, config: AgentFile): Promise<AgentOutputs['agent-disconnect']['restored']> {
    if (!looksThere(config, machine, record.file)) return 'nothing';
    const at = standing(record.file, config, machine);
    if (at.file.bytes !== undefined && digest(at.file.bytes) === record.fileHash) {
      const before = record.before && records.copy(record.before.copy);
      if (!record.before || (before && digest(before) === record.before.hash)) {
        await write(at, config, before);
        return 'whole';
      }
    }
    const state = entryState(at, config, record.entry, record);
    if (state === 'none' || state === 'foreign') return 'nothing';
    await write(at, config, encoded(at.file, withoutEntry(at.file.text, at.place, record.entry)));
    return 'entry';
  }

  /** For the guardian, which has looked already. */
  async function repair(record: Connection, url: string): Promise<void> {
    const planned = plan(record.id, url, record.entry);
    const kept = await vault.get(secretName(record.id)).catch(() => undefined);
    const credential = kept === undefined ? newCredential(planned.client.title, record) : { name: record.agent, token: kept };
    try {
      await put(planned, url, credential, [...record.repairs, new Date(now()).toISOString()].slice(-10));
    } catch (error) {
      if (kept === undefined) credentials.revoke(credential.name);
      throw error;
    }
    options.note(`The entry of ${planned.client.title} was missing in ${record.file}, with more than that, and was put back.`);
  }

  const guardian = openGuardian(
    { records, machine, now, log, alone, repair, isLive: credentials.isLive, ownUrl: options.ownUrl, changed: options.changed },
    options.everyMs,
  );

  return {
    detect: (url) => clients.map((client) => detected(client, records.of(client.id), { machine, isLive: credentials.isLive, url })),
    preview(id, url, entry) {
      const { client, at, state, record, next, placeholder } = plan(id, url, entry);
      const name = entry ?? record?.entry ?? usualEntry;
      return {
        id,
        title: client.title,
        file: at.place.path,
        entry: name,
        diff: unifiedDiff(at.place.path, at.file.bytes && at.file.text, next, placeholder),
        planned: stateOf(at.file),
        replaces: state !== 'none',
        warnings: warningsOf(at.file),
      };
    },
    connect: (id, url, chosen = {}) => alone(() => connect(id, url, chosen)),
    disconnect: (id) => alone(() => disconnect(id)),
    configOf(agent) {
      const record = records.all().find((each) => each.agent === agent);
      if (!record) return undefined;
      const { id, file, state, why, repairs } = record;
      const repairedAt = repairs.at(-1);
      return { id, file, state, ...(why === undefined ? {} : { why }), ...(repairedAt === undefined ? {} : { repairedAt }) };
    },
    check: () => guardian.check(),
    close: () => guardian.close(),
  };
}

const withoutWhy = ({ why: _, ...record }: Connection): Connection => record;
