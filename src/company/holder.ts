import { type ErrorValue, Failure, toErrorValue } from '../base/errors.ts';
import { type Bootstrap, type Bundle, freshness } from '../bundle/schema.ts';
import { type CompanyStore, type Mark, markKey, type Person } from './store.ts';
import { readBundle, verifySignature } from './verify.ts';

export interface BundleState {
  state: 'none' | 'fresh' | 'stale' | 'expired' | 'refused';
  /** Present also when stale (only reading tools) and when expired (nothing may be used). */
  bundle?: Bundle;
  error?: ErrorValue;
}

/**
 * The one bundle in use by the person who is signed in. It enters only through `verify.ts`, from the network and from the disk
 * alike; what is refused never replaces the last good one.
 */
export interface BundleHolder {
  state(): BundleState;
  version(): number;
  etag(): string | undefined;
  /** Reads what rests on disk. Never rejects: a file that cannot be used is a state, with words. */
  load(): Promise<void>;
  /** Puts a received bundle to use, or throws why not. True where its version is a new one. */
  accept(jws: string, etag: string | undefined): Promise<boolean>;
  /** What the central API sent cannot be used: shown until something can. */
  refuse(why: ErrorValue): void;
  /** The central API says that ours is the newest. */
  confirm(): void;
  /** Remembers that the central API has the receipt of this version. */
  receipted(version?: number): number;
}

export function openHolder(options: {
  store: CompanyStore;
  person: Person;
  bootstrap: () => Bootstrap;
  now: () => number;
  signal: AbortSignal;
}): BundleHolder {
  const { store, person, bootstrap, now, signal } = options;
  const central = new URL(bootstrap().endpoints.bundle).origin;
  const key = markKey(bootstrap().company.id, person);
  let held: { bundle: Bundle; etag: string | undefined } | undefined;
  let mark: Mark | undefined;
  let error: ErrorValue | undefined;
  let refused = false;

  async function take(jws: string, etag: string | undefined): Promise<{ bundle: Bundle; newer: boolean }> {
    const payload = await verifySignature(jws, bootstrap().bundle_jwks);
    signal.throwIfAborted();
    // No `await` from here on: another bundle may have moved the mark meanwhile.
    const bundle = readBundle(payload, { company: bootstrap().company.id, now: now(), last: mark });
    const newer = bundle.version !== held?.bundle.version;
    held = { bundle, etag };
    mark = { version: bundle.version, issuedAt: bundle.issuedAt, receipted: mark?.receipted ?? 0 };
    error = undefined;
    refused = false;
    return { bundle, newer };
  }

  return {
    state() {
      const trouble = error === undefined ? {} : { error };
      if (held === undefined) return { state: refused ? 'refused' : 'none', ...trouble };
      return { state: freshness(held.bundle, now()), bundle: held.bundle, ...trouble };
    },
    version: () => held?.bundle.version ?? 0,
    etag: () => held?.etag,
    async load() {
      mark = await store.readMark(key);
      const cached = await store.readBundle();
      if (signal.aborted || cached === undefined) return;
      if ('damaged' in cached) {
        error = toErrorValue(
          new Failure(
            'integrity',
            `The stored bundle was damaged. It is kept as ${cached.damaged}.`,
            'A new one is fetched as soon as the central API answers.',
          ),
        );
        return;
      }
      if (cached.sub !== person.sub || cached.issuer !== person.issuer || cached.central !== central) {
        store.removeBundle();
        return;
      }
      // The file states its own version too: whoever removes the marks must also have an older file, with its lower number.
      if (cached.highestVersion > (mark?.version ?? 0)) mark = { version: cached.highestVersion, issuedAt: epoch, receipted: 0 };
      try {
        await take(cached.jws, cached.etag);
      } catch (problem) {
        if (signal.aborted) return;
        error = toErrorValue(problem);
        refused = true;
        await store.refuseBundle();
      }
    },
    async accept(jws, etag) {
      const { bundle, newer } = await take(jws, etag);
      // In use before it is on disk: a full disk must not hold up a kill switch. The bundle goes first, since a mark above the
      // stored bundle would refuse it after a crash in between.
      void store.writeBundle({ ...person, central, ...(etag === undefined ? {} : { etag }), jws, highestVersion: bundle.version });
      void store.writeMark(key, mark!);
      return newer;
    },
    refuse(why) {
      error = why;
      refused = true;
    },
    confirm() {
      error = undefined;
      refused = false;
    },
    receipted(version) {
      if (version !== undefined && mark !== undefined) {
        mark = { ...mark, receipted: version };
        void store.writeMark(key, mark);
      }
      return mark?.receipted ?? 0;
    },
  };
}

const epoch = '1970-01-01T00:00:00Z';
