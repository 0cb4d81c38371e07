import { text as readAll } from 'node:stream/consumers';
import { codes } from '../base/errors.ts';
import { ask } from '../shell/control-client.ts';
import { jsonObject, options, runningDataDir } from './options.ts';
import { block } from './print.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, positionals } = options(args, { verb: 'call', positionals: [2, 3] });
  const [server, tool, argumentsText = '{}'] = positionals as [string, string, string?];
  const input = jsonObject(argumentsText === '-' ? await readAll(process.stdin) : argumentsText);
  const dataDir = runningDataDir(data);
  const { result } = await ask(dataDir, 'tool-call', { server, tool, arguments: input });
  io.out(json ? JSON.stringify(result) : block(readable(result)));
  if (result.isError !== true) return 0;
  // The result is printed as an agent gets it. Only the exit code tells a denial from an error of the tool.
  const { effect } = await ask(dataDir, 'tool-explain', { server, tool, arguments: input });
  return effect === 'deny' ? codes.denied.exit : codes.internal.exit;
}

function readable(result: Record<string, unknown>): string {
  const content = Array.isArray(result.content)
    ? (result.content as { type?: string; text?: string; mimeType?: string; uri?: string }[])
    : [];
  const parts = content.map((part) =>
    part.type === 'text' ? (part.text ?? '') : `[${part.type}${part.mimeType ? ` ${part.mimeType}` : ''}${part.uri ? ` ${part.uri}` : ''}]`,
  );
  if (parts.length === 0 && result.structuredContent !== undefined) return JSON.stringify(result.structuredContent, null, 2);
  return parts.join('\n');
}
