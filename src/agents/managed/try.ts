import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { withoutSequences } from '../../base/plain-text.ts';
import { gateName } from '../../bundle/agents.ts';
import { programOf } from '../clients/place.ts';
import type { Machine } from '../clients/programs/client.ts';
import { clients } from '../clients/programs/table.ts';
import type { AllowList, ManagedAgent } from './agent.ts';

const forbiddenName = 'not-allowed';
const longestMs = 60_000;
const longestText = 1024 * 1024;

/** `refused`: the agent took the gateway's entry and not the other. `let-in`: it took a server that nobody allowed. `unclear`: it said neither. */
export interface Tried {
  result: 'refused' | 'let-in' | 'unclear' | 'not-tried';
  why?: string;
}

/**
 * Starts the agent itself in an empty home that has an entry of the gateway and one that is not allowed, and looks which of them it takes; the second leads to a
 * port of ours, so that a connection is noticed whatever the agent says. Its managed settings are the machine's.
 */
export async function tryAgent({ trial, clients: ids }: ManagedAgent, { origin }: AllowList, machine: Machine): Promise<Tried> {
  if (trial === undefined) return { result: 'not-tried', why: 'it says so only to somebody who has signed in to it' };
  const program = clients.filter(({ id }) => ids.includes(id)).flatMap((client) => programOf(client, machine) ?? [])[0];
  if (program === undefined) return { result: 'not-tried', why: 'its program is not on PATH' };
  if (machine.platform === 'win32' && !program.endsWith('.exe')) return { result: 'not-tried', why: `${program} is a script` };
  const home = mkdtempSync(join(tmpdir(), 'gatehouse-trial-'));
  let reached = 0;
  const server = createServer((socket) => {
    reached++;
    socket.destroy();
  });
  try {
    await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const file = join(home, trial.file);
    mkdirSync(dirname(file), { recursive: true });
    // An address of the gateway where nothing is: the agent is not to sign in.
    writeFileSync(file, trial.config({ [gateName]: `${origin}/trial`, [forbiddenName]: `http://127.0.0.1:${port}/mcp` }));
    const said = await outputOf(program, trial.args, home, machine);
    if (reached > 0 || trial.takes(said, forbiddenName)) return { result: 'let-in' };
    if (trial.takes(said, gateName)) return { result: 'refused' };
    return { result: 'unclear', why: said.trim().split('\n').slice(-3).join(' ').slice(0, 500) || 'it said nothing' };
  } finally {
    server.close();
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** All that it said until it ended, or until the time was up: then whatever it started has ended as well. */
function outputOf(program: string, args: readonly string[], home: string, { env, platform }: Machine): Promise<string> {
  const kept = ['PATH', 'Path', 'SystemRoot', 'LANG', 'TMPDIR', 'TEMP'].flatMap((name) =>
    env[name] === undefined ? [] : [[name, env[name]]],
  );
  const child = spawn(program, args, {
    cwd: home,
    env: { ...Object.fromEntries(kept), HOME: home, USERPROFILE: home, NO_COLOR: '1', DISABLE_AUTOUPDATER: '1', DISABLE_TELEMETRY: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: platform !== 'win32',
    windowsHide: true,
  });
  return new Promise((done) => {
    let said = '';
    const end = () => {
      clearTimeout(timer);
      try {
        process.kill(platform === 'win32' ? child.pid! : -child.pid!, 'SIGKILL');
      } catch {
        // All gone already.
      }
      done(withoutSequences(said));
    };
    const timer = setTimeout(end, longestMs);
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(0, longestText);
      });
    child.once('error', (error) => {
      said += error.message;
      end();
    });
    child.once('exit', () => setTimeout(end, 200));
    child.once('close', end);
  });
}
