import { Failure } from '../base/errors.ts';
import type { ServerSignIn } from '../contract/servers.ts';
import { ask } from '../shell/control-client.ts';
import { nothingYet } from './nothing-yet.ts';
import { options, runningDataDir } from './options.ts';
import { paint, pairs, plain, table } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, values, positionals } = options(args, {
    verb: 'servers',
    positionals: [0, 1],
    options: { stderr: { type: 'boolean' }, 'sign-in': { type: 'boolean' }, 'sign-out': { type: 'boolean' } },
  });
  const [server] = positionals;
  const wanted = (['stderr', 'sign-in', 'sign-out'] as const).filter((name) => values[name] === true);
  if (wanted.length > 1) throw new Failure('bad-input', `--${wanted[0]} and --${wanted[1]} do not go together.`, usageOf('servers'));
  if (server === undefined && wanted.length > 0) throw new Failure('bad-input', `--${wanted[0]} needs a server.`, usageOf('servers'));
  const about = { stderr, 'sign-in': signIn, 'sign-out': signOut };
  if (server !== undefined) return await (wanted[0] === undefined ? detail : about[wanted[0]])(runningDataDir(data), server, json, io);
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
          plain(
            row.error ?? (row.signIn?.state === 'signed-out' ? `${row.title} (sign in: gatehouse servers ${row.id} --sign-in)` : row.title),
          ),
        ]),
      ),
    );
  }
  return 0;
}

async function detail(dataDir: string, server: string, json: boolean, io: Io): Promise<number> {
  const row = await ask(dataDir, 'server-get', { server });
  if (json) {
    io.out(JSON.stringify(row));
    return 0;
  }
  const { state, error, era, toolsAllowed, toolsTotal, prompts, resources, leftOut } = row;
  io.out(
    pairs(io, [
      ['Server', plain(`${row.id}: ${row.title}`)],
      ['State', state === 'failed' || state === 'backing-off' ? paint(io, 'red', state) : state],
      ['Error', error === undefined ? undefined : plain(error)],
      ['Signed in', row.signIn && signInText(row.signIn)],
      ['Runs', row.kind === 'local' ? 'on this computer' : 'remote'],
      ['Version', plain(row.version)],
      ['Era', era],
      ['Owner', row.owner === '' ? undefined : plain(row.owner)],
      ['Data', plain(row.dataClass)],
      ['Tools', `${toolsAllowed} of ${toolsTotal} may be used`],
      ['Prompts', String(prompts.length)],
      ['Resources', String(resources.length)],
    ]),
  );
  for (const { what, why } of leftOut) io.out(paint(io, 'yellow', `Left out ${plain(what)}: ${plain(why)}.`));
  return 0;
}

async function stderr(dataDir: string, server: string, json: boolean, io: Io): Promise<number> {
  const { lines } = await ask(dataDir, 'server-stderr', { server });
  if (json) io.out(JSON.stringify(lines));
  else if (lines.length > 0) io.out(lines.map(plain).join('\n'));
  else io.err('It has written nothing since Gatehouse started it.');
  return 0;
}

const signInText = ({ state, account, until }: ServerSignIn): string => {
  if (state === 'unknown') return 'not known: the vault cannot be opened now';
  if (state === 'signed-out') return 'no: gatehouse servers SERVER --sign-in';
  if (state === 'signing-in') return 'not yet: the browser is at it';
  return [account === undefined ? 'yes' : plain(`as ${account}`), ...(until === undefined ? [] : [`until ${until}`])].join(', ');
};

async function signIn(dataDir: string, server: string, json: boolean, io: Io): Promise<number> {
  const { url } = await ask(dataDir, 'server-sign-in', { server });
  if (json) io.out(JSON.stringify({ url }));
  else io.out(`Sign in here; it is open in your browser where there is one:\n  ${url}`);
  return 0;
}

async function signOut(dataDir: string, server: string, json: boolean, io: Io): Promise<number> {
  await ask(dataDir, 'server-sign-out', { server });
  io.out(json ? '{}' : `You are signed out of ${server}.`);
  return 0;
}
