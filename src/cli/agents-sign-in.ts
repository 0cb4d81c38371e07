import { Failure } from '../base/errors.ts';
import type { ConsentRequest } from '../contract/consent.ts';
import { ask } from '../shell/control-client.ts';
import { paint, plain, table } from './print.ts';
import type { Io } from './verb.ts';

/** Agents that wait for the person's word, and the word. */

export async function requests(dataDir: string, json: boolean, io: Io): Promise<number> {
  const { consents } = await ask(dataDir, 'status', {});
  if (json) io.out(JSON.stringify(consents));
  else if (consents.length === 0) io.out('No agent waits to be allowed.');
  else {
    io.out(
      table(
        io,
        ['CODE', 'CALLS ITSELF', 'KNOWN BY', 'GOES BACK TO', 'WANTS', 'UNTIL'],
        consents.map((request) => [
          paint(io, 'bold', request.id),
          plain(request.client.name),
          plain(request.client.host ?? (request.redirect.reach === 'pipe' ? 'the program that started it' : 'itself only')),
          plain(placeOf(request)),
          request.server === undefined ? 'all servers' : plain(request.server),
          request.expiresAt,
        ]),
      ),
    );
    io.out(
      '\nAllow only what you have just started yourself, and compare the code with the one in the browser, where there is one: gatehouse agents allow CODE',
    );
  }
  return 0;
}

const placeOf = ({ redirect, program }: ConsentRequest) =>
  program ?? (redirect.reach === 'machine' ? `this computer (${redirect.place})` : redirect.place);

export async function allow(
  dataDir: string,
  id: string,
  choice: { name?: string | undefined; servers?: string[] | 'all' | undefined; days?: string | undefined },
  json: boolean,
  io: Io,
): Promise<number> {
  const { name, servers, days } = choice;
  const { name: chosen } = await ask(dataDir, 'consent-allow', {
    id,
    ...(name === undefined ? {} : { name }),
    ...(servers === undefined ? {} : { servers }),
    ...(days === undefined ? {} : { days: wholeDays(days) }),
  });
  io.out(json ? JSON.stringify({ name: chosen }) : `Allowed. It is called ${plain(chosen)}, and goes on now.`);
  return 0;
}

export async function deny(dataDir: string, id: string, json: boolean, io: Io): Promise<number> {
  await ask(dataDir, 'consent-deny', { id });
  io.out(json ? '{}' : 'Denied. The agent is told so.');
  return 0;
}

export async function limit(dataDir: string, name: string, servers: string[] | undefined, json: boolean, io: Io): Promise<number> {
  await ask(dataDir, 'agent-limit', { name, ...(servers === undefined ? {} : { servers }) });
  if (json) io.out('{}');
  else if (servers === undefined) io.out(`${name} may reach all that your company's rules allow.`);
  else io.out(`${name} may reach only ${servers.join(', ')}, as far as your company's rules allow it.`);
  return 0;
}

function wholeDays(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 366) return Number(text);
  throw new Failure('bad-input', `--days needs a number of days up to 366, or 0 for no end, not "${text}".`);
}
