import type { ShadowServer } from '../contract/shadow.ts';
import { ask } from '../shell/control-client.ts';
import { paint, plain, table } from './print.ts';
import type { Io } from './verb.ts';

/** Servers that agents have beside the gateway. */
export async function scan(dataDir: string, json: boolean, io: Io): Promise<number> {
  const found = await ask(dataDir, 'agents-scan', {});
  if (json) {
    io.out(JSON.stringify(found));
    return 0;
  }
  const { servers, unread, files, compared } = found;
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
  for (const { id, why } of unread) io.err(paint(io, 'yellow', `${id}: ${plain(why)} What stands in it is not known.`));
  if (!compared) io.err("The company's rules are not here, so it is not known which of these are blessed. See: gatehouse status");
  return 0;
}

const secretsIn = ({ secrets }: ShadowServer): string => secrets.map(({ where, name }) => `${where} ${plain(name)}`).join(', ');
