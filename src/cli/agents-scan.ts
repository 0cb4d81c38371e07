import { Failure } from '../base/errors.ts';
import type { ShadowServer } from '../contract/shadow.ts';
import { ask } from '../shell/control-client.ts';
import { block, paint, plain, table } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

/** Servers that agents have beside the gateway. */
export async function scan(dataDir: string, json: boolean, io: Io): Promise<number> {
  const found = await ask(dataDir, 'agents-scan', {});
  if (json) {
    io.out(JSON.stringify(found));
    return 0;
  }
  const { servers, unread, files, compared, moved } = found;
  if (servers.length > 0)
    io.out(
      table(
        io,
        ['AGENT', 'SERVER', 'BLESSED AS', 'SECRETS IN PLAIN TEXT', 'WHERE IT LEADS'],
        servers.map((server) => [
          server.id,
          plain(server.name) + (server.off ? ' (off)' : ''),
          compared ? plain(server.equivalent?.id ?? '-') : '?',
          paint(io, 'yellow', secretsIn(server)),
          plain(server.target),
        ]),
      ),
    );
  else io.out(`No server beside the gate stands in the ${files} ${files === 1 ? 'file' : 'files'} of agents that could be read.`);
  for (const { move, id, name, equivalent } of moved)
    io.out(`Moved behind the gate: ${id}/${plain(name)}, now ${plain(equivalent)}. To put it back: gatehouse agents put-back ${move}`);
  for (const { id, why } of unread) io.err(paint(io, 'yellow', `${id}: ${plain(why)} What stands in it is not known.`));
  if (!compared) io.err("The company's rules are not here, so it is not known which of these are blessed. See: gatehouse status");
  return 0;
}

/** As `connect`: what changes goes to standard error, and with `--preview` nothing is changed. */
export async function move(dataDir: string, which: string, { preview }: { preview?: boolean }, json: boolean, io: Io): Promise<number> {
  const { id, name } = serverOf(which);
  const shown = await ask(dataDir, 'shadow-move-preview', { id, name });
  if (preview) {
    io.out(json ? JSON.stringify(shown) : block(shown.diff.trimEnd()));
    return 0;
  }
  const done = await ask(dataDir, 'shadow-move', { id, name, planned: shown.planned });
  if (!json) io.err(block(shown.diff.trimEnd()));
  io.out(
    json
      ? JSON.stringify(done)
      : `${plain(name)} is out of ${plain(done.file)}: ${done.title} has ${plain(done.equivalent.id)} through the gateway. Restart it if it is running. To put it back: gatehouse agents put-back ${done.move}`,
  );
  return 0;
}

/** Asks the company to bless it. */
export async function request(dataDir: string, which: string, reason: string | undefined, json: boolean, io: Io): Promise<number> {
  const server = serverOf(which);
  if (reason === undefined) throw new Failure('bad-input', 'Why is it needed? Say so with --reason.', usageOf('agents'));
  const done = await ask(dataDir, 'shadow-request', { ...server, reason });
  io.out(json ? JSON.stringify(done) : `Your company was asked to bless ${plain(server.name)}: request ${plain(done.id)}.`);
  return 0;
}

function serverOf(which: string): { id: string; name: string } {
  const [, id, name] = /^([^/]+)\/(.+)$/s.exec(which) ?? [];
  if (id !== undefined && name !== undefined) return { id, name };
  throw new Failure('bad-input', 'Which server? AGENT/SERVER, as in: gatehouse agents scan', usageOf('agents'));
}

export async function putBack(dataDir: string, code: string, json: boolean, io: Io): Promise<number> {
  const done = await ask(dataDir, 'shadow-put-back', { move: code });
  const left = done.restored === 'whole' ? 'is as it was before' : 'has it again; what changed since stays';
  io.out(json ? JSON.stringify(done) : `${plain(done.name)} of ${done.title} is beside the gate again: ${plain(done.file)} ${left}.`);
  return 0;
}

const secretsIn = ({ secrets }: ShadowServer): string => secrets.map(({ where, name }) => `${where} ${plain(name)}`).join(', ');
