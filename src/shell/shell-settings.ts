import { setTimeout as pause } from 'node:timers/promises';
import type { CoreSettings } from '../app/app-state.ts';
import { Failure } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { nearest } from '../base/nearest.ts';
import { type Managed, type ManagedRead, openManaged } from '../config/managed.ts';
import { managedReader } from '../config/managed-reader.ts';
import { environmentValues, managedValues, resolve, type Settings } from '../config/resolve.ts';
import { managedName, settingKeys } from '../config/settings.ts';

export interface ShellSettings {
  core: CoreSettings;
  uiPort: number;
  startAtLogin: boolean;
  /** Reads managed policy again: after sleep or an unlocked screen. */
  refresh(): Promise<unknown>;
  close(): void;
}

/** What may be set on the command line. */
export type Flags = Partial<Pick<CoreSettings, 'central' | 'port' | 'maxBodyBytes'>> & { uiPort?: number };

/**
 * The settings that a shell starts with: machine over environment and flags over the person's own. A flag that its owner may not set, or that is
 * malformed, is an error to whoever typed it; anything else that does not count goes to the log.
 */
export async function shellSettings(
  host: Pick<Host, 'settings' | 'log'>,
  flags: Flags,
  env: NodeJS.ProcessEnv = process.env,
  reader: { read(): Promise<ManagedRead>; directory?: string } = managedReader(),
): Promise<ShellSettings> {
  const managed = await openManaged({ ...reader, log: host.log, changed: (next) => warnOfRestart(host, next) });
  try {
    const { values, unknown } = managedValues(await inForce(managed));
    refuseMisspelt(unknown);
    if (unknown.length > 0) host.log.warn({ unknown }, 'managed policy names settings that there are not');
    const user = Object.fromEntries(settingKeys.map((key) => [key, host.settings.get(key)]));
    const settings = resolve({ managed: values, environment: { ...environmentValues(env), ...flags }, user });
    report(host, settings, flags);
    host.log.level = settings.logLevel.value;
    return {
      core: {
        central: settings.central.value,
        // One key, or several while it is being replaced: the company client takes each form that the setting has.
        bundleKey: settings.bundleKey.value as CoreSettings['bundleKey'],
        port: settings.port.value,
        maxBodyBytes: settings.maxBodyBytes.value,
        maxDepth: settings.maxDepth.value,
        maxConnections: settings.maxConnections.value,
        headerTimeoutMs: settings.headerTimeoutMs.value,
        pollMinutes: settings.pollMinutes.value,
      },
      uiPort: settings.uiPort.value,
      startAtLogin: settings.startAtLogin.value,
      refresh: () => managed.refresh(),
      close: () => managed.close(),
    };
  } catch (error) {
    managed.close();
    throw error;
  }
}

/** Policy that cannot be read must not count as absent: an employee's own values would apply, and a pinned key would be missing. */
async function inForce(managed: Awaited<ReturnType<typeof openManaged>>): Promise<Managed['values']> {
  for (let tries = 1; tries < 3 && managed.current().problem !== undefined; tries++) {
    await pause(500);
    await managed.refresh();
  }
  const { values, problem } = managed.current();
  if (problem === undefined) return values;
  throw new Failure(
    'unavailable',
    `The settings of your company for this computer cannot be read. ${problem}`,
    'Your IT has to correct them; then start Gatehouse again.',
  );
}

/** Ignores a name that may come from a newer version. Refuses one that is nearly a name of ours: it is a typing error. */
function refuseMisspelt(unknown: readonly string[]): void {
  for (const name of unknown) {
    const meant = nearest(name, settingKeys.map(managedName));
    if (meant !== undefined)
      throw new Failure(
        'bad-input',
        `Managed policy sets "${name}", which is no setting.`,
        `Did you mean "${meant}"? IT has to correct it.`,
      );
  }
}

const flagNames: Record<string, string> = { central: '--central', port: '--port', uiPort: '--ui-port', maxBodyBytes: '--max-body' };

function report(host: Pick<Host, 'log'>, settings: Settings, flags: Flags): void {
  for (const key of settingKeys) {
    const { problem, source } = settings[key];
    const flag = flags[key as keyof Flags] !== undefined ? flagNames[key] : undefined;
    if (flag !== undefined && source === 'machine') {
      host.log.warn({ key }, `${flag} does not count: IT has set it`);
    } else if (flag !== undefined && problem !== undefined) {
      throw new Failure('bad-input', `${flag}: ${problem}`, 'gatehouse help serve says what it takes.');
    } else if (problem !== undefined) host.log.warn({ key }, problem);
  }
}

/** The listening address and the company cannot change while agents are connected: new policy for them counts from the next start. */
function warnOfRestart(host: Pick<Host, 'log'>, managed: Managed): void {
  host.log.info(
    { where: managed.where, names: Object.keys(managed.values) },
    'managed policy was read; it counts from this start or the next',
  );
}
