import { ask } from '../shell/control-client.ts';
import { nothingYet } from './nothing-yet.ts';
import { options, runningDataDir } from './options.ts';
import { paintEffect, plain, table } from './print.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, positionals } = options(args, { verb: 'tools', positionals: [0, 1] });
  const dataDir = runningDataDir(data);
  const [server] = positionals;
  const { tools } = await ask(dataDir, 'tools-list', server === undefined ? {} : { server });
  if (json) io.out(JSON.stringify(tools));
  else if (tools.length === 0) io.out(nothingYet(await ask(dataDir, 'status', {}), 'There is no tool that you may see.'));
  else {
    io.out(
      table(
        io,
        ['SERVER', 'TOOL', 'ACCESS', 'RULE', 'WHY'],
        tools.map((row) => [
          row.server,
          plain(row.name),
          paintEffect(io, row.access.effect) + (row.conditional ? ' (depends)' : ''),
          plain(row.access.rule),
          plain(row.unchecked === undefined ? row.access.reason : `${row.access.reason} ${row.unchecked}`),
        ]),
      ),
    );
  }
  return 0;
}
