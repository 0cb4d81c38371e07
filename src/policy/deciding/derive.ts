import { parseUrl } from '../../base/url.ts';
import { openHosts } from './hosts.ts';
import { type Path, type Place, resolve, textOf } from './paths.ts';
import { isUrl, isWebUrl, readings, Underivable } from './readings.ts';
import { type Shape, type Text, textsIn } from './shape.ts';

/**
 * What policies should match instead of raw text: `like` on a raw path is fooled by `/ok/../etc`, and on a raw URL by case, ports, user names and
 * punycode. Every text that is not declared to be prose counts, whatever is in it, and each way in which a server may read it.
 */
export interface PathFacts {
  /** Every path, absolute, each in lower case as well. More readings make more of them, so they are for what is forbidden. */
  paths: string[];
  /** Every folder above any of the paths: for "touches something below /etc". */
  folders: string[];
  /** The folders that are above (or are) all of the paths: for "nothing outside /srv/ok". More readings make fewer. Empty without paths. */
  within: string[];
}

export interface Subject {
  value: unknown;
  /** Undefined: the value is a URI. */
  shape: Shape | undefined;
  place: Place;
}

const maxTexts = 256;
const maxLength = 1 << 16;
const maxFolders = 2048;
const maxWork = 1 << 20;

/** Undefined where they cannot be told; `tell` hears why. */
export function pathFacts(subject: Subject, tell: (why: string) => void): PathFacts | undefined {
  const found = new Map<string, Path>();
  let within: Path | undefined;
  let work = 0;
  const whole = each(subject, tell, (text) => {
    for (const path of pathsOf(text, subject.place)) {
      const written = textOf(path);
      work += written.length + 1;
      if (work > maxWork || found.size > maxFolders) throw new Underivable('has too many paths');
      if (found.has(written)) continue;
      found.set(written, path);
      within = within ? shared(within, path) : path;
    }
  });
  if (!whole) return undefined;
  const folders = new Set<string>();
  const paths = new Set<string>();
  for (const one of found.values())
    for (const path of spellingsOf(one)) {
      paths.add(textOf(path));
      for (const folder of above(path)) folders.add(folder);
      if (folders.size > maxFolders) return void tell('the arguments name too many folders');
    }
  return { paths: [...paths], folders: [...folders], within: within && within.root !== '' ? [textOf(within), ...above(within)] : [] };
}

/** Every host of a URL or by itself, lower case, punycode, without port. Undefined where they cannot be told; `tell` hears why. */
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

function* pathsOf({ text, kind }: Text, place: Place): Generator<Path> {
  for (const one of readings(text, true)) {
    if (kind !== 'url' || !isUrl(one)) yield* resolve(one, place);
    else if (isWebUrl(one) && !parseUrl(one)) throw new Underivable('is no valid URL');
  }
}

/** No folder is above it. */
const nowhere: Path = { root: '', names: [] };

/** The same in lower case, for file systems that do not tell the two apart, and a drive as MSYS and Cygwin spell it. */
function spellingsOf(path: Path): Path[] {
  const lower = ({ root, names }: Path): Path => ({ root: root.toLowerCase(), names: names.map((name) => name.toLowerCase()) });
  const [first = '', ...rest] = path.names;
  const drive = path.root === '/' && /^[a-z]$/i.test(first) ? [{ root: `${first.toUpperCase()}:/`, names: rest }] : [];
  return [path, ...drive].flatMap((one) => [one, lower(one)]);
}

function shared(a: Path, b: Path): Path {
  if (a.root !== b.root) return nowhere;
  let count = 0;
  while (count < a.names.length && a.names[count] === b.names[count]) count++;
  return { root: a.root, names: a.names.slice(0, count) };
}

function above(path: Path): string[] {
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
