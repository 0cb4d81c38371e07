import { randomBytes } from 'node:crypto';
import { Failure } from '../../base/errors.ts';
import { withEntry, withoutEntry } from './edit/edit.ts';
import { clientOf, entryState, fileOf, standing, usualEntry } from './place.ts';
import type { AgentFile, Machine } from './programs/client.ts';
import { type Command, commandUrl } from './programs/command-url.ts';
import type { Records } from './records.ts';

/** `entry`: another name for ours. `oauth`: without a token, as the agent signs in by itself. */
export interface Choice {
  entry?: string | undefined;
  oauth?: boolean | undefined;
}

interface Own {
  records: Records;
  machine: Machine;
  bridge: Command;
}

/** What an entry is to lead to. */
export const leadsTo = ({ startsBridge }: AgentFile, gateway: string, bridge: Command): string =>
  startsBridge ? commandUrl(bridge) : gateway;

export type Plan = ReturnType<typeof plan>;

/** What is to be written for an agent, and what stands in its file now. Failure('conflict') where an entry there is not ours. */
export function plan({ records, machine, bridge }: Own, id: string, gateway: string, { entry: wanted, oauth = false }: Choice) {
  const client = clientOf(id);
  const config = client.config;
  if (oauth && !config.signsIn)
    throw new Failure('bad-input', `${client.title} is not known to sign in by itself.`, `gatehouse connect ${id}`);
  const url = leadsTo(config, gateway, bridge);
  const record = records.of(id);
  const at = standing(fileOf(config, machine, record), config, machine);
  const entry = wanted ?? record?.entry ?? usualEntry;
  const state = entryState(at, config, entry, record);
  if (state === 'foreign')
    throw new Failure(
      'conflict',
      `${at.place.path} has an entry "${entry}" that Gatehouse did not write, so it is left as it is.`,
      `Choose another name for ours (gatehouse connect ${id} --name NAME), or take that entry out.`,
    );
  if (record && record.entry !== entry && ['same', 'edited'].includes(entryState(at, config, record.entry, record)))
    throw new Failure('conflict', `${client.title} is connected as "${record.entry}" already.`, `First: gatehouse disconnect ${id}`);
  const base = withoutEntry(at.file.text, at.place, entry);
  // Stands nowhere else, so that the token can be put in its place without another edit: one may take a second in a file of megabytes.
  const provisionalToken = `gha_${randomBytes(36).toString('base64url')}`;
  // What was connected without a token stays so.
  const needsToken = !config.startsBridge && !oauth && (record === undefined || record.agent !== undefined);
  const next = withEntry(base, at.place, entry, config.entry(url, needsToken ? provisionalToken : undefined));
  return {
    client,
    config,
    url,
    record,
    at,
    entry,
    state,
    base,
    next,
    needsToken,
    provisionalToken,
    textFor: (token: string) => next.replace(provisionalToken, () => token),
  };
}
