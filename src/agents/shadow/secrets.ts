import type { ShadowSecret } from '../../contract/shadow.ts';

/**
 * What of an agent's entry may be shown. It works from what is known to be harmless: a value that is not is masked, whether or not it looks like a secret.
 */

export const masked = '••••';

const secretName =
  /key|token|secret|passw|passphrase|pwd|auth|credential|private|cookie|session|bearer|signature|dsn|conn|_url$|^pat$|[_-]pat$/i;
const secretPrefix =
  /^(?:sk|pk|rk|gh[a-z]|github_pat|glpat|xox[a-z]|gha|npm|pypi|hf|AKIA|ASIA|AIza|ya29|eyJ|lin_api|ntn|secret|dop_v1|shp[a-z]{2})[-_.]?[\w-]{6,}/;

/** A value that stands in the file, and is not a reference to a variable or a prompt. */
export const isReference = (value: string): boolean =>
  /^(?:(?:Bearer|Basic|Token) +)?(?:\$\{[\w:.-]+\}|\$\w+|%\w+%|\{(?:env|file):[^{}]+\})$/i.test(value.trim());

/** Long runs of letters and digits, and what begins as keys of known makers do. */
export function looksSecret(text: string): boolean {
  if (secretPrefix.test(text)) return true;
  return text.split(/[^A-Za-z0-9+=]+/).some((run) => (run.length >= 16 && /\d/.test(run)) || run.length >= 24);
}

/** A name that a person or a maker gave to something: shown if it cannot be a key. */
export const shownName = (text: string): string => (/^[\w.@/ -]{1,64}$/.test(text) && !looksSecret(text) ? text : masked);

/** A space otherwise begins an argument: some write a whole command line as the command. */
const namedFolders = new Set(['Program Files', 'Program Files (x86)', 'Application Support']);

/** What of a URL's way or a file's is shown: each piece that is a plain word. */
export function shownPath(path: string): string {
  const pieces = path.split(/([\\/:])/);
  const end = pieces.findIndex((piece) => /\s/.test(piece) && !namedFolders.has(piece));
  const shown = pieces
    .slice(0, end < 0 ? undefined : end)
    .map((piece) =>
      /^[\\/:]?$/.test(piece) || namedFolders.has(piece) || (/^[\w.~@-]{1,32}$/.test(piece) && !looksSecret(piece)) ? piece : masked,
    );
  return shown.join('') + (end < 0 ? '' : masked);
}

/** Values by name, of the environment or as headers. */
export function secretsOf(where: 'env' | 'header', values: Record<string, unknown>): ShadowSecret[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (typeof value !== 'string' || value === '' || isReference(value)) return [];
    const isSecret = secretName.test(name) || looksSecret(value) || /^(?:Bearer|Basic|Token) /i.test(value) || withPassword(value);
    return isSecret ? [{ where, name: shownName(name) }] : [];
  });
}

/** Of a part only: the expression takes the square of its length. */
const withPassword = (value: string) => /^[a-z][a-z0-9+.-]{0,20}:\/\/[^/@\s]*:[^/@\s]+@/i.test(value.slice(0, 500));

/** An address without what may be secret in it, and what that was. */
export function shownUrl(text: string): { shown: string; secrets: ShadowSecret[] } {
  const url = URL.parse(text);
  // What is no address may be anything.
  if (url === null || url.host === '') return { shown: masked, secrets: [] };
  const secrets: ShadowSecret[] = [];
  if (url.username !== '' || url.password !== '') secrets.push({ where: 'url', name: 'user and password' });
  const host = url.host
    .split('.')
    .map((label) => (looksSecret(label) || label.length > 32 ? masked : label))
    .join('.');
  const path = shownPath(url.pathname);
  if (host.includes(masked) || path.includes(masked)) secrets.push({ where: 'url', name: 'path' });
  const query = [...url.searchParams].map(([name, value]) => {
    if (value !== '' && !isReference(value) && (secretName.test(name) || looksSecret(value)))
      secrets.push({ where: 'url', name: shownName(name) });
    // Without a value the name may be the key itself.
    return value === '' ? masked : `${shownName(name)}=${masked}`;
  });
  return { shown: `${url.protocol}//${host}${path}${query.length === 0 ? '' : `?${query.join('&')}`}`, secrets };
}

const flag = /^--?[A-Za-z][A-Za-z-]{0,30}$/;

/**
 * Arguments: flags by their names, addresses, and the one that `isKnown` says is a package. Whatever else stands there is masked, as a key has no mark of its own.
 */
export function shownArguments(args: readonly string[], isKnown: (index: number) => boolean): { shown: string[]; secrets: ShadowSecret[] } {
  const secrets: ShadowSecret[] = [];
  const shown = args.map((argument, index) => {
    const before = args[index - 1] ?? '';
    if (isKnown(index) && !looksSecret(argument)) return argument;
    // `-pSECRET` is one flag to some programs.
    if (flag.test(argument) && !looksSecret(argument) && (argument.startsWith('--') || argument.length === 2)) return argument;
    const [, name = '', value = argument] = /^(-{0,2}[A-Za-z][\w-]{0,40})(?:=|:\s*)(.*)$/s.exec(argument) ?? [];
    if (/^https?:\/\//i.test(argument)) {
      const { shown: address, secrets: found } = shownUrl(argument);
      secrets.push(...found.map(({ name }) => ({ where: 'argument' as const, name })));
      return address;
    }
    // What stands before a sign may be a piece of a key, but for a long option, a variable or a header in its place.
    const inPlace = name.startsWith('--') || /^(?:-e|-H|--env|--headers?)$/.test(before);
    const isNamed = inPlace && /^-{0,2}[A-Za-z][A-Za-z_-]{0,30}$/.test(name) && !looksSecret(name);
    const asked = !isNamed ? (flag.test(before) ? before : '') : name;
    const isSecret =
      secretName.test(asked) ||
      secretName.test(name) ||
      looksSecret(value) ||
      /\b(?:Bearer|Basic) +\S/i.test(argument) ||
      withPassword(value);
    if (isSecret && value !== '' && !isReference(value)) secrets.push({ where: 'argument', name: shownName(asked.replace(/^-+/, '')) });
    return isNamed ? `${name}=${masked}` : masked;
  });
  return { shown, secrets };
}
