import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { Failure } from '../../base/errors.ts';

const mark = '\ufeff';

/** A configuration file as it was read once. */
export interface ConfigFile {
  /** As the agent knows it. */
  path: string;
  /** What is written: the file itself, behind links. */
  real: string;
  /** Undefined where there is none yet. */
  bytes: Buffer | undefined;
  /** Without a byte order mark. */
  text: string;
  hasMark: boolean;
  mode: number;
  /** Set where `path` is a link. */
  linkedTo?: string;
  /** Bytes that are read of it at most. */
  largest: number;
  /** Others than its owner may read it. */
  readByOthers: boolean;
  /** Of its owner; undefined on Windows, and where there is no file. */
  uid?: number;
}

export const digest = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/**
 * Reads a file that others write. It must be a regular one, or a link to one inside of the same home; an agent's folder outside of the home, named by its
 * own variable, is a home of its own. `largest`: in bytes. `look`: it will not be written, so it may be another user's. Failure('conflict' or 'unavailable')
 * says what it is otherwise; nothing is changed.
 */
export function readConfigFile(path: string, home: string, largest: number, purpose: 'edit' | 'look' = 'edit'): ConfigFile {
  const root = within(home, path) ? home : dirname(path);
  const real = realPath(path);
  const realRoot = realPath(root);
  if (!within(realRoot, real))
    throw refused(path, `leads to ${real}, outside of ${root}`, 'Edit that file by hand, or put a file in the place of the link.');
  const linked = isLink(path) ? { linkedTo: real } : {};
  const absent = { path, real, bytes: undefined, text: '', hasMark: false, mode: 0o600, largest, readByOthers: false, ...linked };
  const found = readRegular(real, path, largest);
  if (found === undefined) return absent;
  const { bytes, stat } = found;
  if (purpose === 'edit' && (stat.mode & 0o200) === 0) throw refused(path, 'is read-only', `Allow writing to it, then try again.`);
  if (purpose === 'edit' && process.getuid !== undefined && stat.uid !== process.getuid())
    throw refused(path, 'belongs to another user', 'Edit it as that user.');
  const text = decoded(bytes, path);
  const hasMark = text.startsWith(mark);
  const readByOthers = process.platform !== 'win32' && (stat.mode & 0o044) !== 0;
  const owner = process.platform === 'win32' ? {} : { uid: stat.uid };
  const mode = stat.mode & 0o777;
  return { path, real, bytes, text: hasMark ? text.slice(1) : text, hasMark, mode, largest, readByOthers, ...owner, ...linked };
}

/** Undefined where there is nothing. Whatever is no regular file, or too large, is refused and not read. */
function readRegular(real: string, path: string, largest: number): { bytes: Buffer; stat: Stats } | undefined {
  let descriptor: number;
  try {
    // Without blocking: a pipe of that name would wait for a writer.
    descriptor = openSync(real, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') throw refused(path, 'is below something that is no folder', 'Correct that, then try again.', cause);
    throw refused(path, `cannot be read (${code ?? 'unknown'})`, 'Check its permissions, then try again.', cause);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw refused(path, `is ${stat.isDirectory() ? 'a folder' : 'no regular file'}`, 'Move it away, then try again.');
    if (stat.size > largest)
      throw refused(path, `has ${inWords(stat.size)}, more than the ${inWords(largest)} that are read`, 'Edit it by hand.');
    return { bytes: readFileSync(descriptor), stat };
  } finally {
    closeSync(descriptor);
  }
}

const inWords = (bytes: number) => (bytes > 1024 * 1024 ? `${Math.ceil(bytes / 1024 / 1024)} MB` : `${Math.ceil(bytes / 1024)} KB`);

/** The bytes that a new text makes of the file. */
export const encoded = (file: Pick<ConfigFile, 'hasMark'>, text: string): Buffer => Buffer.from((file.hasMark ? mark : '') + text, 'utf8');

/**
 * Replaces the file in one step by `bytes`, or removes it and so many empty `folders` around it, if it is still as it was read: otherwise
 * Failure('conflict'), and what another program wrote stays. Mode and link stay. Returns how many folders were made for it. Between the last look and the step another program has about a tenth of a millisecond, which no call closes (ADR 59).
 */
export function replaceConfigFile(file: ConfigFile, bytes: Buffer | undefined, folders = 0, folderMode = 0o700): number {
  const folder = dirname(file.real);
  let made = 0;
  const temporary = join(folder, `.gatehouse-${randomBytes(6).toString('hex')}`);
  sweep(folder);
  try {
    if (bytes === undefined) {
      unchanged(file);
      unlinkSync(file.real);
      removeEmpty(folder, folders);
      return 0;
    }
    const first = mkdirSync(folder, { recursive: true, mode: folderMode });
    if (first !== undefined) made = relative(dirname(first), folder).split(sep).length;
    // Whatever the umask left of it.
    for (let at = folder, left = made; left > 0; at = dirname(at), left--) chmodSync(at, folderMode);
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(descriptor, bytes);
      if (process.platform !== 'win32') fchmodSync(descriptor, file.mode);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    unchanged(file);
    if (file.bytes === undefined) linkSync(temporary, file.real);
    else renameSync(temporary, file.real);
    return made;
  } catch (cause) {
    forget(temporary);
    removeEmpty(folder, made);
    if (cause instanceof Failure) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw changed(file);
    throw refused(file.path, `cannot be written (${code ?? 'unknown'})`, 'Check the permissions of its folder, then try again.', cause);
  } finally {
    forget(temporary);
  }
}

/** By where it leads, by its bytes, and then, as reading takes its time, by what a single call tells: inode, time and size. */
function unchanged(file: ConfigFile): void {
  if (realPath(file.path) !== file.real) throw changed(file);
  const now = readRegular(file.real, file.path, file.largest);
  if (file.bytes === undefined ? now !== undefined : now === undefined || !now.bytes.equals(file.bytes)) throw changed(file);
  const last = statSync(file.real, { throwIfNoEntry: false });
  if (last?.ino !== now?.stat.ino || last?.mtimeMs !== now?.stat.mtimeMs || last?.size !== now?.stat.size) throw changed(file);
}

const changed = ({ path }: ConfigFile) =>
  new Failure('conflict', `${path} was changed by another program in the meantime, so it is left as it is.`, 'Try again.');

const refused = (path: string, why: string, fix: string, cause?: unknown) =>
  new Failure('conflict', `${path} ${why}, so it is left as it is.`, fix, cause === undefined ? undefined : { cause });

/** The folder and those around it, as far as nothing else is in them. */
function removeEmpty(innermost: string, count: number): void {
  let folder = innermost;
  try {
    for (let left = count; left > 0; left--) {
      rmdirSync(folder);
      folder = dirname(folder);
    }
  } catch {
    // Somebody has put something into it, or taken it away.
  }
}

/** What a crash between writing and renaming left, with a token in it. */
function sweep(folder: string): void {
  try {
    for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((each) => each.isFile())) {
      if (!/^\.gatehouse-[0-9a-f]{12}$/.test(name)) continue;
      const left = join(folder, name);
      // A new one may be of another Gatehouse that is writing now.
      if (Date.now() - lstatSync(left).mtimeMs > 60_000) unlinkSync(left);
    }
  } catch {
    // Somebody else took it away, or the folder says why when it is written to.
  }
}

function forget(temporary: string): void {
  try {
    unlinkSync(temporary);
  } catch {
    // Renamed, or never made.
  }
}

function decoded(bytes: Buffer, path: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    // Said below.
  }
  throw refused(path, 'is no text in UTF-8', 'Correct the file, then try again.');
}

function within(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** The real path also of what is not there yet. A link that leads nowhere counts as where it leads. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && isLink(path))
      throw refused(path, 'is a link to something that is not there', 'Remove the link, then try again.');
    if (code === 'ENOENT' && dirname(path) !== path)
      return join(realPath(dirname(path)), path.slice(dirname(path).length).replace(/^[/\\]/, ''));
    if (code === 'ENOTDIR') return path;
    throw refused(path, `cannot be reached (${code ?? 'unknown'})`, 'Check its permissions, then try again.', cause);
  }
}
