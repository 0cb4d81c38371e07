import type { Host } from '../base/host.ts';
import type { Log } from '../base/log.ts';
import { openPrivateDir } from '../shell/data-dir.ts';
import { appVersion } from '../shell/install.ts';
import { systemFetch } from '../shell/network.ts';
import { openExternal } from '../shell/open-external.ts';
import { openSettings } from '../shell/settings.ts';
import { openVault } from '../shell/vault.ts';

/** The host on plain Node: no screen of its own, everything it keeps is in one private folder. */
export async function openHost(options: { dataDir: string; log: Log; env?: NodeJS.ProcessEnv }): Promise<Host> {
  const { log, env = process.env } = options;
  const dataDir = openPrivateDir(options.dataDir);
  const vault = await openVault({ dataDir, log, env });
  // The core asks for this secret first. Where it cannot be opened, this throws, and the core is not started.
  await vault.get('ledger-key');
  return {
    shell: 'headless',
    appVersion: appVersion(),
    dataDir,
    log,
    vault,
    settings: openSettings(dataDir, log),
    fetch: systemFetch(log, env),
    openExternal: (url) => openExternal(url, env),
    now: Date.now,
  };
}
