import { resolve } from 'node:path';
import { Failure } from '../base/errors.ts';
import { openLog } from '../base/log.ts';
import { defaultDataDir, openPrivateDir } from '../shell/data-dir.ts';
import { leaveInOrder } from '../shell/leave.ts';
import { takeLock } from '../shell/lock.ts';
import { options, port, variables } from './options.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, positionals, values } = options(args, {
    verb: 'central',
    positionals: [1, 1],
    options: {
      issuer: { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string' },
      'public-url': { type: 'string' },
      var: { type: 'string', multiple: true },
    },
  });
  const vars = variables(values.var as string[] | undefined);
  const issuer = values.issuer as string | undefined;
  const dataDir = openPrivateDir(data === undefined ? resolve(defaultDataDir(), 'central') : resolve(data));
  const lock = await takeLock(dataDir, 'central');
  lock.describe({ pid: process.pid, startedAt: new Date().toISOString() });
  const { openReferenceCentral } = await import('./reference-central.ts');
  const number = port(values.port as string | undefined, '--port') ?? 4286;
  const central = await openReferenceCentral({
    folder: resolve(positionals[0]!),
    dataDir,
    port: number,
    variables: { ...vars, ...(issuer === undefined ? {} : { issuer }) },
    log: openLog(),
    ...(values.host === undefined ? {} : { host: values.host as string }),
    ...(values['public-url'] === undefined ? {} : { publicUrl: values['public-url'] as string }),
  }).catch((cause: NodeJS.ErrnoException) => {
    lock.close();
    if (cause.code !== 'EADDRINUSE') throw cause;
    throw new Failure('conflict', `Port ${number} is taken by another program.`, 'Choose another with --port PORT.', { cause });
  });
  leaveInOrder(async () => {
    await central.close();
    lock.close();
  });
  io.out(
    json
      ? JSON.stringify({ ready: true, central: central.url, version: central.version(), dataDir, pid: process.pid })
      : `Serving ${positionals[0]} at ${central.url} (version ${central.version()}). Ctrl-C ends it.`,
  );
  return new Promise<number>(() => {});
}
