import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Menu, nativeImage, Tray } from 'electron';
import type { View } from '../src/contract/view.ts';

/** One line that says whether agents can work. */
export function trayLine(view: View): string {
  if (view.gateway.state !== 'on') return view.gateway.error?.message ?? 'The gateway is off';
  if (view.identity.state !== 'signed-in') return 'Signed out: agents can do nothing';
  if (view.bundle.state !== 'fresh') return `Company policy is ${view.bundle.state}`;
  return `${view.today.calls} calls today, ${view.today.denied} denied`;
}

/** The icon in the system's bar; undefined where the desktop has no place for one (GNOME without an extension, or no image on this platform). */
export function openTray(options: { icons: string; show(): void; quit(): void }): { update(view: View): void; close(): void } | undefined {
  const file = join(
    options.icons,
    process.platform === 'darwin' ? 'trayTemplate.png' : process.platform === 'win32' ? 'tray.ico' : 'tray.png',
  );
  const image = existsSync(file) ? nativeImage.createFromPath(file) : nativeImage.createEmpty();
  if (image.isEmpty()) return undefined;
  let tray: Tray;
  try {
    tray = new Tray(image);
  } catch {
    return undefined;
  }
  let line = '';
  const render = () => {
    tray.setToolTip(`Gatehouse: ${line}`);
    // Linux shows a menu as it was when set: it is set again at each change.
    tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: line, enabled: false },
        { type: 'separator' },
        { label: 'Open Gatehouse', click: options.show },
        { label: 'Quit (agents lose the gateway)', click: options.quit },
      ]),
    );
  };
  tray.on('click', options.show);
  return {
    update(view) {
      const next = trayLine(view);
      if (next === line) return;
      line = next;
      render();
    },
    close: () => tray.destroy(),
  };
}
