import { fileURLToPath } from 'node:url';
import { app } from 'electron';
import { entryUrl } from '../src/base/entry.ts';
import { hardenBeforeReady } from './harden.ts';

hardenBeforeReady();
if (process.platform === 'win32') app.setAppUserModelId('com.example.gatehouse');

if (process.argv.includes(fileURLToPath(entryUrl('upstreams/local/watchdog')))) {
  // The installed program cannot run as plain Node (a fuse sees to that), so the watchdog of the local servers is this same program with one
  // module of its own. No argument can name another: what runs is fixed here.
  app.disableHardwareAcceleration();
  app.dock?.hide();
  import('../src/upstreams/local/watchdog.ts').catch(() => app.exit(1));
} else if (app.requestSingleInstanceLock()) {
  import('./desktop.ts')
    .then(({ openDesktop }) => openDesktop())
    .catch((error: unknown) => {
      process.stderr.write(`gatehouse: ${error instanceof Error ? error.message : String(error)}\n`);
      app.exit(1);
    });
} else {
  // At once: `quit` is asynchronous and would flash a window.
  app.exit(0);
}
