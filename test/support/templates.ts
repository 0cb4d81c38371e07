import fc from 'fast-check';

/** A template of RFC 6570 and a URI that comes of it, with and without what may be left out. */
export interface Expansion {
  template: string;
  uri: string;
}

const literal = fc.constantFrom('/', '/a', '/b/', '-', 'c', '/..', 'x://y');
const value = fc.constantFrom('', 'v', 'w%20w', 'localhost', '127.0.0.1', 'a');
const operator = fc.constantFrom('', '+', '?', '&', '/', '#', ';', '.');

const named = (name: string, given: string) => `${name}=${given}`;

/** RFC 6570, section 3.2, for one variable; undefined: it has no value. */
export function expanded(op: string, given: string | undefined): string {
  if (given === undefined) return '';
  if (op === '' || op === '+') return given;
  if (op === ';') return given === '' ? ';n' : `;${named('n', given)}`;
  return op === '?' || op === '&' ? op + named('n', given) : op + given;
}

/** `all`: simple expressions may be without a value, too. */
export const expansions = (heads: readonly string[], all: boolean): fc.Arbitrary<Expansion> =>
  fc
    .record({
      head: fc.constantFrom(...heads),
      parts: fc.array(fc.tuple(operator, fc.option(value, { nil: undefined }), literal, fc.boolean()), { minLength: 1, maxLength: 4 }),
    })
    .map(({ head, parts }) => {
      let template = head;
      let uri = head;
      for (const [op, given, text, followed] of parts) {
        const simple = op === '' || op === '+';
        template += `{${op}n${simple ? '' : '*'}}${followed ? text : ''}`;
        uri += expanded(op, simple && !all && !given ? 'v' : given) + (followed ? text : '');
      }
      return { template, uri };
    });
