import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Machine } from '../agents/clients/programs/client.ts';
import { type AllowList, fileOn, type ManagedAgent, type System } from '../agents/managed/agent.ts';
import { look } from '../agents/managed/look.ts';
import { thisSystem } from '../agents/managed/system.ts';
import { managedAgents } from '../agents/managed/table.ts';
import { tryAgent } from '../agents/managed/try.ts';
import { asAdministrator, difference, undo, wholeFile, write } from '../agents/managed/write.ts';
import { codes, type ErrorValue, Failure, toErrorValue } from '../base/errors.ts';
import { otherServers } from '../bundle/agents.ts';
import type { ManagedRow } from '../contract/agents.ts';
import { ask } from '../shell/control-client.ts';
import { block, paint, plain, table } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export const policyOptions = {
  diff: { type: 'boolean' },
  write: { type: 'boolean' },
  undo: { type: 'boolean' },
  check: { type: 'boolean' },
  out: { type: 'string' },
  root: { type: 'string' },
} as const;

export type PolicyValues = { diff?: boolean; write?: boolean; undo?: boolean; check?: boolean; out?: string; root?: string };

interface Wanted {
  dataDir: string;
  agent: string | undefined;
  values: PolicyValues;
  json: boolean;
}

/**
 * The company's list of servers, where agents have one of their own. The running host only says what the company states; files are read and written here, with
 * the rights of whoever asks, in places that this table names.
 */
export async function policy({ dataDir, agent, values, json }: Wanted, io: Io): Promise<number> {
  const { diff, write: writes, undo: undoes, check: checks, out, root } = values;
  const actions = [diff, writes, undoes, checks, out].filter((each) => each !== undefined);
  if (actions.length > 1 || (out !== undefined && agent !== undefined) || (root !== undefined && (checks || out !== undefined)))
    throw new Failure('bad-input', 'One thing at a time.', usageOf('agents'));
  if (checks && process.env['SUDO_UID'] !== undefined)
    throw new Failure(
      'denied',
      'This starts the agents, which the administrator has no reason to.',
      'Ask as yourself: gatehouse agents policy --check',
    );
  const system = thisSystem(root === undefined ? undefined : resolve(root));
  const machine = { home: homedir(), env: process.env, platform: process.platform };
  const chosen = agent === undefined ? managedAgents : managedAgents.filter(({ id }) => id === agent);
  if (chosen.length === 0)
    throw new Failure(
      'not-found',
      `No list is kept for ${JSON.stringify(agent)}.`,
      `One of: ${managedAgents.map(({ id }) => id).join(', ')}.`,
    );
  const again = (action: string) => `gatehouse agents policy${agent === undefined ? '' : ` ${agent}`} ${action} --data ${dataDir}`;
  // Also where nobody is signed in any more: what was written can always be taken back.
  if (undoes) return each(chosen, (one) => asAdministrator(() => undo(one, system), again('--undo')), undone, { json, io });
  const list = await stated(dataDir);
  if (actions.length === 0) {
    const rows = look(list, system, machine);
    return show(agent === undefined ? rows : rows.filter(({ id }) => id === agent), json, io);
  }
  if (list === undefined)
    throw new Failure(
      'not-found',
      'The company states nothing about the servers of agents, so there is nothing to write.',
      'It does so with agents.other_servers in org.yaml. What was written before: gatehouse agents policy --undo',
    );
  if (checks) return check(chosen, list, machine, { json, io });
  if (diff) {
    const compared = (one: ManagedAgent) => ({ file: fileOn(one, system), diff: difference(one, list, system) });
    return each(chosen, (one) => asAdministrator(() => compared(one), again('--diff')), differs, { json, io });
  }
  if (out !== undefined) return handOut(resolve(out), list, json, io);
  return each(chosen, (one) => asAdministrator(() => write(one, list, system), again('--write')), wrote, { json, io });
}

/** What the host says is checked again: this may run with the administrator's rights, and the host never does. */
async function stated(dataDir: string): Promise<AllowList | undefined> {
  const { origin, otherServers: others } = await ask(dataDir, 'agents-policy', {});
  if (others === undefined) return undefined;
  const read = otherServers.safeParse(others);
  if (!read.success || !/^http:\/\/127\.0\.0\.1:\d{1,5}$/.test(origin))
    throw new Failure(
      'integrity',
      'What the host says the company states is not understood.',
      'Use a command line of the same version as the host.',
    );
  return { origin, others: read.data };
}

type Done<T> = (T & { id: string }) | { id: string; error: ErrorValue };

/** One that cannot be done keeps none of the others from it; the exit code is the first failure's. */
function each<T>(
  agents: readonly ManagedAgent[],
  work: (agent: ManagedAgent) => T,
  say: (done: T, agent: ManagedAgent) => string,
  { json, io }: { json: boolean; io: Io },
): number {
  const results = agents.map((agent): Done<T> => {
    try {
      const done = work(agent);
      if (!json) io.out(say(done, agent));
      return { ...done, id: agent.id };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const value = toErrorValue(error);
      if (!json) io.err(`${agent.id}: ${plain([value.message, value.fix].filter(Boolean).join(' '))}`);
      return { id: agent.id, error: value };
    }
  });
  if (json) io.out(JSON.stringify(results));
  const failed = results.find((result) => 'error' in result) as { error: ErrorValue } | undefined;
  return failed === undefined ? 0 : codes[failed.error.code].exit;
}

const differs = ({ file, diff }: { file: string; diff: string }) =>
  diff === '' ? `${plain(file)} stays as it is.` : block(diff.trimEnd());
const wrote = ({ file, already }: ReturnType<typeof write>, { title }: ManagedAgent) =>
  `${title}: ${plain(file)} ${already ? 'says so already.' : 'is written. It holds from its next start.'}`;
const undone = ({ file, restored }: ReturnType<typeof undo>, { title }: ManagedAgent) =>
  `${title}: ${plain(file)} ${{ whole: 'is as it was before.', entry: 'is without what was written; it has changed otherwise.', nothing: 'has nothing that was written by this.' }[restored]}`;

const verdicts = {
  refused: 'refused a server that the company does not allow.',
  'let-in': 'took a server that the company does not allow.',
  unclear: 'did not say which servers it takes',
  'not-tried': 'was not tried',
};

/** Each agent itself is started with a server that is not allowed. */
async function check(
  agents: readonly ManagedAgent[],
  list: AllowList,
  machine: Machine,
  { json, io }: { json: boolean; io: Io },
): Promise<number> {
  const results = [];
  for (const agent of agents) {
    const tried = await tryAgent(agent, list, machine);
    results.push({ id: agent.id, ...tried });
    const tone = tried.result === 'refused' ? 'green' : tried.result === 'let-in' ? 'red' : 'yellow';
    if (!json)
      io.out(paint(io, tone, `${agent.title} ${verdicts[tried.result]}${tried.why === undefined ? '' : `: ${plain(tried.why)}.`}`));
  }
  if (json) io.out(JSON.stringify(results));
  if (results.some(({ result }) => result === 'let-in')) return codes.integrity.exit;
  return results.some(({ result }) => result === 'unclear') ? codes.unavailable.exit : 0;
}

/** A tree of files for each system, as a machine without any of them has them then. */
function handOut(folder: string, list: AllowList, json: boolean, io: Io): number {
  const systems: [System['platform'], string][] = [['linux', 'linux'], ['darwin', 'macos'], ['win32', 'windows']]; // biome-ignore format: a table
  const files = systems.flatMap(([platform, name]) =>
    managedAgents.map((agent) => {
      const file = fileOn(agent, { platform, root: join(folder, name), admin: undefined });
      try {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, wholeFile(agent, list), { flag: 'wx' });
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        throw new Failure(
          'conflict',
          `${file} cannot be written (${code ?? 'unknown'}).`,
          'Name an empty folder, or one that is not there yet.',
          { cause },
        );
      }
      return file;
    }),
  );
  io.out(json ? JSON.stringify({ files }) : files.map(plain).join('\n'));
  return 0;
}

const words: Record<ManagedRow['state'], string> = {
  'not-stated': 'not stated',
  'in-force': 'in force',
  missing: 'not in force',
  differs: 'differs',
  unsupported: 'cannot be had',
};
const tones = { 'not-stated': 'dim', 'in-force': 'green', missing: 'yellow', differs: 'red', unsupported: 'dim' } as const;

function show(rows: ManagedRow[], json: boolean, io: Io): number {
  if (json) {
    io.out(JSON.stringify(rows));
    return 0;
  }
  const shown = rows.filter(({ installed, file }) => installed || file !== undefined);
  io.out(
    table(
      io,
      ['AGENT', 'HERE', 'STATE', 'FILE', 'WHY'],
      shown.map(({ id, installed, state, file, why }) => [
        id,
        installed ? 'yes' : 'not installed',
        paint(io, tones[state], words[state]),
        plain(file ?? ''),
        plain(why ?? ''),
      ]),
    ),
  );
  for (const { id, note, state } of shown) if (note !== undefined && state === 'in-force') io.err(`${id}: ${note}`);
  return 0;
}
