import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Failure } from '../base/errors.ts';
import { externalUrl } from './external-url.ts';

/** The platform's opener as argv, never a shell line: `cmd /c start` would read `&` in a query as a new command. */
export function openerFor(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): [command: string, ...args: string[]] | undefined {
  // Set by a supervisor that signs in by itself, or by --no-open.
  if (env.GATEHOUSE_NO_BROWSER) return undefined;
  if (platform === 'darwin') return ['/usr/bin/open'];
  if (platform === 'win32') return [join(env.SystemRoot ?? 'C:\\Windows', 'System32', 'rundll32.exe'), 'url.dll,FileProtocolHandler'];
  return env.DISPLAY || env.WAYLAND_DISPLAY || env.BROWSER ? ['xdg-open'] : undefined;
}

/** Opens the system browser; rejects where there is none, so that the caller can print the address instead. */
export async function openExternal(text: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  await open(externalUrl(text), env);
}

/**
 * Opens the window in the system browser. Its address holds the launch token, and on most systems every user may read every program's arguments:
 * so the browser gets a page in the data folder that redirects there. On Windows only the user can read them.
 */
export async function openWindow(dataDir: string, url: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (process.platform === 'win32') return await openExternal(url, env);
  const page = join(dataDir, 'open.html');
  // Always a new file: an existing one could have another mode, or be a link.
  rmSync(page, { force: true });
  const target = externalUrl(url).replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  const body = `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url=${target}"><title>Gatehouse</title>`;
  writeFileSync(page, body, { mode: 0o600, flag: 'wx' });
  await open(pathToFileURL(page).href, env);
}

async function open(url: string, env: NodeJS.ProcessEnv): Promise<void> {
  const opener = openerFor(process.platform, env);
  const absent = (cause?: unknown) =>
    new Failure('unavailable', 'There is no browser to open here.', 'Open the address by hand, or sign in with: gatehouse login --device', {
      cause,
    });
  if (opener === undefined) throw absent();
  const [command, ...args] = opener;
  await new Promise<void>((done, fail) => {
    const child = execFile(command, [...args, url], { timeout: 10_000, env }, (error) => (error === null ? done() : fail(absent(error))));
    child.unref();
  });
}
