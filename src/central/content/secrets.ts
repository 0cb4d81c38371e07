import { type Secret, type SecretPlace, secretName } from '../../bundle/secret.ts';
import type { Telling } from './problem.ts';
import type { Input, Stated } from './server-json.ts';
import { variable } from './variables.ts';

/** `secret://NAME`, wherever it stands in a value. */
const reference = /secret:\/\/([A-Za-z0-9_-]*)/g;

/** What an entry asks of people, gathered while it is read. */
export interface SecretList {
  list(): Secret[];
  /** A value that takes a secret is noted for `place`, and is no value of the company's. Otherwise false. */
  /** A value that is `secret://NAME` and no more, for the client of an authorization server: its name; undefined: it was refused. */
  client(path: readonly PropertyKey[], value: string, description: string): string | undefined;
  take(path: readonly PropertyKey[], input: SecretInput, place: Pick<SecretPlace, 'in' | 'name'>): boolean;
}

export interface SecretInput extends Stated {
  /** Inputs for the `{names}` in its value, the nearest last. */
  variables: readonly (Readonly<Record<string, Input>> | undefined)[];
  /** What `{names}` have as values that are not secret. */
  scope: Readonly<Record<string, string>>;
}

/** INVARIANT: what is marked secret and has its value in the company folder is an error: the value would be in every bundle. */
export function openSecretList({ problem, resolve }: Telling): SecretList {
  const secrets = new Map<string, Secret>();

  function add(path: readonly PropertyKey[], name: string, about: Omit<Secret, 'name' | 'where'>, ...places: SecretPlace[]) {
    if (!secretName.safeParse(name).success) {
      const fix = `Give it a value such as "secret://api-key": letters, digits and single "-" or "_" between them, at most 64.`;
      return problem(path, `"${name}" cannot be the name of a secret.`, fix);
    }
    const before = secrets.get(name);
    secrets.set(name, {
      name,
      description: before?.description || about.description,
      required: before?.required === true || about.required,
      where: [...(before?.where ?? []), ...places],
    });
  }

  return {
    list: () => [...secrets.values()],
    client(path, value, description) {
      const name = whole(value);
      if (name === undefined)
        problem(path, 'The secret of the client stands in the company folder, so it would be in every bundle.', supply);
      else add(path, name, { description, required: true });
      return name;
    },
    take(path, input, place) {
      const text = given(input);
      const required = input.isRequired === true;
      if (text === undefined) {
        if (input.isSecret !== true) return false;
        add(path, place.name, { description: input.description ?? '', required }, { ...place, before: '', after: '' });
        return true;
      }
      const declared = Object.assign({}, ...input.variables) as Record<string, Input>;
      const found = [
        ...[...text.matchAll(reference)].map((match) => ({ match, name: match[1]!, by: input })),
        ...[...text.matchAll(variable)].flatMap((match) => {
          const by = Object.hasOwn(declared, match[1]!) ? declared[match[1]!]! : undefined;
          return by?.isSecret === true ? [{ match, name: named(path, match[1]!, by, input.scope), by }] : [];
        }),
      ];
      const [first, second] = found;
      if (first === undefined) {
        if (input.isSecret !== true) return false;
        problem(
          path,
          `The value of ${place.name} is marked secret and stands in the company folder, so it would be in every bundle.`,
          supply,
        );
        return true;
      }
      if (second !== undefined) problem(path, `The value of ${place.name} takes more than one secret.`, 'Let it take one.');
      const at = first.match.index;
      const around = (part: string) => resolve(path, part, input.scope);
      add(
        path,
        first.name,
        { description: first.by.description || input.description || '', required: required || first.by.isRequired === true },
        { ...place, before: around(text.slice(0, at)), after: around(text.slice(at + first.match[0].length)) },
      );
      return true;
    },
  };

  /** A variable that is secret has no value here; it may say under which name it is asked for. */
  function named(path: readonly PropertyKey[], name: string, by: Input, scope: Readonly<Record<string, string>>): string {
    const text = given(by);
    const other = text === undefined ? undefined : whole(text);
    if (other === undefined && (text !== undefined || Object.hasOwn(scope, name)))
      problem(
        path,
        `The variable {${name}} is marked secret and has its value in the company folder, so it would be in every bundle.`,
        supply,
      );
    return other ?? name;
  }
}

/** The name in a text that is a reference and no more. */
const whole = (text: string): string | undefined => /^secret:\/\/([A-Za-z0-9_-]*)$/.exec(text)?.[1];

/** An empty value is none: nobody means an empty secret. */
function given({ value, default: fallback }: Pick<Input, 'value' | 'default'>): string | undefined {
  const text = value ?? fallback;
  return text === undefined || text.trim() === '' ? undefined : text;
}

const supply =
  'Take the value away: whoever uses the server is asked for it, and it stays in the vault of their computer. If it may be read by all, take "isSecret" away.';

/** Whether a text asks for a secret where there can be none. `declared`: the inputs for its `{names}`. */
export const refersToSecret = (text: string, declared: Readonly<Record<string, Input>> = {}): boolean =>
  text.includes('secret://') ||
  [...text.matchAll(variable)].some(([, name]) => Object.hasOwn(declared, name!) && declared[name!]!.isSecret === true);

export const secretsGoTo =
  'Secrets go to a header, the value of a query parameter or a variable of the environment. If it may be read by all, take "isSecret" away.';

/** The query parameters of an address that take secrets, and the address without them. */
export function secretQuery(
  path: readonly PropertyKey[],
  url: string,
  input: Pick<SecretInput, 'variables' | 'scope'>,
  secrets: SecretList,
): string {
  const [bare = '', fragment] = url.split('#', 2);
  const at = bare.indexOf('?');
  if (at < 0) return url;
  const kept = bare
    .slice(at + 1)
    .split('&')
    .filter((parameter) => {
      const [, name = '', value] = /^([^=]*)=(.*)$/s.exec(parameter) ?? [];
      return value === undefined || !secrets.take(path, { value: spelt(value), ...input }, { in: 'query', name: spelt(name) });
    });
  return `${bare.slice(0, at)}${kept.length > 0 ? `?${kept.join('&')}` : ''}${fragment === undefined ? '' : `#${fragment}`}`;
}

/** Left as it stands where it cannot be decoded: whoever wrote it so did not encode it. */
function spelt(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
