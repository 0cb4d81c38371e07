import type { Log } from './log.ts';

/** Where secrets rest. `kind` is shown to the person: `memory` means that they must sign in again after a restart. */
export interface Vault {
  readonly kind: 'keychain' | 'key-from-environment' | 'memory';
  /** Undefined: there is none. Rejects with Failure('unavailable') where there is one that cannot be opened now. */
  get(name: string): Promise<string | undefined>;
  /** Rejects likewise, and never replaces a secret that cannot be opened. */
  set(name: string, secret: string): Promise<void>;
  delete(name: string): Promise<void>;
}

/** The person's own settings: small values only, each write atomic. Nothing here can widen what machine or company set. */
export interface SettingsStore {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  delete(key: string): void;
}

/** The few things a shell (Electron, headless) supplies to the core. */
export interface Host {
  readonly shell: 'electron' | 'headless';
  readonly appVersion: string;
  /** Absolute; private to the user (0700). */
  readonly dataDir: string;
  readonly log: Log;
  readonly vault: Vault;
  readonly settings: SettingsStore;
  /** For everything outside loopback: knows the system's proxy and trust store. */
  readonly fetch: typeof fetch;
  /** Opens an https (or loopback http) URL in the system browser; rejects when there is none. */
  openExternal(url: string): Promise<void>;
  /** Milliseconds since the epoch; injected so that freshness and time windows can be tested. */
  now(): number;
}
