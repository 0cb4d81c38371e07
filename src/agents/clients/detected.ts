import { toErrorValue } from '../../base/errors.ts';
import type { AgentDetected } from '../../contract/agents.ts';
import { entryState, fileOf, isInstalled, standing, usualEntry } from './place.ts';
import type { Client, Machine } from './programs/client.ts';
import type { Connection } from './records.ts';

/** How it stands with one agent: reads its file, and takes whatever is wrong with that as a state. `url`: of the gateway now. */
export function detected(
  client: Client,
  record: Connection | undefined,
  { machine, isLive, url }: { machine: Machine; isLive: (connection: Connection) => boolean; url: string | undefined },
): AgentDetected {
  const { id, title, config } = client;
  const installed = isInstalled(client, machine);
  const file = fileOf(config, machine, record);
  const repairedAt = record?.repairs.at(-1);
  const named = record?.agent === undefined ? {} : { agent: record.agent };
  const ours = record ? { ...named, entry: record.entry, ...(repairedAt === undefined ? {} : { repairedAt }) } : {};
  let isTaken = false;
  const row = (state: AgentDetected['state'], why?: string): AgentDetected => ({
    id,
    title,
    installed,
    file,
    ...ours,
    state,
    ...(why === undefined ? {} : { why }),
    ...(isTaken ? { isTaken } : {}),
  });
  try {
    const state = entryState(standing(file, config, machine), config, record?.entry ?? usualEntry, record);
    isTaken = state === 'foreign';
    if (!record) return row('not-connected', isTaken ? `An entry "${usualEntry}" is there that Gatehouse did not write.` : undefined);
    if (!isLive(record)) return row(state === 'none' ? 'not-connected' : 'changed', 'Its token was revoked.');
    if (state === 'none') return row('not-connected', record.why ?? 'Our entry is no longer in the file.');
    if (state !== 'same') return row('changed', 'Our entry was changed by somebody else.');
    if (url !== undefined && url !== record.url)
      return row(
        'changed',
        `${config.startsBridge ? 'The bridge is started otherwise' : 'The gateway has another address'} now. Connect again.`,
      );
    return row('connected');
  } catch (error) {
    return row(record ? 'changed' : 'not-connected', toErrorValue(error).message);
  }
}
