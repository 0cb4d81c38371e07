import type { System } from './agent.ts';

/** The system that we run on. `root`: another folder in the place of its disk's, whose owner is the administrator there. */
export function thisSystem(root?: string): System {
  const platform = process.platform === 'darwin' || process.platform === 'win32' ? process.platform : 'linux';
  // Agents have the letter of the drive written down, too.
  if (root === undefined) return platform === 'win32' ? { platform, root: 'C:\\', admin: undefined } : { platform, root: '/', admin: 0 };
  return { platform, root, admin: process.getuid?.() };
}
