import { Failure } from '../base/errors.ts';
import { ask } from '../shell/control-client.ts';
import { options, runningDataDir } from './options.ts';
import { paint, plain, table } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, positionals } = options(args, { verb: 'agents', positionals: [1, 2] });
  const [action, name] = positionals;
  const dataDir = runningDataDir(data);
  if (action === 'list' && name === undefined) return list(dataDir, json, io);
  if (action === 'dismiss' && name === undefined) {
    await ask(dataDir, 'exposure-dismiss', {});
    io.out(json ? '{}' : 'The list of credentials that may have leaked is put away; they stay good.');
    return 0;
  }
  if (name !== undefined && action === 'add') return add(dataDir, name, json, io);
  if (name !== undefined && action === 'revoke') {
    await ask(dataDir, 'agent-revoke', { name });
    io.out(json ? '{}' : `${name} may no longer use the gateway; its open sessions have ended.`);
    return 0;
  }
  throw new Failure(
    'bad-input',
    action === 'add' || action === 'revoke' ? 'Which agent? Give it a name.' : `"${positionals.join(' ')}" is not understood.`,
    usageOf('agents'),
  );
}

async function add(dataDir: string, name: string, json: boolean, io: Io): Promise<number> {
  const made = await ask(dataDir, 'agent-add', { name });
  if (json) {
    io.out(JSON.stringify({ name: made.name, token: made.token, url: made.url }));
    return 0;
  }
  const { configs } = await ask(dataDir, 'agent-configs', { name: made.name, token: made.token });
  const shell = configs.find((config) => config.language === 'shell');
  io.out(`Agent   ${made.name}\nURL     ${made.url}\nToken   ${paint(io, 'bold', made.token)}\n\nThe token is shown only now.`);
  if (shell !== undefined) io.out(`${shell.title}:\n\n  ${shell.text.trim().replaceAll('\n', '\n  ')}`);
  return 0;
}

async function list(dataDir: string, json: boolean, io: Io): Promise<number> {
  const { agents } = await ask(dataDir, 'status', {});
  if (json) io.out(JSON.stringify(agents));
  else if (agents.length === 0) io.out('There is no agent yet. Add one: gatehouse agents add NAME');
  else {
    io.out(
      table(
        io,
        ['NAME', 'STATE', 'SESSIONS', 'CALLS TODAY', 'LAST SEEN', 'PROGRAM', 'PROTOCOL'],
        agents.map((agent) => [
          plain(agent.name),
          agent.revokedAt === undefined ? paint(io, 'green', 'active') : paint(io, 'red', 'revoked'),
          String(agent.sessions),
          String(agent.callsToday),
          agent.lastSeenAt ?? 'never',
          agent.client === undefined ? '' : plain(`${agent.client.name} ${agent.client.version}`),
          agent.era === undefined ? '' : agent.era === 'modern' ? '2026-07-28' : '2025-11-25 or older',
        ]),
      ),
    );
  }
  return 0;
}
