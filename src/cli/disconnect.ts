import { codes, Failure } from '../base/errors.ts';
import type { Outputs } from '../contract/contract.ts';
import { ask } from '../shell/control-client.ts';
import { options, runningDataDir } from './options.ts';
import { plain } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { values, data, json, positionals } = options(args, {
    verb: 'disconnect',
    positionals: [0, 1],
    options: { all: { type: 'boolean' } },
  });
  const [id] = positionals;
  if ((id === undefined) !== (values.all === true))
    throw new Failure('bad-input', 'Which agent? Name one, or --all.', usageOf('disconnect'));
  const dataDir = runningDataDir(data);
  const ids = id === undefined ? await connected(dataDir) : [id];
  const done: Outputs['agent-disconnect'][] = [];
  let code = 0;
  for (const each of ids) {
    try {
      const one = await ask(dataDir, 'agent-disconnect', { id: each });
      done.push(one);
      if (!json) io.out(said(one));
    } catch (error) {
      if (!(error instanceof Failure) || id !== undefined) throw error;
      io.err(`${each}: ${plain([error.message, error.fix].filter(Boolean).join(' '))}`);
      code ||= codes[error.code].exit;
    }
  }
  if (json) io.out(JSON.stringify(id === undefined ? done : done[0]));
  else if (ids.length === 0) io.out('No agent was connected by Gatehouse.');
  return code;
}

async function connected(dataDir: string): Promise<string[]> {
  const { agents } = await ask(dataDir, 'agents-detect', {});
  return agents.flatMap(({ id, entry }) => (entry === undefined ? [] : [id]));
}

const left = {
  whole: 'is as it was before',
  entry: 'keeps what changed since; our entry is out of it',
  nothing: 'is left as it is, as our entry was not found there',
} as const;

const said = ({ title, file, restored, hadToken }: Outputs['agent-disconnect']): string =>
  `${title} is disconnected: ${plain(file)} ${left[restored]}. ${hadToken ? 'Its token no longer works.' : 'Where you allowed it, that stays until you revoke it: gatehouse agents revoke NAME'}`;
