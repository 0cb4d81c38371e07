import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPrivateDir } from './data-dir.ts';

// sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero.
const longest = 100;

/**
 * Where the control socket of a data folder lies. Unix: in that folder, which only the user can enter, or, where the path would be too long
 * for a socket, under a hash in a private folder of the same user. Windows: a pipe with a random name, which only a reader of DATA
 * learns; another user could create a pipe of a guessable name first, and we would talk to that user's program.
 */
export function controlPath(dataDir: string, env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return `\\\\.\\pipe\\gatehouse-${randomBytes(16).toString('hex')}`;
  const near = join(dataDir, 'control.sock');
  if (Buffer.byteLength(near) <= longest) return near;
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 24);
  const base = env.XDG_RUNTIME_DIR && Buffer.byteLength(env.XDG_RUNTIME_DIR) < 50 ? env.XDG_RUNTIME_DIR : tmpdir();
  return join(
    openPrivateDir(join(Buffer.byteLength(base) < 50 ? base : '/tmp', `gatehouse-${process.getuid?.() ?? 'user'}`)),
    `${hash}.sock`,
  );
}
