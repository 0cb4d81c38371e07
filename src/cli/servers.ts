import { Failure } from '../base/errors.ts';
import { ask } from '../shell/control-client.ts';
import { nothingYet } from './nothing-yet.ts';
import { options, runningDataDir } from './options.ts';
import { paint, plain, table } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, values, positionals } = options(args, {
    verb: 'servers',
    positionals: [0, 1],
    options: { stderr: { type: 'boolean' } },
  });
  const [server] = positionals;
  if ((server !== undefined) !== (values.stderr === true))
    throw new Failure('bad-input', 'A server and --stderr go together.', usageOf('servers'));
  if (server !== undefined) return await stderr(runningDataDir(data), server, json, io);
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

async function stderr(dataDir: string, server: string, json: boolean, io: Io): Promise<number> {
  const { lines } = await ask(dataDir, 'server-stderr', { server });
  if (json) io.out(JSON.stringify(lines));
  else if (lines.length > 0) io.out(lines.map(plain).join('\n'));
  else io.err('It has written nothing since Gatehouse started it.');
  return 0;
}
