import fc from 'fast-check';
import type { ConfigLanguage } from '../../src/agents/clients/programs/client.ts';

/** Texts of the languages that agents are configured in, written as people and programs write them: comments anywhere, odd spaces, any order. */
const word = fc
  .stringMatching(/^[a-z][a-z0-9_-]{0,7}$/)
  .filter((name) => !['gatehouse', 'mcpServers', 'servers', 'true', 'false', 'null', 'inf', 'nan'].includes(name));
/** Makes names that no `word` is, as it is too long for one: a member twice is no text of its language. */
const other = 'something_';
const remark = fc.stringMatching(/^[a-zA-Z0-9 "'{}[\]:,#.äß-]{0,12}$/);
const scalar = fc.oneof(
  fc.integer({ min: -1e6, max: 1e6 }),
  fc.boolean(),
  fc.stringMatching(/^[ -~äöü\t]{0,12}$/),
  fc.constant('https://x/y#z'),
);

const gap = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  { weight: 4, arbitrary: fc.constant(' ') },
  { weight: 2, arbitrary: fc.constant('\n') },
  { weight: 2, arbitrary: fc.constant('\n  ') },
  { weight: 1, arbitrary: fc.constant('\t') },
  { weight: 1, arbitrary: remark.map((text) => `/* ${text} */`) },
  { weight: 2, arbitrary: remark.map((text) => ` // ${text}\n  `) },
);

const jsonValue: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar.map((value) => JSON.stringify(value)),
    fc.constant('null'),
    fc
      .tuple(fc.array(fc.tuple(gap, tie('value'), gap), { maxLength: 3 }), gap)
      .map(([items, end]) => `[${items.map((each) => each.join('')).join(',')}${end}]`),
    tie('object'),
  ),
  object: objectOf(tie('value')),
})).value;

function objectOf(value: fc.Arbitrary<string>, fixed?: fc.Arbitrary<[string, string]>): fc.Arbitrary<string> {
  const members = fc.uniqueArray(fc.tuple(word, value), { maxLength: 4, selector: ([name]) => name });
  const all =
    fixed === undefined
      ? members
      : fc.tuple(members, fixed, fc.nat()).map(([list, one, at]) => list.toSpliced(at % (list.length + 1), 0, one));
  return fc
    .tuple(all, fc.array(fc.tuple(gap, gap, gap, gap), { minLength: 6, maxLength: 6 }), gap, fc.boolean())
    .map(([list, gaps, end, trailing]) => {
      const written = list.map(([name, text], at) => {
        const [a, b, c, d] = gaps[at % 6]!;
        return `${a}${JSON.stringify(name)}${b}:${c}${text}${d}`;
      });
      return `{${written.join(',')}${trailing && list.length > 0 ? ',' : ''}${end}}`;
    });
}

const jsonc = (container: string) =>
  fc
    .tuple(
      gap,
      fc.oneof(
        objectOf(jsonValue),
        objectOf(
          jsonValue,
          objectOf(objectOf(jsonValue)).map((servers): [string, string] => [container, servers]),
        ),
      ),
      gap,
    )
    .map((parts) => parts.join(''));

const hash = fc.oneof(
  fc.constant(''),
  fc.constant(''),
  remark.map((text) => ` # ${text}`),
);
const loose = fc.oneof(
  fc.constant(''),
  fc.constant('\n'),
  remark.map((text) => `# ${text}\n`),
);
const tomlValue = fc.oneof(
  scalar.map((value) => JSON.stringify(value)),
  fc.constant('2026-11-29T10:00:00Z'),
  fc.constant('1.50'),
  fc.constant("'literal # no comment'"),
  fc.constant('"""\n[not.a.table]\n# no comment\n"""'),
  fc
    .array(scalar, { maxLength: 3 })
    .map((items) => `[\n  ${items.map((item) => JSON.stringify(item)).join(', # c\n  ')}${items.length > 0 ? ',' : ''}\n]`),
  fc.tuple(word, scalar).map(([name, value]) => `{ ${name} = ${JSON.stringify(value)} }`),
);
const tomlLines = fc
  .uniqueArray(fc.tuple(loose, word, fc.constantFrom('=', ' = ', '   ='), tomlValue, hash), { maxLength: 4, selector: ([, name]) => name })
  .map((list) => list.map((parts) => parts.join('')).join('\n') + (list.length > 0 ? '\n' : ''));
const toml = (container: string) =>
  fc
    .tuple(
      tomlLines,
      fc.uniqueArray(
        fc.tuple(
          loose,
          fc.oneof(
            word.map((name) => other + name),
            word.map((name) => `${container}.s${name}`),
          ),
          hash,
          tomlLines,
        ),
        { maxLength: 4, selector: ([, name]) => name },
      ),
      loose,
      fc.boolean(),
    )
    .map(([top, tables, end, closed]) => {
      const text = top + tables.map(([before, name, after, lines]) => `${before}[${name}]${after}\n${lines}`).join('') + end;
      return closed ? text : text.replace(/\n+$/, '');
    });

const yamlScalar = fc.oneof(
  scalar.map((value) => JSON.stringify(value)),
  fc.constant("'it''s'"),
  fc.constant('plain words'),
  fc.constant('{a: 1, b: [x, y]}'),
  fc.constant('[]'),
);
function yamlMap(depth: number, indent: string, step: string): fc.Arbitrary<string> {
  const value = fc.oneof(
    fc.tuple(yamlScalar, hash).map(([text, after]) => ` ${text}${after}\n`),
    fc
      .tuple(fc.constantFrom('|', '|-', '>', '|+'), fc.integer({ min: 1, max: 2 }))
      .map(([style, blanks]) => ` ${style}\n${indent}${step}line # no comment\n${indent}${step}more\n${'\n'.repeat(blanks)}`),
    fc.array(yamlScalar, { minLength: 1, maxLength: 3 }).map((items) => `\n${items.map((item) => `${indent}${step}- ${item}\n`).join('')}`),
    ...(depth > 0 ? [fc.tuple(hash, yamlMap(depth - 1, indent + step, step)).map(([after, inner]) => `${after}\n${inner}`)] : []),
  );
  const before = fc.oneof(
    fc.constant(''),
    fc.constant(''),
    fc.constant('\n'),
    remark.map((text) => `${indent}# ${text}\n`),
  );
  return fc
    .uniqueArray(fc.tuple(before, word, value), { minLength: 1, maxLength: 4, selector: ([, name]) => name })
    .map((list) => list.map(([comment, name, text]) => `${comment}${indent}${name}:${text}`).join(''));
}
const yaml = (container: string) =>
  fc.constantFrom('  ', '    ').chain((step) =>
    fc
      .tuple(
        fc.oneof(
          fc.constant(''),
          remark.map((text) => `# ${text}\n`),
        ),
        yamlMap(2, '', step),
        fc.oneof(
          fc.constant(''),
          fc.constant(`${container}: {}\n`),
          fc.constant(`${container}:\n`),
          fc.tuple(hash, yamlMap(1, step, step)).map(([after, inner]) => `${container}:${after}\n${inner}`),
        ),
        yamlMap(1, '', step).map((text) => text.replaceAll(/^([a-z])/gm, `${other}$1`)),
      )
      .map((parts) => parts.join('')),
  );

const made: Record<ConfigLanguage, (container: string) => fc.Arbitrary<string>> = { jsonc, toml, yaml };

/** Any text of a language; its list of servers, if it has one, is `container`. Line ends of Unix or of Windows. */
export const configText = (language: ConfigLanguage, container: string): fc.Arbitrary<string> =>
  fc.tuple(made[language](container), fc.boolean()).map(([text, windows]) => (windows ? text.replaceAll('\n', '\r\n') : text));
