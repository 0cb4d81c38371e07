import type { View } from '../contract/view.ts';
import { ask } from '../shell/control-client.ts';
import { options, runningDataDir } from './options.ts';
import { paint, pairs, plain } from './print.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json } = options(args, { verb: 'status' });
  const view = await ask(runningDataDir(data), 'status', {});
  io.out(json ? JSON.stringify(view) : describe(io, view));
  return 0;
}

/** The whole of a View in a few lines, for a terminal. */
export function describe(io: Pick<Io, 'colour'>, view: View): string {
  const { app, identity, company, bundle, gateway, agents, servers, today, ledger } = view;
  const person = identity.person;
  const who =
    person === undefined
      ? ''
      : `  ${plain(person.name ?? person.sub)}${person.groups.length ? ` (${person.groups.map(plain).join(', ')})` : ''}`;
  const good = (state: string, ok: boolean) => paint(io, ok ? 'green' : 'yellow', state);
  const error = (value: { message: string; fix?: string } | undefined) =>
    value === undefined ? '' : `  ${plain(value.message)}${value.fix === undefined ? '' : ` ${plain(value.fix)}`}`;
  return pairs(io, [
    ['Person', good(identity.state, identity.state === 'signed-in') + who + error(identity.error)],
    [
      'Company',
      `${good(company.state, company.state === 'online')}  ${plain(company.name ?? company.central ?? '')}${error(company.error)}`,
    ],
    [
      'Bundle',
      `${good(bundle.state, bundle.state === 'fresh')}${bundle.version === undefined ? '' : `  version ${bundle.version}, good until ${bundle.staleAfter}`}${error(bundle.error)}`,
    ],
    ['Gateway', `${good(gateway.state, gateway.state === 'on' && !gateway.error)}  ${gateway.url ?? ''}${error(gateway.error)}`],
    ['Exposed', gateway.exposure && exposed(gateway.exposure)],
    ['Servers', `${servers.length}, ${servers.filter((row) => row.state === 'connected').length} connected`],
    ['Agents', `${agents.filter((row) => row.revokedAt === undefined).length}`],
    ['Today', `${today.calls} calls, ${today.denied} denied, ${today.errors} failed`],
    ['Ledger', `${ledger.records} records, ${ledger.uploaded} uploaded${error(ledger.error)}`],
    ['Secrets', app.vault === 'memory' ? 'in memory only: sign in again after a restart' : app.vault],
    ['Data', app.dataDir],
    ['Version', `${app.version} (${app.shell})`],
  ]);
}

/** What another program may have been sent, and how to make it worthless. */
function exposed({ since, until, address, holder, agents }: NonNullable<View['gateway']['exposure']>): string {
  const held = `${address} was held by ${plain(holder)}, ${until === undefined ? `since ${since}` : `seen from ${since} to ${until}`}.`;
  if (agents.length === 0) return `${held} No agent's token can have leaked to it.`;
  const names = agents.map(plain).join(', ');
  const fix =
    until === undefined
      ? 'Revoke each: gatehouse agents revoke NAME'
      : 'Revoke each and add it anew (gatehouse agents revoke NAME), or, if you know that program: gatehouse agents dismiss';
  return `${held} It may have been sent the tokens of: ${names}. ${fix}`;
}
