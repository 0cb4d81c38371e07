import { askWindow } from '../shell/control-client.ts';
import { openWindow } from '../shell/open-external.ts';
import { options, runningDataDir } from './options.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, values } = options(args, { verb: 'open', options: { print: { type: 'boolean' } } });
  const dataDir = runningDataDir(data);
  const { url } = await askWindow(dataDir);
  if (json) io.out(JSON.stringify({ url: url ?? null }));
  else if (url === undefined) io.out('The window is open.');
  else {
    io.out(url);
    // No browser here is no failure: the address is printed.
    if (values.print !== true) await openWindow(dataDir, url).catch(() => io.err('There is no browser here: open the address by hand.'));
  }
  return 0;
}
