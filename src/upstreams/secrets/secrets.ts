import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../../base/errors.ts';
import type { Vault } from '../../base/host.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { SecretRow } from '../../contract/servers.ts';
import type { Lack } from '../upstream.ts';
import { type Filled, fill, nothing } from './fill.ts';
import type { SecretSource } from './source.ts';
import { goesTo, movedWords, readStored, type Scope, type Stored, vaultName } from './stored.ts';
import { checkValue } from './value.ts';

/** The secrets that people entered for servers. Values are read from the vault once and then held in memory; only `fill` gives them out. */
export interface Secrets extends SecretSource {
  /** What a window may know of an entry's secrets. */
  rows(entry: ServerEntry): SecretRow[];
  /** Rejects with a Failure: a secret that the entry does not name, a value that cannot be carried, a vault that cannot be opened, or another `place` than the person saw. */
  set(entry: ServerEntry, name: string, value: string, place?: string): Promise<void>;
  clear(entry: ServerEntry, name: string): Promise<void>;
  /** The person has left, or the company's rules do not hold: nothing stays here. Connections that have begun keep what they have until they end. */
  forget(): void;
}

/** What is known of one secret. */
type Known = { reading: Promise<void> } | { stored: Stored | undefined } | { failed: string; at: number };

/** Milliseconds between attempts to read what the vault did not give. */
const gap = 5_000;

export function openSecrets(options: {
  vault: Vault;
  now(): number;
  /** Undefined: nobody is signed in, or no bundle holds. */
  scope(): Scope | undefined;
  /** What is known has changed: one server's secret by a person's act, or (without a server) since the vault answered. */
  changed(server?: string, name?: string): void;
}): Secrets {
  const { vault, now, scope, changed } = options;
  const known = new Map<string, Known>();
  /** Where nothing is lacking: calls come often, and each asks. */
  let ready = new WeakMap<ServerEntry, Filled>();

  let present: Scope | undefined;
  /** Whose secrets count now, in the same object until that changes. Of nobody else any stay here. */
  function whose(): Scope | undefined {
    const next = scope();
    if (!isDeepStrictEqual(next, present)) {
      forget();
      present = next;
    }
    return present;
  }

  function forget() {
    known.clear();
    ready = new WeakMap();
  }

  /** INVARIANT: a vault that does not answer, or answers with what cannot be read, is unavailable: never a secret that is missing. */
  function look(name: string): Known {
    const before = known.get(name);
    if (before && !('failed' in before && now() - before.at >= gap)) return before;
    const reading: Known = {
      reading: vault
        .get(name)
        .then((text) => ({ stored: text === undefined ? undefined : readStored(text) }))
        .catch((error: unknown) => ({ failed: error instanceof Error ? error.message : 'the vault failed', at: now() }))
        .then((outcome) => {
          // It may have been set or forgotten meanwhile.
          if (known.get(name) !== reading) return;
          known.set(name, outcome);
          changed();
        }),
    };
    known.set(name, reading);
    return reading;
  }

  /** What is known of each of an entry's secrets, in its order; undefined: nobody is there whose they could be. */
  function all({ id, secrets }: ServerEntry): { name: string; required: boolean; is: Known }[] | undefined {
    const owner = whose();
    return owner && secrets.map(({ name, required }) => ({ name, required, is: look(vaultName(owner, id, name)) }));
  }

  function lackOf(entry: ServerEntry, found: NonNullable<ReturnType<typeof all>>): Lack | undefined {
    const [failed] = found.flatMap(({ name, is }) => ('failed' in is ? [`${name} cannot be read: ${is.failed.replace(/\.$/, '')}`] : []));
    // Also where it is optional: without it the server would do something else than with it, for a reason that passes.
    if (failed !== undefined) return { kind: 'unavailable', what: failed };
    const missing = found.filter(({ name, required, is }) => required && 'stored' in is && is.stored?.goesTo !== goesTo(entry, name));
    if (missing.length === 0) return undefined;
    const names = missing.map(({ name }) => name).join(' and ');
    const moved = missing.flatMap(({ name, is }) =>
      'stored' in is && is.stored ? [movedWords(is.stored.goesTo, goesTo(entry, name))] : [],
    )[0];
    return { kind: 'missing', what: names, ...(moved === undefined ? {} : { moved }) };
  }

  /** A promise while the vault has not answered. */
  function settled(entry: ServerEntry): NonNullable<ReturnType<typeof all>> | undefined | Promise<unknown> {
    const found = all(entry);
    const reading = found?.flatMap(({ is }) => ('reading' in is ? [is.reading] : [])) ?? [];
    return reading.length > 0 ? Promise.all(reading) : found;
  }

  function lacking(entry: ServerEntry): Lack | undefined | Promise<Lack | undefined> {
    if (filled(entry)) return undefined;
    const found = settled(entry);
    if (found === undefined) return { kind: 'unavailable', what: 'nobody is signed in whose secrets they are' };
    return Array.isArray(found) ? lackOf(entry, found) : (found as Promise<unknown>).then(() => lacking(entry));
  }

  function filled(entry: ServerEntry): Filled | undefined {
    if (entry.secrets.length === 0) return nothing;
    whose();
    const before = ready.get(entry);
    if (before) return before;
    const found = all(entry);
    if (!found || found.some(({ is }) => !('stored' in is)) || lackOf(entry, found)) return undefined;
    const values = new Map(
      found.flatMap(({ name, is }) => ('stored' in is && is.stored?.goesTo === goesTo(entry, name) ? [[name, is.stored.value]] : [])),
    );
    const made = fill(entry, (name) => values.get(name));
    ready.set(entry, made);
    return made;
  }

  function named(entry: ServerEntry, name: string): { at: string; owner: Scope; secret: ServerEntry['secrets'][number] } {
    const secret = entry.secrets.find((secret) => secret.name === name);
    const owner = whose();
    if (!owner) throw new Failure('signed-out', 'Nobody is signed in.', 'Sign in to Gatehouse first.');
    if (secret) return { at: vaultName(owner, entry.id, name), owner, secret };
    const has = entry.secrets.map(({ name }) => name).join(', ');
    throw new Failure(
      'not-found',
      `The server ${entry.id} has no secret ${JSON.stringify(name)}.`,
      has === '' ? 'It takes none.' : `It has: ${has}.`,
    );
  }

  /** The vault has it. Somebody else may be here by now, of whom it is none: then it is read again when it is wanted. */
  function changedTo(stored: Stored | undefined, { id }: ServerEntry, name: string, at: string, owner: Scope) {
    if (whose() !== owner) {
      known.delete(at);
      return changed();
    }
    known.set(at, { stored });
    ready = new WeakMap();
    changed(id, name);
  }

  return {
    lacking,
    filled,
    whose,
    rows(entry) {
      const found = all(entry);
      return entry.secrets.map(({ name, description, required }, index) => {
        const is = found?.[index]?.is;
        const there = goesTo(entry, name);
        const about = {
          name,
          description,
          required,
          goesTo: entry.url === undefined ? (entry.launch?.command ?? '') : there,
          place: there,
        };
        if (is === undefined || 'reading' in is) return { ...about, state: 'unavailable', why: 'the vault has not answered yet' };
        if ('failed' in is) return { ...about, state: 'unavailable', why: is.failed };
        if (is.stored === undefined) return { ...about, state: 'missing' };
        return is.stored.goesTo === there
          ? { ...about, state: 'set' }
          : { ...about, state: 'missing', why: movedWords(is.stored.goesTo, there) };
      });
    },
    async set(entry, name, value, place = goesTo(entry, name)) {
      const { at, owner, secret } = named(entry, name);
      if (place !== goesTo(entry, name))
        throw new Failure(
          'conflict',
          `The company has just changed where ${name} goes, so it was not taken.`,
          'Look at where it goes now, then enter it again.',
        );
      checkValue(secret, value);
      const stored: Stored = { format: 1, value, goesTo: place };
      await vault.set(at, JSON.stringify(stored));
      changedTo(stored, entry, name, at, owner);
    },
    async clear(entry, name) {
      const { at, owner } = named(entry, name);
      await vault.delete(at);
      changedTo(undefined, entry, name, at, owner);
    },
    forget,
  };
}
