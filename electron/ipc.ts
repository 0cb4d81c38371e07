import { ipcMain, type WebContents } from 'electron';
import type { Core } from '../src/app/core.ts';
import { Failure, toErrorValue } from '../src/base/errors.ts';
import type { Log } from '../src/base/log.ts';
import { watchNewest } from '../src/shell/watch-newest.ts';
import { channels } from './channels.ts';
import { isTrustedSender } from './urls.ts';

/** Carries the contract: one invoke channel for commands, one push channel for the View. Only the window's own top frame is heard. */
export function carryContract(core: Pick<Core, 'dispatch' | 'watch'>, log: Log): () => void {
  const watchers = new Map<number, () => void>();
  ipcMain.handle(channels.call, async (event, command: unknown, input: unknown) => {
    // Read at once: the frame is null after a navigation.
    const trusted = isTrustedSender(event.senderFrame);
    try {
      if (!trusted) throw new Failure('denied', 'Only the window of Gatehouse may ask.');
      if (typeof command !== 'string') throw new Failure('bad-input', 'The request names no command.');
      return await core.dispatch(command, input ?? {});
    } catch (error) {
      log.error({ error: String(error) }, 'a request of the window failed');
      return { ok: false, error: toErrorValue(error) };
    }
  });
  ipcMain.on(channels.watch, (event) => {
    if (isTrustedSender(event.senderFrame)) push(event.sender);
  });

  function push(contents: WebContents): void {
    // A reload asks again: the old stream ends, the new page gets the present View at once.
    watchers.get(contents.id)?.();
    const stop = watchNewest(
      core,
      (view) => {
        if (!contents.isDestroyed()) contents.send(channels.view, view);
        return true;
      },
      () => {},
    );
    watchers.set(contents.id, stop);
    contents.once('destroyed', () => {
      stop();
      watchers.delete(contents.id);
    });
  }

  return () => {
    ipcMain.removeHandler(channels.call);
    ipcMain.removeAllListeners(channels.watch);
    for (const stop of watchers.values()) stop();
  };
}
