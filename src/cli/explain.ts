import { ask } from '../shell/control-client.ts';
import { jsonObject, options, runningDataDir } from './options.ts';
import { paintEffect, pairs, plain } from './print.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, positionals } = options(args, { verb: 'explain', positionals: [2, 3] });
  const [server, tool, argumentsText] = positionals as [string, string, string?];
  const why = await ask(runningDataDir(data), 'tool-explain', {
    server,
    tool,
    ...(argumentsText === undefined ? {} : { arguments: jsonObject(argumentsText) }),
  });
  if (json) io.out(JSON.stringify(why));
  else {
    io.out(
      pairs(io, [
        ['Decision', paintEffect(io, why.effect)],
        ['Rule', plain(why.rule)],
        ['Reason', plain(why.reason)],
        ['Missing', why.missing === undefined ? undefined : plain(why.missing)],
        ['Visible', why.visible ? 'yes: agents see it in their list' : 'no: agents do not see it'],
        ['Bundle', why.bundleVersion === undefined ? undefined : `version ${why.bundleVersion}`],
      ]),
    );
  }
  return 0;
}
