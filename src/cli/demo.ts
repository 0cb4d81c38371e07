import { join, resolve } from 'node:path';
import { codes } from '../base/errors.ts';
import { openLog } from '../base/log.ts';
import { openDemo } from '../demo/demo.ts';
import { defaultDataDir, openPrivateDir } from '../shell/data-dir.ts';
import { leaveInOrder } from '../shell/leave.ts';
import { openWindow } from '../shell/open-external.ts';
import { options, port } from './options.ts';
import { paint, pairs } from './print.ts';
import type { Io } from './verb.ts';

/** What `npm start` runs. */
export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, values } = options(args, {
    verb: 'demo',
    options: {
      'sign-in': { type: 'string' },
      'no-open': { type: 'boolean' },
      reset: { type: 'boolean' },
      port: { type: 'string' },
      company: { type: 'string' },
    },
  });
  const dataDir = data !== undefined ? resolve(data) : process.env.GATEHOUSE_DATA ? defaultDataDir() : join(defaultDataDir(), 'demo');
  const browser = values['no-open'] !== true && !process.env.CI;
  // Set by the script behind `npm start`, which holds an IPC channel to us.
  const parent = process.env.GATEHOUSE_PARENT === 'ipc' && process.connected ? 'ipc' : undefined;
  let ending = false;
  // Not awaited yet: Ctrl-C during the start must end what has been started so far.
  const starting = openDemo({
    dataDir,
    company: values.company === undefined ? undefined : resolve(values.company as string),
    port: port(values.port as string | undefined, '--port') ?? 4283,
    reset: values.reset === true,
    signIn: values['sign-in'] as string | undefined,
    browser,
    openCentral: async (centralOptions) => (await import('./reference-central.ts')).openReferenceCentral(centralOptions),
    log: openLog(join(openPrivateDir(dataDir), 'logs', 'demo.log')),
    say: io.err,
  });
  const { leave } = leaveInOrder(
    async () => {
      ending = true;
      await (await starting).close();
    },
    { parent, patience: 8000 },
  );
  const demo = await starting;
  const { mcp, ui, central, issuer } = demo;
  if (json) io.out(JSON.stringify({ ready: true, mcp, ui, central, issuer, dataDir: demo.dataDir }));
  else io.out(welcome(io, demo, values['sign-in'] as string | undefined));
  if (browser && !json) await openWindow(demo.dataDir, ui).catch(() => {});
  const failure = await demo.ended;
  if (!ending && failure !== undefined) {
    io.err(`gatehouse: ${failure.message}${failure.fix === undefined ? '' : `\n  ${failure.fix}`}`);
    leave(codes[failure.code].exit);
  }
  return new Promise<number>(() => {});
}

function welcome(io: Io, demo: { mcp: string; ui: string; dataDir: string }, account: string | undefined): string {
  // The verbs find the usual folders by themselves; any other must be named.
  const usual = process.env.GATEHOUSE_DATA ? defaultDataDir() : join(defaultDataDir(), 'demo');
  const data = demo.dataDir === usual ? '' : ` --data ${/[^\w./-]/.test(demo.dataDir) ? `"${demo.dataDir}"` : demo.dataDir}`;
  const command = (text: string) => paint(io, 'cyan', text);
  return [
    `${paint(io, 'bold', 'Gatehouse is running')} with a demo company, all of it on this machine.`,
    '',
    pairs(io, [
      ['Window', demo.ui],
      ['Gateway', demo.mcp],
      ['Data', demo.dataDir],
    ]),
    '',
    account === undefined
      ? `1. Open the window and sign in as engineer, marketer, finance or admin (no password).`
      : `1. You are signed in as ${account}.`,
    `2. Connect an agent:       ${command(`npx gatehouse connect${data}`)} shows those on this machine, and connects them.`,
    `   Or give one the gateway's address: it signs in by itself, and you allow it in the window.`,
    `3. See what it does:       ${command(`npx gatehouse ledger tail --follow${data}`)}`,
    '',
    'Ctrl-C ends everything.',
  ].join('\n');
}
