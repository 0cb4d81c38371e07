import { BrowserWindow, nativeTheme, type Session, shell } from 'electron';
import { externalUrl } from '../src/shell/external-url.ts';
import { windowUrl } from './urls.ts';

/** As high as the window's own strip (renderer/shell/title-bar.tsx takes its height from here). */
const stripHeight = 40;

/** The one window. Each preference is written out, also where it is Electron's default today: a default that changes must not open anything. */
export function openWindow(options: {
  session: Session;
  preload: string;
  devTools: boolean;
  mayOpen(url: string): boolean;
}): BrowserWindow {
  const window = new BrowserWindow({
    width: 1180,
    height: 780,
    minWidth: 420,
    minHeight: 480,
    show: false,
    title: 'Gatehouse',
    autoHideMenuBar: true,
    titleBarStyle: 'hidden',
    titleBarOverlay: overlay(),
    // macOS has its buttons on the left: centred in the strip.
    trafficLightPosition: { x: 14, y: 13 },
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
    if (options.mayOpen(url)) void shell.openExternal(externalUrl(url)).catch(() => {});
    return { action: 'deny' };
  });
  // The system's buttons lie on our own strip (Windows, Linux): they follow its colours.
  const recolour = () => {
    if (process.platform !== 'darwin') window.setTitleBarOverlay(overlay());
  };
  nativeTheme.on('updated', recolour);
  window.once('closed', () => nativeTheme.off('updated', recolour));
  // Shown once it has something to show: no white flash.
  window.once('ready-to-show', () => window.show());
  void window.loadURL(windowUrl);
  return window;
}

function overlay(): { color: string; symbolColor: string; height: number } {
  return { color: '#00000000', symbolColor: nativeTheme.shouldUseDarkColors ? '#e7e5e4' : '#44403c', height: stripHeight };
}

export function showWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
