import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ask, askWindow } from '../../src/shell/control-client.ts';
import { eventually } from '../support/demo.ts';

/** The program as it ships, and the same with a debugger let in. `test/run.mjs` makes both. */
export const sealed = process.env['GATEHOUSE_DESKTOP_SEALED'] ?? '';
export const driven = process.env['GATEHOUSE_DESKTOP_DRIVEN'] ?? '';
export const noDesktop: string | false = existsSync(sealed) && existsSync(driven) ? false : 'no desktop program was made here';

/** Electron's sandbox wants a user without root's rights. */
const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const keyringPassword = 'the password of this keyring';

/** A desktop of its own for one test: a screen, a message bus, a home. What runs in it ends with the test. */
export async function openDesktopSession(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), 'gh-desk-'));
  const dataDir = join(home, 'data');
  const runtime = join(home, 'run');
  for (const path of [dataDir, runtime]) mkdirSync(path, { mode: 0o700 });
  for (const path of [home, dataDir, runtime]) if (user.uid !== undefined) chownSync(path, user.uid, user.gid);
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    XDG_RUNTIME_DIR: runtime,
    XDG_CURRENT_DESKTOP: 'GNOME',
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(runtime, 'bus')}`,
    GATEHOUSE_DATA: dataDir,
  };
  const running: ChildProcess[] = [];
  const launch = (command: string, args: string[], stdio: 'ignore' | 'pipe' | number = 'ignore') => {
    const child = spawn(command, args, { ...user, env, cwd: home, stdio: ['pipe', stdio, 'ignore'], detached: true });
    running.push(child);
    return child;
  };
  t.after(async () => {
    for (const child of running.toReversed()) await end(child);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });

  const screen = launch('Xvfb', ['-displayfd', '1', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], 'pipe');
  const [display] = (await once(screen.stdout!, 'data')) as [Buffer];
  env['DISPLAY'] = `:${display.toString().trim()}`;
  const busFile = join(home, 'bus.conf');
  writeFileSync(busFile, busConfiguration(env['DBUS_SESSION_BUS_ADDRESS']!));
  const bus = launch('dbus-daemon', ['--nofork', `--config-file=${busFile}`, '--print-address=1'], 'pipe');
  await once(bus.stdout!, 'data');

  return {
    home,
    dataDir,
    env,
    /** A Secret Service whose keyring is open, or one that stays locked. */
    async startKeyring({ locked = false } = {}) {
      const daemon = launch('gnome-keyring-daemon', ['--foreground', '--components=secrets', ...(locked ? [] : ['--unlock'])]);
      if (!locked) daemon.stdin!.write(keyringPassword);
      daemon.stdin!.end();
      await eventually(
        () =>
          secrets(env, 'org.freedesktop.DBus.Properties.Get', 'string:org.freedesktop.Secret.Service', 'string:Collections').includes(
            '/login',
          ),
        'a Secret Service with its keyring',
        30_000,
      );
      return { stop: () => end(daemon) };
    },
    /** One file that runs `program` without root's rights, for who can name a file only. */
    command(program: string) {
      const path = join(home, 'command');
      const as = user.uid === undefined ? '' : `setpriv --reuid=${user.uid} --regid=${user.gid} --clear-groups `;
      writeFileSync(path, `#!/bin/sh\nexec ${as}'${program}' "$@"\n`, { mode: 0o755 });
      return path;
    },
    async start(program = sealed, args: string[] = []) {
      const child = spawn(program, args, { ...user, env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
      running.push(child);
      let printed = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
      return {
        child,
        printed: () => printed,
        log: () => (existsSync(join(dataDir, 'logs', 'gatehouse.log')) ? readFileSync(join(dataDir, 'logs', 'gatehouse.log'), 'utf8') : ''),
        /** Once its core answers the command line. */
        ready: () =>
          eventually(
            async () => {
              if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}: ${printed}`);
              return await ask(dataDir, 'status', {}).catch(() => undefined);
            },
            'the core',
            30_000,
          ),
        show: () => askWindow(dataDir),
        stop: () => end(child),
        /** The exit code of a program that ends by itself. */
        async ended() {
          if (child.exitCode === null) await once(child, 'exit', { signal: AbortSignal.timeout(10_000) });
          return child.exitCode;
        },
      };
    },
  };
}

function secrets(env: Record<string, string>, method: string, ...args: string[]): string {
  const call = ['--session', '--print-reply', '--dest=org.freedesktop.secrets', '/org/freedesktop/secrets', method, ...args];
  return spawnSync('dbus-send', call, { ...user, env, encoding: 'utf8', timeout: 5_000 }).stdout;
}

/** A bus that starts no service by itself: a keyring is there when a test starts it, and only then. */
const busConfiguration = (
  address: string,
) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>${address}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

/** SIGTERM, then SIGKILL for its whole group. Gives the exit code, null after a signal. */
async function end(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), 8_000);
  await ended;
  clearTimeout(late);
  return child.exitCode;
}
