import { join, resolve } from 'node:path';
import { Failure } from '../errors.ts';
import { defaultDataDir, openPrivateDir } from '../headless/data-dir.ts';
import { openHeadless } from '../headless/headless.ts';
import { leaveInOrder } from '../headless/leave.ts';
import { openLog } from '../log.ts';
import { options, port } from './options.ts';
import { pairs } from './print.ts';
import { type Io, verbs } from './verbs.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, values } = options(args, {
    usage: verbs.serve!.usage,
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
  const dataDir = openPrivateDir(data === undefined ? defaultDataDir() : resolve(data));
  const parentPipe = values['parent-pipe'] === true;
  const settings = {
    central: httpUrl((values.central as string | undefined) ?? process.env.GATEHOUSE_CENTRAL),
    port: port(values.port as string | undefined, '--port') ?? 4283,
    uiPort: port(values['ui-port'] as string | undefined, '--ui-port') ?? 4284,
    maxBodyBytes: bytes(values['max-body'] as string | undefined) ?? 4 * 1024 * 1024,
  };
  // From a supervisor, so that the window's address outlives a restart. Gone at once: what we start must not inherit it.
  const token = process.env.GATEHOUSE_LAUNCH_TOKEN;
  delete process.env.GATEHOUSE_LAUNCH_TOKEN;

  const log = openLog(join(dataDir, 'logs', 'gatehouse.log'));
  const { openCore } = await import('../core.ts');
  const headless = await openHeadless({
    dataDir,
    log,
    openCore: (host) => openCore({ host, settings }),
    uiPort: values['no-ui'] === true ? undefined : settings.uiPort,
    token,
    waitMs: parentPipe ? 5000 : 0,
  });
  const { mcp, ui } = headless;
  delete process.env.GATEHOUSE_VAULT_KEY;
  leaveInOrder(() => headless.close(), { parent: parentPipe ? 'pipe' : undefined });
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

function httpUrl(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw new Failure(
    'bad-input',
    `"${text}" is not the address of a central API.`,
    'Give its base URL: --central https://gatehouse.example.com',
  );
}

function bytes(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1024 && value <= 1024 ** 3) return value;
  throw new Failure('bad-input', `--max-body needs a number of bytes from 1024 to 1073741824, not "${text}".`);
}
