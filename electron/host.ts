import { app, session, shell } from 'electron';
import Store from 'electron-store';
import type { Host } from '../src/base/host.ts';
import type { Log } from '../src/base/log.ts';
import { openPrivateDir } from '../src/shell/data-dir.ts';
import { externalUrl } from '../src/shell/external-url.ts';
import { openSettings, settingsOptions } from '../src/shell/settings.ts';
import { openSafeStorageVault } from './vault.ts';

/** The host on a desktop: the system's keyring, Chromium's network stack (proxy, PAC, trust store, client certificates), the system browser. */
export async function openDesktopHost(dataDir: string, log: Log): Promise<Host> {
  const path = openPrivateDir(dataDir);
  const vault = await openSafeStorageVault(path, log);
  // The core asks for this secret first. Where it cannot be opened, this throws, and the core is not started.
  await vault.get('ledger-key');
  return {
    shell: 'electron',
    appVersion: app.getVersion(),
    dataDir: path,
    log,
    vault,
    settings: openSettings(path, log, () => new Store<Record<string, unknown>>({ ...settingsOptions, cwd: path, name: 'settings' })),
    fetch: desktopFetch,
    openExternal: async (url) => shell.openExternal(externalUrl(url)),
    now: Date.now,
  };
}

/** Electron's `fetch` takes a string or a Request; a URL object is written out. No cookies: they would tie one request to another. */
const desktopFetch: typeof fetch = (input, init) =>
  session.defaultSession.fetch(input instanceof URL ? input.href : (input as string | Request), {
    credentials: 'omit',
    ...init,
  }) as Promise<Response>;
