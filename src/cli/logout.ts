import { ask } from '../shell/control-client.ts';
import { options, runningDataDir } from './options.ts';
import { plain } from './print.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json } = options(args, { verb: 'logout' });
  const value = await ask(runningDataDir(data), 'sign-out', {});
  if (json) io.out(JSON.stringify(value));
  else io.out(`Signed out.${value.logoutUrl === undefined ? '' : ` To leave the identity provider too, go to ${plain(value.logoutUrl)}`}`);
  return 0;
}
