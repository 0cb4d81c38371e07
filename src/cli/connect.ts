import { codes, type ErrorValue, Failure, toErrorValue } from '../base/errors.ts';
import type { AgentDetected } from '../contract/agents.ts';
import type { Outputs } from '../contract/contract.ts';
import { ask } from '../shell/control-client.ts';
import { options, runningDataDir } from './options.ts';
import { block, paint, plain, table } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { values, data, json, positionals } = options(args, {
    verb: 'connect',
    positionals: [0, 1],
    options: { all: { type: 'boolean' }, name: { type: 'string' }, oauth: { type: 'boolean' }, preview: { type: 'boolean' } },
  });
  const [id] = positionals;
  const dataDir = runningDataDir(data);
  const { all, preview, oauth, name: entry } = values;
  const isForOne = preview || oauth || entry !== undefined;
  if (all ? id !== undefined || isForOne : id === undefined && isForOne)
    throw new Failure('bad-input', all ? '--all stands alone.' : 'Which agent?', usageOf('connect'));
  if (all) return everyone(dataDir, json, io);
  if (id === undefined) return list(dataDir, json, io);
  const chosen = { id, ...(entry === undefined ? {} : { entry }), ...(oauth ? { oauth } : {}) };
  const shown = await ask(dataDir, 'agent-connect-preview', chosen);
  if (preview) {
    io.out(json ? JSON.stringify(shown) : shown.diff === '' ? `${plain(shown.file)} stays as it is.` : block(shown.diff.trimEnd()));
    warn(shown.warnings, io);
    return 0;
  }
  const done = await ask(dataDir, 'agent-connect', { ...chosen, planned: shown.planned });
  if (json) io.out(JSON.stringify(done));
  else {
    if (!done.already) io.err(block(shown.diff.trimEnd()));
    io.out(said(done));
    warn(done.warnings, io);
  }
  return 0;
}

const said = ({ title, file, entry, tools, already }: Outputs['agent-connect']): string =>
  `${title} ${already ? 'was connected already' : 'is connected'}: "${entry}" in ${plain(file)}, ${tools === undefined ? 'leads here, without a token.' : `tried with its token, shows ${tools} tools.`}${already ? '' : ' Restart it if it is running.'}${tools === undefined ? ' Allow it when it asks: gatehouse agents requests' : ''}`;

function warn(warnings: string[], io: Io): void {
  for (const warning of warnings) io.err(paint(io, 'yellow', plain(warning)));
}

/** All that are installed. One that cannot be connected keeps none of the others from it; the exit code is the first failure's. */
async function everyone(dataDir: string, json: boolean, io: Io): Promise<number> {
  const { agents } = await ask(dataDir, 'agents-detect', {});
  const results: (Outputs['agent-connect'] | { id: string; error: ErrorValue })[] = [];
  for (const { id, installed } of agents) {
    if (!installed) continue;
    try {
      const done = await ask(dataDir, 'agent-connect', { id });
      results.push(done);
      if (!json) io.out(said(done));
      if (!json) warn(done.warnings, io);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      results.push({ id, error: toErrorValue(error) });
      if (!json) io.err(`${id}: ${plain([error.message, error.fix].filter(Boolean).join(' '))}`);
    }
  }
  if (json) io.out(JSON.stringify(results));
  else if (results.length === 0) io.out('No agent that can be connected was found here. See: gatehouse connect');
  const failed = results.find((result) => 'error' in result);
  return failed === undefined ? 0 : codes[(failed as { error: ErrorValue }).error.code].exit;
}

const words: Record<AgentDetected['state'], string> = {
  connected: 'connected',
  'not-connected': 'not connected',
  changed: 'changed',
};

async function list(dataDir: string, json: boolean, io: Io): Promise<number> {
  const { agents } = await ask(dataDir, 'agents-detect', {});
  if (json) {
    io.out(JSON.stringify(agents));
    return 0;
  }
  const tone = { connected: 'green', changed: 'yellow', 'not-connected': 'dim' } as const;
  const here = agents.filter(({ installed, entry }) => installed || entry !== undefined);
  const others = agents.filter((agent) => !here.includes(agent)).map(({ id }) => id);
  if (here.length > 0)
    io.out(
      table(
        io,
        ['AGENT', 'STATE', 'FILE', 'WHY'],
        here.map(({ id, state, file, why }) => [id, paint(io, tone[state], words[state]), plain(file ?? ''), plain(why ?? '')]),
      ),
    );
  if (others.length > 0) io.out(`Not found here: ${others.join(', ')}`);
  return 0;
}
