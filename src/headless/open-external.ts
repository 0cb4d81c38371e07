import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Failure } from '../errors.ts';
import { externalUrl } from './external-url.ts';

/** The platform's opener as argv, never a shell line: `cmd /c start` would read `&` in a query as a new command. */
export function openerFor(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): [command: string, ...args: string[]] | undefined {
  // A supervisor that signs in by itself, or a person who said --no-open.
  if (env.GATEHOUSE_NO_BROWSER) return undefined;
  if (platform === 'darwin') return ['/usr/bin/open'];
  if (platform === 'win32') return [join(env.SystemRoot ?? 'C:\\Windows', 'System32', 'rundll32.exe'), 'url.dll,FileProtocolHandler'];
  return env.DISPLAY || env.WAYLAND_DISPLAY || env.BROWSER ? ['xdg-open'] : undefined;
}

/** Opens the system browser; rejects where there is none, so that the caller can print the address instead. */
export async function openExternal(text: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const url = externalUrl(text);
  const opener = openerFor(process.platform, env);
  const absent = (cause?: unknown) =>
    new Failure('unavailable', 'There is no browser to open here.', 'Open the address by hand, or sign in with: gatehouse login --device', {
      cause,
    });
  if (opener === undefined) throw absent();
  const [command, ...args] = opener;
  await new Promise<void>((done, fail) => {
    const child = execFile(command, [...args, url], { timeout: 10_000 }, (error) => (error === null ? done() : fail(absent(error))));
    child.unref();
  });
}
