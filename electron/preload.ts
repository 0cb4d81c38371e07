import { contextBridge, ipcRenderer } from 'electron';
import { channels } from './channels.ts';

// Two functions and nothing of Electron: no ipcRenderer, no event object. This file is bundled as CommonJS, which a sandboxed preload must be.
const listeners = new Set<(view: unknown) => void>();
let newest: { view: unknown } | undefined;

ipcRenderer.on(channels.view, (_event, view: unknown) => {
  newest = { view };
  for (const listener of listeners) listener(view);
});

contextBridge.exposeInMainWorld('gatehouse', {
  call: (command: unknown, input: unknown): Promise<unknown> => ipcRenderer.invoke(channels.call, command, input),
  watch(listener: (view: unknown) => void): () => void {
    listeners.add(listener);
    if (newest !== undefined) listener(newest.view);
    else if (listeners.size === 1) ipcRenderer.send(channels.watch);
    return () => {
      listeners.delete(listener);
    };
  },
});
