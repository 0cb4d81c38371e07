import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Conf from 'conf';
import type { SettingsStore } from '../base/host.ts';
import type { Log } from '../base/log.ts';

/** What both `conf` and `electron-store` give. */
export interface SettingsFile {
  readonly store: Record<string, unknown>;
  set(key: string, value: unknown): void;
  delete(key: string): void;
}

/** Options that the two libraries share: keys are plain names (no dot paths), the file is the user's alone. */
export const settingsOptions = { accessPropertiesByDotNotation: false, configFileMode: 0o600 } as const;

/** Opens DATA/settings.json. A file that is not JSON is kept as a copy and a new one is begun: settings never stop the host. */
export function openSettings(
  dataDir: string,
  log: Log,
  open: () => SettingsFile = () => new Conf<Record<string, unknown>>({ ...settingsOptions, cwd: dataDir, configName: 'settings' }),
): SettingsStore {
  let file: SettingsFile;
  try {
    file = open();
  } catch (error) {
    const path = join(dataDir, 'settings.json');
    const kept = join(dataDir, `settings.corrupt-${Date.now()}.json`);
    copyFileSync(path, kept);
    rmSync(path);
    log.error({ kept, error: String(error) }, 'settings.json could not be read; a copy is kept and defaults apply');
    file = open();
  }
  // conf reads the disk at every get, and a file spoilt while we run would throw there. The data folder has one owner
  // (the control lock), so a mirror is exact.
  const mirror = new Map(Object.entries(file.store));
  return {
    get: (key) => structuredClone(mirror.get(key)),
    set(key, value) {
      file.set(key, value);
      mirror.set(key, structuredClone(value));
    },
    delete(key) {
      file.delete(key);
      mirror.delete(key);
    },
  };
}
