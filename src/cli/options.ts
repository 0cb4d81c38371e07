import { resolve } from 'node:path';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { Failure } from '../base/errors.ts';
import { defaultDataDir } from '../shell/data-dir.ts';
import { holderOf } from '../shell/lock.ts';
import { usageOf, type Verb } from './usage.ts';

const everywhere = { data: { type: 'string' }, json: { type: 'boolean' } } as const satisfies ParseArgsOptionsConfig;

/** Parses a verb's arguments. `positionals`: how many it takes, least and most. An error shows the verb's usage. */
export function options<T extends ParseArgsOptionsConfig>(
  args: string[],
  spec: { verb: Verb; positionals?: [least: number, most: number]; options?: T },
) {
  const [least, most] = spec.positionals ?? [0, 0];
  const fix = usageOf(spec.verb);
  try {
    const parsed = parseArgs({ args, options: { ...(spec.options as T), ...everywhere }, allowPositionals: true, allowNegative: false });
    if (parsed.positionals.length < least) throw new Failure('bad-input', 'Something is missing on the command line.', fix);
    if (parsed.positionals.length > most) throw new Failure('bad-input', `"${parsed.positionals[most]}" was not expected here.`, fix);
    const { data, json } = parsed.values as { data?: string; json?: boolean };
    if (data === '') throw new Failure('bad-input', '--data needs a folder.', fix);
    return { values: parsed.values, positionals: parsed.positionals, data, json: json === true };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure('bad-input', error instanceof Error ? error.message.split('\n')[0]! : String(error), fix);
  }
}

/**
 * The data folder of the host that a verb talks to: the named one, else the usual one. Where only the demo is running, the demo's: after
 * `npm start` the verbs work without --data.
 */
export function runningDataDir(data: string | undefined): string {
  if (data !== undefined) return resolve(data);
  const usual = defaultDataDir();
  const demo = resolve(usual, 'demo');
  return !process.env.GATEHOUSE_DATA && !alive(usual) && alive(demo) ? demo : usual;
}

function alive(dataDir: string): boolean {
  const holder = holderOf(dataDir, 'control');
  if (holder === undefined) return false;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A port, 0 for one that the system chooses. */
export function port(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65535) return value;
  throw new Failure('bad-input', `${name} needs a port number from 0 to 65535, not "${text}".`);
}

/** The JSON object of a tool call's arguments. */
export function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Failure('bad-input', `The arguments are not JSON: ${(error as Error).message}`, `Write them as one word: '{"name":"value"}'`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Failure('bad-input', 'The arguments must be a JSON object.', `Write them as one word: '{"name":"value"}'`);
}

/** `--var NAME=VALUE`, repeated. */
export function variables(list: string[] | undefined): Record<string, string> {
  return Object.fromEntries(
    (list ?? []).map((assignment) => {
      const at = assignment.indexOf('=');
      if (at < 1) throw new Failure('bad-input', `--var needs NAME=VALUE, not "${assignment}".`);
      return [assignment.slice(0, at), assignment.slice(at + 1)];
    }),
  );
}
