import { join } from 'node:path';
import type { CoreSettings } from '../app/app-state.ts';
import type { Core } from '../app/core.ts';
import { Failure } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import type { Log } from '../base/log.ts';
import { type Control, openControl } from '../shell/control.ts';
import { openPrivateDir } from '../shell/data-dir.ts';
import { installRoot } from '../shell/install.ts';
import { readRenderer } from '../shell/renderer-files.ts';
import { whenUnsealed } from '../shell/sealed.ts';
import type { ShellSettings } from '../shell/shell-settings.ts';
import { openHost } from './host.ts';
import { openWeb, type Web } from './web.ts';
import { launchToken } from './web-session.ts';

export interface Headless {
  readonly dataDir: string;
  /** The gateway's address for agents. */
  readonly mcp: string;
  /** The window's, with the launch token; absent without one. */
  readonly ui: string | undefined;
  /** In order: no new requests, then the core, then the lock. */
  close(): Promise<void>;
}

/**
 * The shell without a screen: takes the data folder, opens the core on plain Node, serves the window to a browser and the command line on a
 * socket. `token` keeps the window's address over a restart by a supervisor; `waitMs`: how long to wait for a predecessor that is still leaving.
 */
export async function openHeadless(options: {
  dataDir: string;
  log: Log;
  settingsFor(host: Host): Promise<ShellSettings>;
  openCore(options: { host: Host; settings: CoreSettings }): Promise<Core>;
  /** Whether to serve the window. */
  ui: boolean;
  token?: string | undefined;
  waitMs?: number;
  /** Told when the start waits for a keychain; it goes on by itself, and asks every `retryMs`. */
  waits?(failure: Failure): void;
  retryMs?: number;
}): Promise<Headless> {
  const { log, waitMs = 0, token = launchToken() } = options;
  // Folder and lock before anything is read or written in it.
  const dataDir = openPrivateDir(options.dataDir);
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const part of opened.splice(0).reverse())
      await part.close().catch((error: unknown) => log.error({ error: String(error) }, 'a part did not close'));
  };
  try {
    const control: Control = await openControl({ dataDir, log, waitMs });
    opened.push(control);
    const host = await whenUnsealed(
      () => openHost({ dataDir, log }),
      (failure) => {
        control.waits(failure);
        options.waits?.(failure);
      },
      options.retryMs,
    );
    const settings = await options.settingsFor(host);
    opened.push({ close: async () => settings.close() });
    const core = await options.openCore({ host, settings: settings.core });
    opened.push(core);
    const mcp = gatewayUrl(core);
    let web: Web | undefined;
    if (options.ui) {
      const files = await readRenderer(join(installRoot(), 'dist', 'renderer'));
      web = await openWeb({ core, port: settings.uiPort, token, files, log });
      opened.push(web);
    }
    control.attach(core, {
      async 'window-open'() {
        if (web !== undefined) return { url: web.url };
        throw new Failure('unavailable', 'This host was started without a window.', 'Start it without --no-ui.');
      },
    });
    return { dataDir, mcp, ui: web?.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Without its gateway a host on a server is of no use, so here a taken port ends the start. */
function gatewayUrl(core: Core): string {
  const { url, error } = core.gateway();
  if (url !== undefined) return url;
  const move = 'End that program, or choose another port with --port PORT; agents must then be given the new address.';
  throw new Failure(
    error?.code ?? 'unavailable',
    error?.message ?? 'The gateway cannot listen.',
    error?.code === 'conflict' ? move : error?.fix,
  );
}
