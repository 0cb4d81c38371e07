import { join } from 'node:path';
import { app, type BrowserWindow, dialog, Menu, powerMonitor } from 'electron';
import { type Core, openCore } from '../src/app/core.ts';
import { Failure } from '../src/base/errors.ts';
import { openLog } from '../src/base/log.ts';
import { keepHeapSmall } from '../src/base/memory.ts';
import type { Outputs } from '../src/contract/contract.ts';
import { openControl } from '../src/shell/control.ts';
import { defaultDataDir, openPrivateDir } from '../src/shell/data-dir.ts';
import { installRoot } from '../src/shell/install.ts';
import { readRenderer } from '../src/shell/renderer-files.ts';
import { whenUnsealed } from '../src/shell/sealed.ts';
import { shellSettings } from '../src/shell/shell-settings.ts';
import { hardenDefaultSession, openWindowSession } from './harden.ts';
import { openDesktopHost } from './host.ts';
import { carryContract } from './ipc.ts';
import { startAtLogin } from './start-at-login.ts';
import { openTray } from './tray.ts';
import { isAllowedLink, isOpenLink } from './urls.ts';
import { openWindow, showWindow } from './window.ts';

/** Milliseconds that leaving may take before the process ends anyway. */
const patience = 3000;

/**
 * Opens the desktop: lock, core, control socket, window, tray, in that order. A gateway that cannot listen is no reason to stop: the window
 * shows why. A data folder that another process holds is one, and a dialog says so.
 */
export async function openDesktop(): Promise<void> {
  let show = () => {};
  app.on('second-instance', () => show());
  app.on('open-url', (event, url) => {
    event.preventDefault();
    if (isOpenLink(url)) show();
  });
  await app.whenReady();
  hardenDefaultSession();
  Menu.setApplicationMenu(
    process.platform === 'darwin' ? Menu.buildFromTemplate([{ role: 'appMenu' }, { role: 'editMenu' }, { role: 'windowMenu' }]) : null,
  );

  const root = installRoot();
  const close: (() => unknown)[] = [];
  try {
    const dataDir = openPrivateDir(defaultDataDir());
    const log = openLog(join(dataDir, 'logs', 'gatehouse.log'));
    const control = await openControl({ dataDir, log });
    close.push(() => control.close());
    const host = await whenUnsealed(
      () => openDesktopHost(dataDir, log),
      (failure, until) => {
        control.waits(failure);
        void sayWaiting(failure, until);
      },
    );
    const settings = await shellSettings(host, {});
    close.push(() => settings.close());
    startAtLogin(settings.startAtLogin);
    keepHeapSmall();
    const core = await openCore({ host, settings: settings.core });
    close.push(() => core.close());
    let logoutUrl: string | undefined;
    const heard: Pick<Core, 'dispatch' | 'watch'> = {
      watch: (listener) => core.watch(listener),
      async dispatch(command, input) {
        const reply = await core.dispatch(command, input);
        if (command === 'sign-out' && reply.ok) logoutUrl = (reply.value as Outputs['sign-out']).logoutUrl;
        return reply;
      },
    };
    close.push(carryContract(heard, log));

    const session = openWindowSession(await readRenderer(join(root, 'dist', 'renderer')));
    const preload = join(root, 'dist', 'preload', 'preload.cjs');
    let window: BrowserWindow | undefined;
    const tray = openTray({ icons: join(root, 'resources', 'icons'), show: () => show(), quit: () => app.quit() });
    show = () => {
      if (window !== undefined && !window.isDestroyed()) return showWindow(window);
      window = openWindow({ session, preload, devTools: !app.isPackaged, mayOpen: (url) => isAllowedLink(url, core.view(), logoutUrl) });
      // Closing hides only where there is a tray to come back from; elsewhere it means quit.
      const opened = window;
      opened.on('close', (event) => {
        if (leaving) return;
        if (tray === undefined) {
          if (process.platform !== 'darwin' && !wantsToQuit(opened)) event.preventDefault();
          return;
        }
        event.preventDefault();
        opened.hide();
      });
    };
    if (tray !== undefined) {
      tray.update(core.view());
      close.push(core.watch((view) => tray.update(view)));
      close.push(() => tray.close());
    }
    // An agent waits in the browser for the person, who is sent here: once for each, and not so often that a program could keep the window in front.
    const asked = new Set<string>();
    let shownAt = 0;
    close.push(
      core.watch(({ consents }) => {
        const isNew = consents.some(({ id }) => !asked.has(id));
        asked.clear();
        for (const { id } of consents) asked.add(id);
        if (!isNew || Date.now() - shownAt < 10_000) return;
        shownAt = Date.now();
        show();
      }),
    );
    app.on('activate', () => show());
    app.on('window-all-closed', () => {
      if (tray === undefined && process.platform !== 'darwin') app.quit();
    });

    // A laptop that slept may have missed a kill switch: ask at once rather than at the next poll.
    const refresh = () => {
      void settings.refresh();
      void core.dispatch('bundle-refresh', {});
    };
    powerMonitor.on('resume', () => core.wake());
    powerMonitor.on('resume', refresh);
    powerMonitor.on('unlock-screen', refresh);

    control.attach(core, {
      async 'window-open'() {
        show();
        return {};
      },
    });
    let leaving = false;
    leaveWith(async () => {
      leaving = true;
      for (const part of close.splice(0).reverse()) await part();
    });
    if (!process.argv.includes('--hidden')) show();
  } catch (error) {
    for (const part of close.splice(0).reverse()) await Promise.resolve(part()).catch(() => {});
    const failure = error instanceof Failure ? error : undefined;
    dialog.showErrorBox('Gatehouse cannot start', failure === undefined ? String(error) : `${failure.message}\n\n${failure.fix ?? ''}`);
    app.exit(1);
  }
}

/** The dialog closes by itself when the keychain is there. */
async function sayWaiting({ message, fix }: Failure, until: AbortSignal): Promise<void> {
  const { response } = await dialog.showMessageBox({
    type: 'warning',
    message: 'Gatehouse waits for the keychain',
    detail: `${message}\n\n${fix}`,
    buttons: ['Keep waiting', 'Quit'],
    cancelId: 0,
    signal: until,
  });
  if (response === 1 && !until.aborted) app.exit(0);
}

/** Without a tray there is no way back to a hidden window, so closing it ends the gateway: the person should know. */
function wantsToQuit(window: BrowserWindow): boolean {
  const choice = dialog.showMessageBoxSync(window, {
    type: 'question',
    message: 'Quit Gatehouse?',
    detail: 'Agents on this machine lose the gateway until it runs again.',
    buttons: ['Quit', 'Keep open'],
    defaultId: 1,
    cancelId: 1,
  });
  return choice === 0;
}

/**
 * `before-quit` waits for the core to leave in order, but not for ever; a second quit ends at once. The end of the desktop's session and a service
 * manager send a signal, which by itself would end the process where it stands.
 */
function leaveWith(close: () => Promise<void>): void {
  let left = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.quit());
  app.on('before-quit', (event) => {
    event.preventDefault();
    if (left) return app.exit(0);
    left = true;
    setTimeout(() => app.exit(1), patience).unref();
    close().then(
      () => app.exit(0),
      () => app.exit(1),
    );
  });
}
