import { Failure, toErrorValue } from '../../base/errors.ts';
import type { Vault } from '../../base/host.ts';
import type { Log } from '../../base/log.ts';
import type { AgentDetected, AgentOutputs, AgentRow } from '../../contract/agents.ts';
import { digest, encoded, replaceConfigFile } from './config-file.ts';
import { type Credential, type Credentials, credentialsOf } from './credential.ts';
import { detected } from './detected.ts';
import { unifiedDiff } from './edit/diff.ts';
import { withoutEntry } from './edit/edit.ts';
import { stateOf, warningsOf } from './file-state.ts';
import { openGuardian } from './guardian.ts';
import { withLockFolder } from './lock-folder.ts';
import { clientOf, entryState, hashOf, looksThere, type Standing, seenIn, standing } from './place.ts';
import { type Choice, leadsTo, type Plan, plan } from './plan.ts';
import type { AgentFile, Machine } from './programs/client.ts';
import type { Command } from './programs/command-url.ts';
import { clients } from './programs/table.ts';
import { prove } from './prove.ts';
import { type Connection, openRecords } from './records.ts';

export interface ConnectionsOptions {
  /** Our data folder. */
  dir: string;
  machine: Machine;
  version: string;
  now: () => number;
  log: Log;
  credentials: Credentials;
  /** Keeps the tokens for the guardian: an entry is put back with the one that the agent may still be using. */
  vault: Pick<Vault, 'get' | 'set' | 'delete'>;
  /** The command that starts the stdio bridge to this host. */
  bridge: Command;
  /** The gateway's address, if it is sure at this moment that it is ours: nothing is proven, and no token sent, where another program may listen. */
  ownUrl(): Promise<string | undefined>;
  changed(): void;
  note(reason: string): void;
  /** How often the guardian looks at the files; 0: never by itself. */
  everyMs?: number;
  /** How long a file must have stayed as the guardian found it before an entry is put back. */
  settleMs?: number;
}

/** Agents' own configuration, with our entry in it: previewed, written, proven, guarded and taken out again. */
export interface Connections {
  /** `url`: of the gateway now; an entry with another one is to be written anew. */
  detect(url?: string): AgentDetected[];
  preview(id: string, url: string, choice?: Choice): AgentOutputs['agent-connect-preview'];
  /** `planned`: of a preview; where the file is another one by now, Failure('conflict'). */
  connect(id: string, url: string, options?: Choice & { planned?: string | undefined }): Promise<AgentOutputs['agent-connect']>;
  disconnect(id: string): Promise<AgentOutputs['agent-disconnect']>;
  /** Runs what changes an agent's file after all other such work. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  /** Our entries in agents' files, as they were written. */
  entries(): Pick<Connection, 'file' | 'entry' | 'url'>[];
  /** What is known of the agent's file without reading it. */
  configOf(agent: string): AgentRow['config'];
  /** One look of the guardian at all files. */
  check(): Promise<void>;
  close(): void;
}

export const secretName = (id: string): string => `connection-${id}`;

export function openConnections(options: ConnectionsOptions): Connections {
  const { machine, vault, log, now } = options;
  const credentials = credentialsOf(options.credentials);
  const records = openRecords(options.dir, log);
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: two changes to one file would each undo the other. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => {});
    return done;
  };

  const own = { records, machine, bridge: options.bridge };

  async function write(at: Standing, config: AgentFile, bytes: Buffer | undefined, folders?: number): Promise<number> {
    const replace = () => replaceConfigFile(at.file, bytes, folders);
    return config.locks && at.file.bytes !== undefined ? withLockFolder(at.file.path, replace) : replace();
  }

  /** What undo puts back. While the file is as we left it that is what stood there before we first came, however often the entry was written since. */
  function kept({ record, at, base, client }: Plan): Pick<Connection, 'before' | 'folders'> {
    const { bytes } = at.file;
    if (bytes === undefined) return { folders: 0 };
    if (record && digest(bytes) === record.fileHash)
      return { folders: record.folders, ...(record.before === undefined ? {} : { before: record.before }) };
    const before = encoded(at.file, base);
    return { folders: 0, before: { copy: records.keep(client.id, before, now()), hash: digest(before) } };
  }

  /** Writes our entry, with the token where it needs one, and proves it by what stands in the file then; else all is as it was. */
  async function put(planned: Plan, needed: Credential | undefined, repairs: string[]) {
    const { client, config, url, at, entry, record, textFor } = planned;
    const { token, ...credential } = needed ?? {};
    const bytes = encoded(at.file, token === undefined ? planned.next : textFor(token));
    let connection: Connection = {
      id: client.id,
      file: at.place.path,
      entry,
      ...credential,
      url,
      at: new Date(now()).toISOString(),
      entryHash: hashOf(config.entry(url, token)),
      fileHash: digest(bytes),
      ...kept(planned),
      seen: seenIn(at, entry),
      repairs,
      state: 'connected',
    };
    // Before the file: if we are ended now, what stands in it is known as ours at the next start.
    records.put(connection);
    let isWritten = false;
    try {
      const folders = await write(at, config, bytes);
      isWritten = true;
      if (folders > 0) connection = { ...connection, folders };
      const written = standing(at.place.path, config, machine);
      const said = config.read(written.servers[entry]);
      if (said?.token !== token || said?.url !== url)
        throw new Failure('conflict', `${at.place.path} was changed by another program in the meantime.`, 'Try again.');
      const tools = await prove(config, said, options);
      connection = { ...connection, entryHash: hashOf(written.servers[entry]), seen: seenIn(written, entry) };
      records.put(connection);
      if (token !== undefined)
        await vault.set(secretName(client.id), token).catch((error) => log.warn({ err: error }, 'agents: a token is not kept for repairs'));
      return { connection, tools };
    } catch (error) {
      try {
        if (isWritten) await takeOut(connection, config, { bytes: at.file.bytes });
        if (record) records.put({ ...record, ...credential });
        else records.drop(client.id);
      } catch (trouble) {
        // It stays on the list, so that connecting or disconnecting can mend it later.
        log.warn({ err: trouble, agent: client.id }, 'agents: an entry that proved nothing could not be taken out');
      }
      throw error;
    }
  }

  async function connect(id: string, gateway: string, choice: Choice & { planned?: string | undefined }) {
    const { planned } = choice;
    const whole = plan(own, id, gateway, choice);
    const { client, config, url, at, record, state, needsToken } = whole;
    if (planned !== undefined && planned !== stateOf(at.file))
      throw new Failure(
        'conflict',
        `${at.place.path} has changed since it was shown, so it is left as it is.`,
        'Look at the change again.',
      );
    const said = ({ file, entry, agent }: Connection, tools: number | undefined, already: boolean) => {
      options.changed();
      const shown = { ...(agent === undefined ? {} : { agent }), ...(tools === undefined ? {} : { tools }) };
      return { id, title: client.title, file, entry, ...shown, already, warnings: warningsOf(at.file, needsToken) };
    };
    const isSame = record !== undefined && state === 'same' && record.url === url && needsToken === (record.agent !== undefined);
    if (isSame && credentials.isLive(record)) {
      const tools = await prove(config, { ...config.read(at.servers[record.entry]), url }, options);
      const { why: _, ...rest } = record;
      records.put({ ...rest, state: 'connected' });
      return said(record, tools, true);
    }
    const credential = needsToken ? credentials.renew(client.title, record) : undefined;
    try {
      const { connection, tools } = await put(whole, credential, record?.repairs ?? []);
      if (!needsToken && record) await forget(record);
      return said(connection, tools, false);
    } catch (error) {
      if (credential) credentials.end(credential);
      throw error;
    }
  }

  /** Ends the credential of a connection. */
  async function forget(record: Connection): Promise<void> {
    credentials.end(record);
    await vault
      .delete(secretName(record.id))
      .catch((error) => log.warn({ err: error }, 'agents: a token could not be taken out of the vault'));
  }

  async function disconnect(id: string): Promise<AgentOutputs['agent-disconnect']> {
    const client = clientOf(id);
    const record = records.of(id);
    if (!record) throw new Failure('not-found', `${client.title} was not connected by Gatehouse.`, 'See: gatehouse connect');
    // First of all: whatever becomes of the file, the token in it opens nothing any more.
    await forget(record);
    const config = client.config;
    let restored: AgentOutputs['agent-disconnect']['restored'];
    try {
      const bytes = record.before && records.copy(record.before.copy);
      const whole = !record.before || (bytes && digest(bytes) === record.before.hash);
      restored = await takeOut(record, config, whole ? { bytes } : undefined);
    } catch (error) {
      const { code, message, fix } = toErrorValue(error);
      records.put({ ...record, state: 'changed', why: message });
      options.changed();
      const ended = record.agent === undefined ? '' : ' Its token no longer works all the same.';
      throw new Failure(code, `${message}${ended}`, fix, { cause: error });
    }
    records.drop(id);
    options.changed();
    return { id, title: client.title, file: record.file, restored, hadToken: record.agent !== undefined };
  }

  /** `whole`: what to put back where the file is as we left it. */
  async function takeOut(record: Connection, config: AgentFile, whole: { bytes: Buffer | undefined } | undefined) {
    if (!looksThere(config, machine, record.file)) return 'nothing';
    const at = standing(record.file, config, machine);
    if (whole && at.file.bytes !== undefined && digest(at.file.bytes) === record.fileHash) {
      await write(at, config, whole.bytes, record.folders);
      return 'whole';
    }
    const state = entryState(at, config, record.entry, record);
    if (state === 'none' || state === 'foreign') return 'nothing';
    await write(at, config, encoded(at.file, withoutEntry(at.file.text, at.place, record.entry)));
    return 'entry';
  }

  /** For the guardian, which has looked already. */
  async function repair(record: Connection, gateway: string): Promise<void> {
    const planned = plan(own, record.id, gateway, { entry: record.entry });
    const repairs = [...record.repairs, new Date(now()).toISOString()].slice(-10);
    const { agent, agentSince } = record;
    if (agent === undefined || agentSince === undefined) await put(planned, undefined, repairs);
    else {
      const held = await vault.get(secretName(record.id)).catch(() => undefined);
      const credential = held === undefined ? credentials.renew(planned.client.title, record) : { agent, agentSince, token: held };
      try {
        await put(planned, credential, repairs);
      } catch (error) {
        if (held === undefined) credentials.end(credential);
        throw error;
      }
    }
    options.note(`The entry of ${planned.client.title} was missing in ${record.file}, with more than that, and was put back.`);
  }

  const guardian = openGuardian(
    { records, machine, now, log, alone, repair, isLive: credentials.isLive, ownUrl: options.ownUrl, changed: options.changed },
    options,
  );

  return {
    detect: (url) =>
      clients.map((client) => {
        const leads = client.config && url !== undefined ? leadsTo(client.config, url, options.bridge) : url;
        return detected(client, records.of(client.id), { machine, isLive: credentials.isLive, url: leads });
      }),
    preview(id, url, choice = {}) {
      const { client, at, state, entry, base, next, needsToken, provisionalToken } = plan(own, id, url, choice);
      return {
        id,
        title: client.title,
        file: at.place.path,
        entry,
        diff: unifiedDiff(at.place.path, at.file.bytes && at.file.text, { base, after: next, token: provisionalToken }),
        planned: stateOf(at.file),
        replaces: state !== 'none',
        hasToken: needsToken,
        warnings: warningsOf(at.file, needsToken),
      };
    },
    connect: (id, url, chosen = {}) => alone(() => connect(id, url, chosen)),
    disconnect: (id) => alone(() => disconnect(id)),
    alone,
    entries: () => records.all().map(({ file, entry, url }) => ({ file, entry, url })),
    configOf(agent) {
      const record = records.all().find((each) => each.agent === agent && credentials.isLive(each));
      if (!record) return undefined;
      const { id, file, state, why, repairs } = record;
      const repairedAt = repairs.at(-1);
      return { id, file, state, ...(why === undefined ? {} : { why }), ...(repairedAt === undefined ? {} : { repairedAt }) };
    },
    check: () => guardian.check(),
    close: () => guardian.close(),
  };
}
