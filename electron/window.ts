import { BrowserWindow, type Session, shell } from 'electron';
import type { View } from '../src/contract.ts';
import { externalUrl } from '../src/headless/external-url.ts';
import { isAllowedLink, windowUrl } from './urls.ts';

/** The one window. Each preference is written out, also where it is Electron's default today: a default that changes must not open anything. */
export function openWindow(options: { session: Session; preload: string; devTools: boolean; view(): View }): BrowserWindow {
  const window = new BrowserWindow({
    width: 1180,
    height: 780,
    minWidth: 420,
    minHeight: 480,
    show: false,
    title: 'Gatehouse',
    autoHideMenuBar: true,
    webPreferences: {
      session: options.session,
      preload: options.preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
      devTools: options.devTools,
      disableBlinkFeatures: 'Auxclick',
    },
  });
  window.webContents.setWindowOpenHandler(({ url }) => {
    if (isAllowedLink(url, options.view())) void shell.openExternal(externalUrl(url)).catch(() => {});
    return { action: 'deny' };
  });
  // Shown once it has something to show: no white flash.
  window.once('ready-to-show', () => window.show());
  void window.loadURL(windowUrl);
  return window;
}

export function showWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
