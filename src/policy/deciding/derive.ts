import { parseUrl } from '../../base/url.ts';
import { foldPath } from './fold.ts';
import { folderOfPattern, refusePattern } from './globs.ts';
import { openHosts } from './hosts.ts';
import { piecesOf } from './lists.ts';
import { above, onPosix, type Path, type Place, refuseShell, resolve, textOf, treeOf } from './paths.ts';
import { isUrl, isWebUrl, readings, Underivable } from './readings.ts';
import { type ArgumentShape, type Text, textsIn } from './shape.ts';

/**
 * What policies should match instead of raw text: `like` on a raw path is fooled by `/ok/../etc`, and on a raw URL by case, ports, user names and
 * punycode. Every text that is not declared to be prose counts, whatever is in it, and each way in which a server may read it.
 */
export interface PathFacts {
  /**
   * Every path, absolute, and each folded as well. More readings make more of them, so they are for what is forbidden. Where the call may reach
   * all that is below /srv, `/srv/**` (folded) is among the paths and the folders: what lies below is not known here, only a rule can name it.
   */
  paths: string[];
  /** Every folder that is above any of the paths, or is one: for "touches something below /etc". */
  folders: string[];
  /** The folders that are above (or are) all of the paths: for "nothing outside /srv/ok". More readings make fewer. Empty without paths. */
  within: string[];
}

export interface Subject {
  value: unknown;
  /** Undefined: the value is a URI. */
  shape: ArgumentShape | undefined;
  place: Place;
  /** The tool may reach what is below the paths that it is given. */
  recursive: boolean;
}

const maxTexts = 256;
const maxLength = 1 << 16;
const maxFolders = 2048;
const maxWork = 1 << 20;

/** Undefined where they cannot be derived; `tell` is called with the reason. */
export function pathFacts(subject: Subject, tell: (why: string) => void): PathFacts | undefined {
  const pathsByText = new Map<string, Path>();
  const trees = new Map<string, Path>();
  let within: Path | undefined;
  let work = 0;
  const whole = each(subject, tell, (text) => {
    for (const { path, pattern } of pathsOf(text, subject)) {
      const written = textOf(path);
      if (pattern || subject.recursive) trees.set(written, path);
      work += written.length + 1;
      if (work > maxWork || pathsByText.size > maxFolders) throw new Underivable('has too many paths');
      if (pathsByText.has(written)) continue;
      pathsByText.set(written, path);
      within = within ? shared(within, path) : path;
    }
  });
  if (!whole) return undefined;
  const folders = new Set<string>();
  const paths = new Set<string>();
  for (const original of pathsByText.values())
    for (const path of spellingsOf(original)) {
      paths.add(textOf(path));
      for (const folder of above(path)) folders.add(folder);
      folders.add(textOf(path));
      if (folders.size > maxFolders) return void tell('the arguments name too many folders');
    }
  for (const tree of trees.values())
    for (const path of spellingsOf(tree).map(foldPath)) {
      paths.add(treeOf(path));
      folders.add(treeOf(path));
    }
  return { paths: [...paths], folders: [...folders], within: within && within.root !== '' ? [textOf(within), ...above(within)] : [] };
}

/** Every host of a URL or by itself, lower case, punycode, without port. Undefined where they cannot be derived; `tell` is called with the reason. */
export function hostFacts(subject: Subject, tell: (why: string) => void): string[] | undefined {
  const hosts = new Set<string>();
  const hostsOf = openHosts();
  const whole = each(subject, tell, (text) => {
    for (const host of hostsOf(text)) hosts.add(host);
  });
  return whole ? [...hosts] : undefined;
}

function each({ value, shape }: Subject, tell: (why: string) => void, take: (text: Text) => void): boolean {
  let texts = 0;
  let length = 0;
  let name = '';
  try {
    for (const text of textsIn(value, shape, shape ? undefined : 'url')) {
      name = text.name;
      length += text.text.length;
      if (++texts > maxTexts || length > maxLength) throw new RangeError('too many');
      take(text);
    }
    return true;
  } catch (error) {
    if (error instanceof RangeError) tell('there are too many texts in the arguments, or they nest too deeply');
    else if (error instanceof Underivable)
      tell(`${name === '' ? 'it' : `the argument ${JSON.stringify(name.slice(0, 64).toWellFormed())}`} ${error.message}`);
    else throw error;
    return false;
  }
}

function* pathsOf({ text, kind }: Text, { shape, place }: Subject): Generator<{ path: Path; pattern: boolean }> {
  // The URI of a resource is a single name, and so is an argument that is declared `literal`.
  const asItStands = shape === undefined || kind === 'literal';
  const isOne = (reading: string): boolean => isWebUrl(reading) || (kind === 'url' && isUrl(reading));
  const queried = isUrl(text) && text.includes('://') && !/^file:/i.test(text);
  const apart = (reading: string): string[] =>
    isOne(reading) ? piecesOf(reading, true) : [...piecesOf(reading, false), ...unescaped(reading, place)];
  for (const reading of readings(text, true, asItStands ? undefined : apart)) {
    if (kind === 'url' && isUrl(reading)) {
      if (isWebUrl(reading) && !parseUrl(reading)) throw new Underivable('is no valid URL');
      continue;
    }
    const folder = kind === 'glob' ? folderOfPattern(reading) : undefined;
    if (!asItStands && kind !== 'glob') refusePattern(reading, queried);
    // What a shell would replace can stand behind the folder, too.
    if (folder !== undefined) refuseShell(reading);
    for (const path of resolve(folder ?? reading, place)) yield { path, pattern: folder !== undefined };
  }
}

/** As shells and patterns read it: a backslash escapes what follows. Not where the text begins as a path of Windows does. */
const unescaped = (text: string, place: Place): string[] =>
  onPosix(place) && text.includes('\\') && !/^[a-z]:[\\/]|^\\[^/]/i.test(text) ? [text.replace(/\\(.)/gs, '$1')] : [];

/** No folder is above it. */
const nowhere: Path = { root: '', names: [] };

/** The same path folded, for file systems that tell fewer names apart, and a drive as MSYS and Cygwin spell it. */
function spellingsOf(path: Path): Path[] {
  const [first = '', ...rest] = path.names;
  const drive = path.root === '/' && /^[a-z]$/i.test(first) ? [{ root: `${first.toUpperCase()}:/`, names: rest }] : [];
  return [path, ...drive].flatMap((spelling) => [spelling, foldPath(spelling)]);
}

function shared(a: Path, b: Path): Path {
  if (a.root !== b.root) return nowhere;
  let count = 0;
  while (count < a.names.length && a.names[count] === b.names[count]) count++;
  return { root: a.root, names: a.names.slice(0, count) };
}
