import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../../src/base/errors.ts';
import type { Host, SettingsStore, Vault } from '../../src/base/host.ts';
import { type Log, silent } from '../../src/base/log.ts';

export interface TestHost extends Host {
  /** What was given to the system browser, oldest first. */
  readonly opened: string[];
  /** Resolves with the next URL given to the system browser (or with one that was opened and not yet taken). */
  nextOpened(): Promise<string>;
  readonly vault: Vault & { readonly content: Map<string, string> };
}

/** A vault in memory. Give the same map to a second host to play a restart of the app. */
export function memoryVault(content = new Map<string, string>()): TestHost['vault'] {
  return {
    kind: 'memory',
    content,
    async get(name) {
      return content.get(name);
    },
    async set(name, secret) {
      content.set(name, secret);
    },
    async delete(name) {
      content.delete(name);
    },
  };
}

export function memorySettings(content = new Map<string, unknown>()): SettingsStore {
  return {
    get: (key) => content.get(key),
    set: (key, value) => void content.set(key, value),
    delete: (key) => void content.delete(key),
  };
}

/**
 * A shell without a screen for tests: everything real but the vault and the settings, which live in memory.
 * `browser: false` plays a machine without one. Without `dataDir`, a fresh directory is made below the system's temporary one.
 */
export function testHost(
  options: {
    dataDir?: string;
    now?: () => number;
    fetch?: typeof fetch;
    vault?: TestHost['vault'];
    settings?: SettingsStore;
    log?: Log;
    browser?: boolean;
  } = {},
): TestHost {
  const opened: string[] = [];
  const untaken: string[] = [];
  const waiting: ((url: string) => void)[] = [];
  return {
    shell: 'headless',
    appVersion: '0.1.0-test',
    dataDir: options.dataDir ?? mkdtempSync(join(tmpdir(), 'gatehouse-test-')),
    log: options.log ?? silent,
    vault: options.vault ?? memoryVault(),
    settings: options.settings ?? memorySettings(),
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    now: options.now ?? Date.now,
    opened,
    async openExternal(url) {
      if (options.browser === false) throw new Error('no browser here');
      opened.push(url);
      const taker = waiting.shift();
      if (taker === undefined) untaken.push(url);
      else taker(url);
    },
    nextOpened() {
      const url = untaken.shift();
      return url === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(url);
    },
  };
}

/** A vault that can be locked while it is in use, as a keychain can. */
export function lockable(inner: Vault): { vault: Vault; state: { locked: boolean } } {
  const state = { locked: false };
  const open = (): Vault => {
    if (state.locked) throw new Failure('unavailable', 'The keychain is locked.', 'Unlock it.');
    return inner;
  };
  return {
    state,
    vault: {
      kind: 'keychain',
      get: async (name) => await open().get(name),
      set: async (name, secret) => await open().set(name, secret),
      delete: async (name) => await open().delete(name),
    },
  };
}
