import type { z } from 'zod';
import { managedName, type Owner, type SettingKey, type Source, settingKeys, settings, sources, variableName } from './settings.ts';

/** Values as their owners wrote them, by key. */
export type Written = Readonly<Record<string, unknown>>;

export interface Layers {
  /** From `managedValues`. */
  managed: Written;
  company?: Written | undefined;
  /** From `environmentValues`, with the flags of the command line over it. */
  environment?: Written | undefined;
  user?: Written | undefined;
}

type Value<K extends SettingKey> =
  | z.output<(typeof settings)[K]['schema']>
  | Exclude<(typeof settings)[K]['default'], number | string | boolean>;

export interface Resolved<T> {
  value: T;
  source: Source;
  /** Why a written value does not count. Shown beside the value. */
  problem?: string;
}
export type Settings = { [K in SettingKey]: Resolved<Value<K>> };

/**
 * The value of each setting, with who it comes from: the strongest owner who set one. A value of the machine that is malformed leaves
 * the default and not what a weaker owner wrote: a typing error of IT must not hand the setting to the employee. For the others a
 * malformed value counts as none. Either way it is reported.
 */
export function resolve(layers: Layers): Settings {
  const resolved: Partial<Record<SettingKey, Resolved<unknown>>> = {};
  for (const key of settingKeys) resolved[key] = resolveSetting(key, layers, resolved);
  return resolved as Settings;
}

function resolveSetting(key: SettingKey, layers: Layers, before: Partial<Record<SettingKey, Resolved<unknown>>>): Resolved<unknown> {
  const {
    schema,
    owners,
    follows,
    default: usual,
  }: { schema: z.ZodType; owners: readonly Owner[]; follows?: string; default: unknown } = settings[key];
  const problems: string[] = [];
  const lead = follows === undefined ? undefined : before[follows as SettingKey]?.source;
  const done = (value: unknown, source: Source): Resolved<unknown> => ({
    value,
    source,
    ...(problems.length === 0 ? {} : { problem: problems.join(' ') }),
  });
  for (const source of sources) {
    const written = source === 'machine' ? layers.managed[key] : layers[source]?.[key];
    if (written === undefined || written === null) continue;
    if (!owners.includes(source)) {
      problems.push(`${key} cannot be set by the ${source}; that is ignored.`);
      continue;
    }
    if (lead !== undefined && lead !== 'default' && rank(source) > rank(lead)) {
      problems.push(`${key} is ignored, since ${follows} is set by the ${lead}.`);
      continue;
    }
    const parsed = schema.safeParse(written);
    if (parsed.success) return done(parsed.data, source);
    problems.push(`${key} from the ${source} is not valid (${parsed.error.issues[0]?.message ?? 'wrong form'}).`);
    // INVARIANT: nothing an employee can write stands where the machine meant to set something.
    if (source === 'machine') return done(usual, 'machine');
  }
  return done(usual, 'default');
}

function rank(source: Owner | 'default'): number {
  return source === 'default' ? sources.length : sources.indexOf(source);
}

/**
 * A managed document by key: names are those of `managedName`, in any case, since the Windows registry keeps none. `unknown` are the
 * names that no setting has: shown, because a misspelt one silently does nothing.
 */
export function managedValues(document: Written): { values: Written; unknown: string[] } {
  const keys = new Map(settingKeys.map((key) => [managedName(key).toLowerCase(), key]));
  const values: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(document)) {
    const key = keys.get(name.toLowerCase());
    if (key === undefined) unknown.push(name);
    else values[key] = value;
  }
  return { values, unknown };
}

/** The settings among the environment's variables. An empty one counts as not set. */
export function environmentValues(env: Readonly<Record<string, string | undefined>>): Written {
  return Object.fromEntries(
    settingKeys.flatMap((key) => {
      const value = env[variableName(key)];
      return value === undefined || value === '' ? [] : [[key, value]];
    }),
  );
}

/** What the person set in the window, out of their settings store. */
export function userValues(get: (key: SettingKey) => unknown): Written {
  return Object.fromEntries(settingKeys.map((key) => [key, get(key)]));
}
