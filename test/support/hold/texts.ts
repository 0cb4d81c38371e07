import fc from 'fast-check';

/** A text as pieces and how often each: short enough to be sent to whoever is to say it. */
export type Recipe = readonly (readonly [piece: string, times: number])[];

export const textOf = (recipe: Recipe): string => recipe.map(([piece, times]) => piece.repeat(times)).join('');

/** What the local server's environment keeps secret: it overlaps itself in every way. */
export const secrets = { OVERLAPPING: 'abababababababab', REPEATED: 'a'.repeat(4000), NEARLY: `${'a'.repeat(4000)}b` };

/** Pieces that made work grow with the square of a text's length somewhere, here or in other programs, or that grow by themselves. */
export const shapes: Record<string, string> = {
  letters: 'x',
  'operating system commands': '\u001b]',
  'control sequences': '\u001b[3',
  'device strings': '\u001bP\u009d',
  'eighteen letters of one': '\ufdfa',
  'combining marks': 'a\u0301\u0323',
  'marks alone': '\u0301',
  'half characters': '\ud800',
  'joined characters': '\u200d\u202e',
  'percent signs': '%25',
  'percent letters': '%ef%b7%ba',
  'folders up': '../',
  slashes: '//',
  backslashes: '\\',
  'open braces': '{',
  templates: '{a}',
  'open lists': '[',
  members: '{"a":',
  quotes: '"',
  'escaped quotes': '\\"',
  'line ends': '\r',
  'lines and fields': '\r\ndata: x\n',
  blanks: ' \t',
  'overlapping secrets': 'ab',
  'nearly secrets': 'a',
  'numbers nobody holds': '1e400,-0,',
  'many digits': '12345678901234567890,',
  'small objects': '{"a":1},',
  'queries and fragments': '?#&=',
  scopes: 'a+',
  'YAML aliases': '*a,&a ',
};

/** Of each shape as much as is asked for. */
export const known = (length: number): [name: string, Recipe][] =>
  Object.entries(shapes).map(([name, piece]) => [name, [[piece, Math.floor(length / piece.length)]]]);

/** Compositions of the shapes and of odd strings. The seed is in the name of each. */
export function composed(seed: number, count: number, length: number): [name: string, Recipe][] {
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...Object.values(shapes)) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }) },
  );
  const part = fc.tuple(piece, fc.integer({ min: 1, max: 100 }));
  return fc.sample(fc.array(part, { minLength: 1, maxLength: 8 }), { seed, numRuns: count }).map((parts, at) => {
    const whole = parts.reduce((sum, [text, share]) => sum + text.length * share, 0);
    return [`composition ${at} of seed ${seed}`, parts.map(([text, share]) => [text, Math.max(1, Math.floor((share * length) / whole))])];
  });
}
