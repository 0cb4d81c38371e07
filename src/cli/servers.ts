import { Failure } from '../base/errors.ts';
import type { ServerRow, ServerSignIn } from '../contract/servers.ts';
import { ask } from '../shell/control-client.ts';
import { nothingYet } from './nothing-yet.ts';
import { options, runningDataDir } from './options.ts';
import { paint, pairs, plain, table } from './print.ts';
import { readSecret } from './secret-input.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, values, positionals } = options(args, {
    verb: 'servers',
    // One that is too much may be a secret, which the general error would quote.
    positionals: [0, 100],
    options: { stderr: { type: 'boolean' }, 'sign-in': { type: 'boolean' }, 'sign-out': { type: 'boolean' } },
  });
  const [server, ...more] = positionals;
  if (server === 'secret' && more.length > 0) return await secret(runningDataDir(data), more, json, io);
  if (more.length > 0) throw new Failure('bad-input', `"${more[0]}" was not expected here.`, usageOf('servers'));
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
          stateOf(row, io),
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
  const { error, era, secrets, toolsAllowed, toolsTotal, prompts, resources, leftOut } = row;
  io.out(
    pairs(io, [
      ['Server', plain(`${row.id}: ${row.title}`)],
      ['State', stateOf(row, io)],
      [row.state === 'needs-secret' ? 'Needs' : 'Error', error === undefined ? undefined : plain(error)],
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
  if (secrets.length > 0) {
    const rows = secrets.map(({ name, required, state, why, description }) => [
      name,
      state === 'set' ? paint(io, 'green', state) : required ? paint(io, 'red', state) : state,
      required ? 'required' : 'optional',
      plain(why ?? description),
    ]);
    io.out(table(io, ['SECRET', 'STATE', '', 'ABOUT'], rows));
    const missing = secrets.find(({ state, required }) => state === 'missing' && required);
    if (missing) io.out(`Enter it in the window, or with: gatehouse servers secret set ${row.id} ${missing.name}`);
  }
  for (const { what, why } of leftOut) io.out(paint(io, 'yellow', `Left out ${plain(what)}: ${plain(why)}.`));
  return 0;
}

const stateOf = ({ state }: Pick<ServerRow, 'state'>, io: Io): string =>
  state === 'failed' || state === 'backing-off' ? paint(io, 'red', state) : state === 'needs-secret' ? paint(io, 'yellow', state) : state;

/** The value comes from standard input or from a prompt without echo, and goes to the host over its socket. */
async function secret(dataDir: string, [action, server, name, ...more]: string[], json: boolean, io: Io): Promise<number> {
  if (more.length > 0)
    throw new Failure(
      'bad-input',
      'A secret cannot be an argument: it would stand in the list of processes and in the history of the shell.',
      'Type it when asked, or pipe it in. If you have just given one as an argument, have it replaced where it was issued.',
    );
  if ((action !== 'set' && action !== 'clear') || server === undefined || name === undefined)
    throw new Failure('bad-input', 'Say what to do, for which server and which of its secrets.', usageOf('servers'));
  if (action === 'clear') await ask(dataDir, 'server-secret-clear', { server, name });
  else {
    const row = (await ask(dataDir, 'server-get', { server })).secrets.find((one) => one.name === name);
    const value = await readSecret(process.stdin, (text) => io.err(row === undefined ? text : `It goes to ${plain(row.goesTo)}. ${text}`));
    await ask(dataDir, 'server-secret-set', { server, name, value, ...(row === undefined ? {} : { place: row.place }) });
  }
  if (json) io.out('{}');
  else io.out(action === 'set' ? `${name} is in the vault; the next call to ${server} uses it.` : `${name} of ${server} is removed.`);
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
