import { userInfo } from 'node:os';
import type { ManagedRead } from './managed.ts';
import { readManagedLinux } from './managed-linux.ts';
import { readManagedMacos } from './managed-macos.ts';
import { readManagedWindows } from './managed-windows.ts';
import { run } from './run.ts';

/** The reader of this platform, and the directory to watch where watching works. Elsewhere there is no managed policy. */
export function managedReader(platform: NodeJS.Platform = process.platform): { read(): Promise<ManagedRead>; directory?: string } {
  if (platform === 'linux') return { read: () => readManagedLinux(), directory: '/etc/gatehouse' };
  if (platform === 'darwin') return { read: () => readManagedMacos({ run, user: userInfo().username }) };
  if (platform === 'win32') return { read: () => readManagedWindows({ run }) };
  return { read: async () => ({ state: 'absent' }) };
}
