import { Failure } from '../base/errors.ts';
import { ask } from '../shell/control-client.ts';
import { options, runningDataDir } from './options.ts';
import { paintEffect, plain, table } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, positionals, values } = options(args, {
    verb: 'search',
    positionals: [1, 100],
    options: { agent: { type: 'string' }, limit: { type: 'string' } },
  });
  const { agent, limit = '20' } = values as { agent?: string; limit?: string };
  if (!/^([1-9]\d?|100)$/.test(limit))
    throw new Failure('bad-input', `--limit needs a number from 1 to 100, not "${limit}".`, usageOf('search'));
  const text = positionals.join(' ');
  const { tools } = await ask(runningDataDir(data), 'tools-search', {
    text,
    limit: Number(limit),
    ...(agent === undefined ? {} : { agent }),
  });
  if (json) io.out(JSON.stringify(tools));
  else if (tools.length === 0) io.out(`No tool that ${agent === undefined ? 'you' : plain(agent)} may see is like "${plain(text)}".`);
  else {
    io.out(
      table(
        io,
        ['SERVER', 'TOOL', 'ACCESS', 'ABOUT'],
        tools.map(({ server, name, title, description, effect, conditional }) => [
          server,
          plain(name),
          paintEffect(io, effect) + (conditional ? ' (depends)' : ''),
          plain([title, description].filter((part) => part !== undefined).join(': ')),
        ]),
      ),
    );
  }
  return 0;
}
