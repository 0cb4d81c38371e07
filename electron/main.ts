import { app } from 'electron';
import { openDesktop } from './desktop.ts';
import { hardenBeforeReady } from './harden.ts';

/** The desktop's entry. Electron's own data (caches, cookies) lies beside ours, not among it. */
hardenBeforeReady();
if (process.platform === 'win32') app.setAppUserModelId('com.example.gatehouse');

// The loser leaves at once: `quit` is asynchronous and would flash a window.
if (app.requestSingleInstanceLock()) {
  openDesktop().catch((error: unknown) => {
    process.stderr.write(`gatehouse: ${error instanceof Error ? error.message : String(error)}\n`);
    app.exit(1);
  });
} else {
  app.exit(0);
}
