import fc from 'fast-check';

/** A template of RFC 6570 and a URI that comes of it, with and without what may be left out. */
export interface Expansion {
  template: string;
  uri: string;
}

const literal = fc.constantFrom('/', '/a', '/b/', '-', 'c', '/..', 'x://y');
const variableValue = fc.constantFrom('', 'v', 'w%20w', 'localhost', '127.0.0.1', 'a');
const operator = fc.constantFrom('', '+', '?', '&', '/', '#', ';', '.');

const named = (name: string, value: string) => `${name}=${value}`;

/** RFC 6570, section 3.2, for one variable; undefined: it has no value. */
export function expanded(op: string, value: string | undefined): string {
  if (value === undefined) return '';
  if (op === '' || op === '+') return value;
  if (op === ';') return value === '' ? ';n' : `;${named('n', value)}`;
  return op === '?' || op === '&' ? op + named('n', value) : op + value;
}

/** `all`: simple expressions may be without a value, too. */
export const expansions = (heads: readonly string[], all: boolean): fc.Arbitrary<Expansion> =>
  fc
    .record({
      head: fc.constantFrom(...heads),
      parts: fc.array(fc.tuple(operator, fc.option(variableValue, { nil: undefined }), literal, fc.boolean()), {
        minLength: 1,
        maxLength: 4,
      }),
    })
    .map(({ head, parts }) => {
      let template = head;
      let uri = head;
      for (const [op, value, text, followed] of parts) {
        const simple = op === '' || op === '+';
        template += `{${op}n${simple ? '' : '*'}}${followed ? text : ''}`;
        uri += expanded(op, simple && !all && !value ? 'v' : value) + (followed ? text : '');
      }
      return { template, uri };
    });
