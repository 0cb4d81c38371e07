import { ask } from '../headless/control-client.ts';
import { nothingYet } from './nothing-yet.ts';
import { options, runningDataDir } from './options.ts';
import { paint, plain, table } from './print.ts';
import type { Io } from './verbs.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json } = options(args, { verb: 'servers' });
  const view = await ask(runningDataDir(data), 'status', {});
  if (json) io.out(JSON.stringify(view.servers));
  else if (view.servers.length === 0) io.out(nothingYet(view, 'The company has blessed no server for you.'));
  else {
    io.out(
      table(
        io,
        ['SERVER', 'STATE', 'KIND', 'TOOLS', 'CALLS TODAY', 'DATA', 'TITLE'],
        view.servers.map((row) => [
          row.id,
          row.state === 'failed' || row.state === 'backing-off' ? paint(io, 'red', row.state) : row.state,
          row.kind,
          `${row.toolsAllowed}/${row.toolsTotal}`,
          String(row.callsToday),
          plain(row.dataClass),
          plain(row.error ?? row.title),
        ]),
      ),
    );
  }
  return 0;
}
