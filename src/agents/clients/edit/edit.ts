import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../../../base/errors.ts';
import type { ConfigLanguage } from '../programs/client.ts';
import { jsonc } from './jsonc.ts';
import type { Language } from './language.ts';
import { insertion } from './lines.ts';
import { toml } from './toml.ts';
import { yaml } from './yaml.ts';

export const languages: Readonly<Record<ConfigLanguage, Language>> = { jsonc, toml, yaml };
const names: Record<ConfigLanguage, string> = { jsonc: 'JSON', toml: 'TOML', yaml: 'YAML' };

/** Where an entry stands in a file: `path` is for messages. Without a container it is a member of the document itself. */
export interface Place {
  path: string;
  language: ConfigLanguage;
  container?: string;
}

/** The document's members and its servers by name. Failure('conflict') where the text is not what its agent could read. */
export function readDocument(text: string, place: Place): { document: Record<string, unknown>; servers: Record<string, unknown> } {
  let document: Record<string, unknown>;
  try {
    document = languages[place.language].parse(text);
  } catch {
    // What a parser says of the text may hold what stands in it, so it does not become the cause, which is logged.
    throw new Failure(
      'conflict',
      `${place.path} is not ${names[place.language]} that can be read, so it is left as it is.`,
      'Correct the file, then try again.',
    );
  }
  if (place.container === undefined) return { document, servers: document };
  const servers = Object.hasOwn(document, place.container) ? document[place.container] : {};
  if (servers === null || servers === undefined) return { document, servers: {} };
  if (typeof servers === 'object' && !Array.isArray(servers)) return { document, servers: servers as Record<string, unknown> };
  throw new Failure(
    'conflict',
    `${place.path} has a "${place.container}" that is no list of servers, so it is left as it is.`,
    'Correct the file, then try again.',
  );
}

/** The text with the entry, put in anew where one of that name is there. All else in it stays as it is, to the byte. */
export function withEntry(text: string, place: Place, name: string, value: unknown): string {
  const { servers } = readDocument(text, place);
  const base = Object.hasOwn(servers, name) ? withoutEntry(text, place, name) : text;
  const before = readDocument(base, place);
  return checked(place, () => {
    const next = languages[place.language].insert(base, place.container, name, value);
    const after = readDocument(next, place);
    if (!isDeepStrictEqual(plain(after.servers), plain({ ...before.servers, [name]: value }))) return undefined;
    return sameRest(before, after, place) && insertion(base, next) ? next : undefined;
  });
}

/** The text without the entry. Failure('conflict') where that cannot be without a change to something else. */
export function withoutEntry(text: string, place: Place, name: string): string {
  const before = readDocument(text, place);
  if (!Object.hasOwn(before.servers, name)) return text;
  return checked(place, () => {
    const next = languages[place.language].remove(text, place.container, name);
    const after = readDocument(next, place);
    const { [name]: _, ...left } = before.servers;
    return isDeepStrictEqual(plain(after.servers), plain(left)) && sameRest(before, after, place) ? next : undefined;
  });
}

/** Parsers make objects of several kinds; only what they hold is compared. */
const plain = (value: Record<string, unknown>): Record<string, unknown> => structuredClone({ ...value });

function sameRest(
  before: { document: Record<string, unknown> },
  after: { document: Record<string, unknown> },
  { container }: Place,
): boolean {
  if (container === undefined) return true;
  const { [container]: _before, ...old } = before.document;
  const { [container]: _after, ...now } = after.document;
  return isDeepStrictEqual(plain(now), plain(old));
}

function checked(place: Place, edit: () => string | undefined): string {
  let done: string | undefined;
  try {
    done = edit();
  } catch {
    // As above.
  }
  if (done !== undefined) return done;
  throw new Failure(
    'conflict',
    `${place.path} is written so that it cannot be edited without changing something else in it. It is left as it is.`,
    place.container === undefined ? 'Edit it by hand.' : `Edit "${place.container}" in it by hand: "Add agent" shows what to put there.`,
  );
}
