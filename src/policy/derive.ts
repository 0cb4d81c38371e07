/**
 * What policies should match instead of raw text. `like` on a raw path is fooled by `/ok/../etc`, and on a raw URL by case, ports,
 * user names and punycode, so paths and hosts are drawn out of the arguments in their normal form.
 */
export interface Derived {
  /** Every path, normalised. */
  paths: string[];
  /** Every folder above any of the paths: for "touches something below /etc". */
  folders: string[];
  /** The folders that are above (or are) all of the paths: for "nothing outside /srv/ok". Empty without paths. */
  within: string[];
  /** Every host, lower case, punycode, without port. */
  hosts: string[];
  /** More than was looked at: nothing may be decided on it. */
  truncated: boolean;
}

const maxTexts = 256;
const maxText = 4096;
const maxFolders = 2048;
const maxDepth = 32;
const pathKey = /path|file|dir|folder|root|cwd/i;
const hostKey = /host|domain|url|uri|endpoint|site/i;
const scheme = /^[a-z][a-z0-9+.-]*:\/\//i;
const specialScheme = /^(https?|wss?|ftp|file):/i;

export function derive(value: unknown, key = ''): Derived {
  const state = { paths: new Set<string>(), hosts: new Set<string>(), texts: 0, truncated: false };
  collect(value, key, state, 0);
  const folders = new Set<string>();
  let within: Set<string> | undefined;
  for (const path of state.paths) {
    const above = ancestors(path);
    for (const folder of above) folders.add(folder);
    const inside = new Set(above).add(path);
    within = within ? new Set([...within].filter((folder) => inside.has(folder))) : inside;
    if (folders.size > maxFolders) {
      state.truncated = true;
      break;
    }
  }
  return {
    paths: [...state.paths],
    folders: [...folders],
    within: [...(within ?? [])],
    hosts: [...state.hosts],
    truncated: state.truncated,
  };
}

interface State {
  paths: Set<string>;
  hosts: Set<string>;
  texts: number;
  truncated: boolean;
}

function collect(value: unknown, key: string, state: State, depth: number): void {
  if (typeof value === 'string') return fromText(value, key, state);
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxDepth) {
    state.truncated = true;
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    if (state.truncated) return;
    collect(member, Array.isArray(value) ? key : name, state, depth + 1);
  }
}

function fromText(raw: string, key: string, state: State): void {
  // What the URL standard ignores, servers ignore too: blanks around, tabs and line ends inside.
  const text = raw
    .slice(0, maxText + 1)
    .trim()
    .replace(/[\t\r\n]/g, '');
  const isUrl = scheme.test(text) || specialScheme.test(text);
  const line = raw.slice(0, maxText + 1).trim();
  const startsAsPath = /^(~|\.{0,2}[/\\]|[a-z]:[/\\])/i.test(line);
  // A text with blanks or of several lines is prose that holds a slash, unless its name or its start says otherwise.
  const looksLikePath = (/^\.\.?$|[/\\]|^~/.test(line) && !/\s/.test(line)) || (startsAsPath && !/[\r\n]/.test(line));
  const isPath = !isUrl && (pathKey.test(key) || looksLikePath);
  if (!isUrl && !isPath && !hostKey.test(key) && !text.includes('@')) return;
  if (++state.texts > maxTexts || raw.length > maxText || !raw.isWellFormed()) {
    // A long text that only happens to hold a slash is prose, not a path.
    if (raw.length > maxText && !isUrl && !startsAsPath && !pathKey.test(key) && !hostKey.test(key)) return;
    state.truncated = true;
    return;
  }
  if (isUrl) return fromUrl(text, state);
  const mail = /^[\w.-]+@([^\s/:@]+):/.exec(text);
  if (mail) addHost(mail[1]!, state);
  if (text.startsWith('//') || text.startsWith('\\\\')) addHost(text.slice(2), state);
  else if (hostKey.test(key) && /^[^/\\\s]+\.[^/\\\s]|^localhost\b|^\[/.test(text)) addHost(text, state);
  if (isPath && line !== '') addPath(line, state);
}

function fromUrl(text: string, state: State): void {
  const url = URL.parse(text);
  if (!url) return;
  if (url.host) addHost(url.host, state);
  if (url.protocol === 'file:' || !specialScheme.test(text)) addPath(url.pathname.replace(/^\/(?=[a-z]:)/i, '') || '/', state);
}

function addHost(authority: string, state: State): void {
  // Through the http scheme, whose rules put case, punycode and odd ways to write an IPv4 address into one form.
  const host = URL.parse(`http://${authority}`)?.hostname.replace(/\.$/, '');
  if (host) state.hosts.add(host);
}

/** Each way in which a server might read the path: a reading that was left out could be the one that leads outside. */
function addPath(text: string, state: State): void {
  for (const one of new Set([text, decode(text)])) {
    state.paths.add(normalise(one));
    if (one.includes('\\')) state.paths.add(normalise(one.replaceAll('\\', '/')));
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text).toWellFormed();
  } catch {
    return text;
  }
}

function normalise(path: string): string {
  const drive = /^[a-z]:(?=\/|$)/i.exec(path)?.[0] ?? '';
  const rest = path.slice(drive.length);
  const absolute = rest.startsWith('/');
  const out: string[] = [];
  for (const part of rest.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') out.push(part);
    else if (out.length > 0 && out.at(-1) !== '..') {
      // Above a home folder is somewhere else, not "below nothing".
      if (out.pop()!.startsWith('~') && out.length === 0 && !absolute) out.push('..');
    } else if (!absolute) out.push('..');
  }
  return `${drive.toUpperCase()}${absolute ? '/' : ''}${out.join('/')}` || '.';
}

function ancestors(path: string): string[] {
  const out: string[] = [];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    // `../../x` is not inside `..`.
    if (!/^\.\.(\/|$)/.test(path.slice(at + 1))) out.push(path.slice(0, at));
  }
  if (path.startsWith('/') && path !== '/') out.push('/');
  return out;
}
