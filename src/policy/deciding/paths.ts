import { Underivable } from './readings.ts';

/** An absolute path: `/`, `C:/` or `//host/share`, and the names below it, without `.` and `..`. */
export interface Path {
  root: string;
  names: readonly string[];
}

/** Where a server resolves relative names. */
export interface Place {
  roots: readonly Path[];
  /** Without roots: it runs on Windows, where `/x` is on the current drive. */
  onWindows: boolean;
}

interface Absolute {
  root: string;
  rest: string;
}

export function placeOf(roots: readonly string[], onWindows: boolean): Place {
  const absolute = (root: string): Absolute => windowsForm(slashed(root)) ?? { root: '/', rest: root };
  return { roots: roots.map((root) => walk(absolute(root), asWritten)), onWindows };
}

export const textOf = ({ root, names }: Path): string => (names.length === 0 || root.endsWith('/') ? root : `${root}/`) + names.join('/');

/** All that is below it, as one of the facts. No path that a rule may name ends so. */
export const treeOf = (path: Path): string => `${textOf(path).replace(/\/$/, '')}/**`;

/** The folders above it. */
export function above(path: Path): string[] {
  const whole = textOf(path);
  const out: string[] = [];
  // Slices of one text: joining the names each time would take the square of their number.
  let end = path.root.length;
  for (const name of path.names) {
    out.push(whole.slice(0, end));
    end += name.length + (end === path.root.length && path.root.endsWith('/') ? 0 : 1);
  }
  return out;
}

export function refuseShell(text: string): void {
  if (/^~|`|\$[\w{(]/.test(text)) throw new Underivable('holds "~", "$" or "`", which a shell would replace');
}

/** Every path that one reading of a text may lead to, on POSIX and on Windows. */
export function resolve(text: string, place: Place): Path[] {
  refuseShell(text);
  const paths: Path[] = [];
  for (const absolute of absolutes(text, place)) {
    for (const take of waysToTake(absolute.rest)) {
      const path = walk(absolute, take);
      refuseAliases(path, place);
      paths.push(path);
    }
  }
  return paths;
}

const slashed = (text: string): string => {
  const turned = text.replaceAll('\\', '/');
  // However many slashes begin it, servers make two of them where one is a backslash.
  return turned === text ? text : turned.replace(/^\/{3,}/, '//');
};
const isPosix = ({ root }: Path): boolean => root === '/';
/** Whether a backslash may escape the next character. */
export const onPosix = ({ roots, onWindows }: Place): boolean => (roots.length > 0 ? roots.some(isPosix) : !onWindows);

function absolutes(text: string, { roots, onWindows }: Place): Absolute[] {
  const turned = slashed(text);
  const windows = windowsForm(turned);
  const candidates: Absolute[] = windows ? [windows] : [];
  const relative = (): never => {
    throw new Underivable(roots.length > 0 ? 'is relative' : 'is relative, and no "roots" are declared for its server');
  };
  if (roots.length === 0 && onWindows && !windows) relative();
  if (roots.length === 0 || roots.some(isPosix)) {
    for (const name of new Set([text, turned])) {
      if (name.startsWith('/')) candidates.push({ root: '/', rest: name });
      else if (roots.length > 0) for (const root of roots.filter(isPosix)) candidates.push({ root: '/', rest: `${textOf(root)}/${name}` });
      // On POSIX this is a relative name that stays below its folder, and not the path that Windows takes it for.
      else if ((!windows && !turned.startsWith('/')) || name.split('/').includes('..')) relative();
    }
  }
  if (windows) return candidates;
  for (const root of roots.filter((root) => !isPosix(root))) {
    const own = [...root.names, turned].join('/');
    candidates.push({ root: root.root, rest: turned.startsWith('/') ? turned : own });
    const drive = /^\/([a-z])(\/.*)?$/is.exec(turned);
    if (drive) candidates.push({ root: `${drive[1]!.toUpperCase()}:/`, rest: drive[2] ?? '' });
  }
  return candidates;
}

/** What Windows takes for absolute by itself. */
function windowsForm(turned: string): Absolute | undefined {
  const device = /^\/(?:\/[?.]|\?\?)\/(?:(UNC)\/)?(.*)$/is.exec(turned);
  if (device && !device[1] && !/^[a-z]:\//i.test(device[2]!)) throw new Underivable('names a device');
  const name = device ? (device[1] ? `//${device[2]}` : device[2]!) : turned;
  const drive = /^([a-z]):(.*)$/is.exec(name);
  if (drive && !drive[2]!.startsWith('/')) throw new Underivable('is relative to the folder of a drive');
  if (drive) return { root: `${drive[1]!.toUpperCase()}:/`, rest: drive[2]! };
  const share = /^\/\/([^/]+)(?:\/+([^/]*)(.*))?$/s.exec(name);
  if (!share) return undefined;
  if (/^[. ]*$/.test(share[2] ?? 'x') || /^[. ]+$/.test(share[1]!)) throw new Underivable('names a host and no folder of it');
  return { root: `//${share[1]!.toLowerCase()}${share[2] === undefined ? '' : `/${share[2]}`}`, rest: share[3] ?? '' };
}

type Take = (name: string) => string;
const asWritten: Take = (name) => name;

/** Windows ignores dots and blanks at the end of a name and what follows a colon. At a name of dots alone some servers climb and some stay. */
const onWindowsTaking =
  (dots: string): Take =>
  (name) => {
    if (name === '.' || name === '..') return name;
    const colon = name.indexOf(':');
    let end = colon < 0 ? name.length : colon;
    while (end > 0 && (name[end - 1] === '.' || name[end - 1] === ' ')) end--;
    return end > 0 ? name.slice(0, end) : name.includes('..') ? dots : '.';
  };
const climbing = onWindowsTaking('..');
const staying = onWindowsTaking('.');

function waysToTake(rest: string): Take[] {
  const names = rest.split('/').filter((name) => climbing(name) !== name && name !== '');
  if (names.length === 0) return [asWritten];
  return names.some((name) => climbing(name) === '..') ? [asWritten, climbing, staying] : [asWritten, climbing];
}

function walk({ root, rest }: Absolute, take: Take): Path {
  const names: string[] = [];
  for (const part of rest.split('/')) {
    const name = part === '' ? '' : take(part);
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined && root.startsWith('//')) throw new Underivable('climbs out of its share');
  }
  return { root, names };
}

const deviceName = /^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9])$/i;

/** Refuses names that lead elsewhere than they say, on every system of that kind. */
function refuseAliases({ root, names }: Path, { roots }: Place): void {
  const windows = roots.length === 0 || !roots.every(isPosix);
  if (windows && names.some((name) => deviceName.test(name.split(/[.:]/, 1)[0]!.trim()))) throw new Underivable('names a device');
  if (root !== '/' && names.some((name) => /~\d/.test(name))) throw new Underivable('holds a short name as Windows makes them');
  if (root === '/' && (names[0] === 'proc' || names[0] === 'dev') && names.some((name) => /^(?:root|cwd|fd)$/.test(name)))
    throw new Underivable('leads through /proc or /dev to somewhere else');
}
