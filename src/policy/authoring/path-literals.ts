import { foldPath } from '../deciding/fold.ts';
import { above, type Path, placeOf, resolve, textOf, treeOf } from '../deciding/paths.ts';
import { readings, Underivable } from '../deciding/readings.ts';

export type Fact = 'paths' | 'folders' | 'within';

/** A path that no fact can equal. The message says why, as a clause; `fix` says what to write instead. */
export class Unmatchable extends Error {
  readonly fix: string;
  constructor(why: string, fix: string) {
    super(why);
    this.fix = fix;
  }
}

const quoted = (text: string): string => JSON.stringify(text);
const instead = (text: string): string => `did you mean ${quoted(text)}?`;
const absolute = /^(?:\/|[a-z]:[\\/]|\\\\[^\\])/i;
const [onPosix, onWindows] = [placeOf(['/'], false), placeOf(['C:/'], true)];

/** Reads a path that a rule names. One that has a single meaning is brought into the form of the facts; any other is refused. */
export function readLiteral(text: string): Path {
  const trimmed = text.trim();
  if (text === '') throw new Unmatchable('is empty', 'write a whole path, such as "/srv/secret"');
  if (trimmed !== text) throw new Unmatchable('has blanks around it', instead(trimmed));
  if (/^~|^\$|^%\w+%/.test(text))
    throw new Unmatchable(
      'begins with what only a shell replaces',
      'write the whole path, such as "/home/ann/secret" (for everybody: a rule on its own folder for each, or forbid what is above)',
    );
  if (/^file:/i.test(text)) throw new Unmatchable('is a URL', instead(decodedPath(text)));
  if (/[*?]|\{[^}]*,/.test(text)) {
    const folder = text.slice(0, text.search(/[*?{]/)).replace(/[^\\/]*$/, '');
    const fix = absolute.test(folder) ? `did you mean ${quoted(normal(folder))}? All that is below it counts` : 'name the folder itself';
    throw new Unmatchable('is a pattern, and patterns are not matched here', fix);
  }
  if (text.startsWith('//'))
    throw new Unmatchable(
      'begins with "//", which is another computer on Windows and the root elsewhere',
      `write ${quoted(text.replace(/^\/+/, '/'))} for a folder, or ${quoted(text.replaceAll('/', '\\'))} for a share`,
    );
  if (!absolute.test(text)) throw new Unmatchable('is relative, and facts are absolute', instead(`/${text.replace(/^[./\\]+/, '')}`));
  if (/(?:^|[\\/])\.\.(?:[\\/]|$)/.test(text)) throw new Unmatchable('climbs with ".."', instead(normal(text)));
  return place(text);
}

/** A literal means one thing, so it is not read in several ways, as what an agent writes is. */
function place(text: string): Path {
  // A backslash is a slash where Windows begins a path so, and a character of a name elsewhere.
  const windows = !text.startsWith('/');
  try {
    const [path] = resolve(text, windows ? onWindows : onPosix);
    if (!path || text.includes('\0') || !text.isWellFormed()) throw new Underivable('cannot be read');
    return path;
  } catch (error) {
    if (!(error instanceof Underivable)) throw error;
    throw new Unmatchable(error.message, 'name the folder above it');
  }
}

const normal = (text: string): string => textOf(place(text));

function decodedPath(text: string): string {
  const url = URL.parse(text);
  try {
    return url ? decodeURIComponent(url.pathname).replace(/^\/(?=[a-z]:)/i, '') : '/...';
  } catch {
    return url!.pathname;
  }
}

/** The facts to look for so that no spelling that some file system takes for the name is missed, and no call that reaches the path from above. */
export function broadly(text: string): string[] {
  const path = foldPath(readLiteral(text));
  return [textOf(path), ...aboveOf(path).map(treeOf)];
}

/** The folders above a path, as paths. */
const aboveOf = (path: Path): Path[] => above(path).map((_, count) => ({ root: path.root, names: path.names.slice(0, count) }));

/** The fact to look for so that nothing else is taken for the path. */
export function strictly(text: string): string {
  const path = textOf(readLiteral(text));
  // In NFC, the form that keyboards and most systems make: a text in another form has two readings, and is within neither.
  const composed = path.normalize('NFC');
  try {
    const [, other] = readings(composed, false);
    if (other === undefined) return composed;
    throw new Unmatchable(`can also be read as ${quoted(other)}, so that no call is surely there`, 'name the folder above it');
  } catch (error) {
    if (!(error instanceof Underivable)) throw error;
    throw new Unmatchable(error.message, 'name the folder above it');
  }
}
