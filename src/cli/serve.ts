import { join, resolve } from 'node:path';
import { Failure } from '../base/errors.ts';
import { openLog } from '../base/log.ts';
import { keepHeapSmall } from '../base/memory.ts';
import { type Headless, openHeadless } from '../headless/headless.ts';
import { defaultDataDir, openPrivateDir } from '../shell/data-dir.ts';
import { leaveInOrder } from '../shell/leave.ts';
import { type Flags, shellSettings } from '../shell/shell-settings.ts';
import { options, port } from './options.ts';
import { pairs } from './print.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, values } = options(args, {
    verb: 'serve',
    options: {
      central: { type: 'string' },
      port: { type: 'string' },
      'ui-port': { type: 'string' },
      'max-body': { type: 'string' },
      'no-ui': { type: 'boolean' },
      // For a supervisor that holds the other end of standard input.
      'parent-pipe': { type: 'boolean' },
    },
  });
  const parentPipe = values['parent-pipe'] === true;
  const flags: Flags = {
    ...(values.central === undefined ? {} : { central: values.central as string }),
    ...flag('port', port(values.port as string | undefined, '--port')),
    ...flag('uiPort', port(values['ui-port'] as string | undefined, '--ui-port')),
    ...flag('maxBodyBytes', bytes(values['max-body'] as string | undefined)),
  };
  const dataDir = openPrivateDir(data === undefined ? defaultDataDir() : resolve(data));
  // A supervisor sets it, so that the window's address survives a restart. Deleted at once: child processes must not inherit it.
  const token = process.env.GATEHOUSE_LAUNCH_TOKEN;
  delete process.env.GATEHOUSE_LAUNCH_TOKEN;

  const log = openLog(join(dataDir, 'logs', 'gatehouse.log'));
  // A defect still ends the process (a supervisor starts it again); this also writes it to the log file.
  process.on('uncaughtExceptionMonitor', (error) => log.error({ err: error }, 'the host dies of a defect'));
  keepHeapSmall();
  const { openCore } = await import('../app/core.ts');
  let headless: Headless | undefined;
  // Before the start, which may wait for a keychain: without its parent this process must end even then.
  leaveInOrder(async () => headless?.close(), { parent: parentPipe ? 'pipe' : undefined });
  headless = await openHeadless({
    dataDir,
    log,
    settingsFor: (host) => shellSettings(host, flags),
    openCore,
    ui: values['no-ui'] !== true,
    token,
    waitMs: parentPipe ? 5000 : 0,
    waits: ({ message, fix }) => io.err(`gatehouse waits. ${message}\n  ${fix}`),
  });
  const { mcp, ui } = headless;
  delete process.env.GATEHOUSE_VAULT_KEY;
  io.out(
    json
      ? JSON.stringify({ ready: true, mcp, ui: ui ?? null, dataDir: headless.dataDir, pid: process.pid })
      : `Gatehouse is ready.\n\n${pairs(io, [
          ['Gateway', mcp],
          ['Window', ui],
          ['Data', headless.dataDir],
        ])}\n\nSign in: gatehouse login. Ctrl-C ends it.`,
  );
  // Runs until a signal ends the process.
  return new Promise<number>(() => {});
}

const flag = <K extends string>(key: K, value: number | undefined) => (value === undefined ? {} : { [key]: value });

function bytes(text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,15}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new Failure('bad-input', `--max-body needs a number of bytes, not "${text}".`);
}
