// biome-ignore-all lint/suspicious/noThenProperty: it is a keyword of schemas
// A schema with one odd part is still a schema: all the rest of it holds, and what does not is said. Nothing fits that the schema refuses, as far as
// it can be used, and nothing is refused that it allows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Options } from 'ajv';
import { Ajv } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { loadValidation, uncheckedOf, validatorOf } from '../../src/policy/deciding/validation.ts';

await loadValidation();
const of = (inputSchema: unknown) => validatorOf({ name: 'x', inputSchema });
const fits = (schema: unknown, args: unknown): boolean => of(schema).misfit(args) === undefined;

const uris = {
  '2020-12': ['json-schema.org/draft/2020-12/schema'],
  '2019-09': ['json-schema.org/draft/2019-09/schema'],
  'draft-07': ['json-schema.org/draft-07/schema', 'json-schema.org/draft-06/schema'],
};
const spellings = Object.entries(uris).flatMap(([draft, all]) =>
  all.flatMap((uri) => ['http', 'https'].flatMap((scheme) => ['', '#'].map((end) => [draft, `${scheme}://${uri}${end}`] as const))),
);

test('the root reference and trees hold in every draft, however its address is spelt', () => {
  const named = { type: 'object', properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: 'NODE' } } } };
  const closed = { ...named, required: ['name'], additionalProperties: false };
  const tree = (ref: string, rest: object) => ({ ...JSON.parse(JSON.stringify(closed).replace('NODE', ref)), ...rest });
  for (const [draft, $schema] of [...spellings, ['2020-12', undefined] as const]) {
    const anchor = draft === 'draft-07' ? { $id: '#node' } : { $anchor: 'node' };
    const trees: Record<string, unknown> = {
      '#': tree('#', { $schema }),
      'the root by its $id': tree('https://x.example/tree', { $schema, $id: 'https://x.example/tree#' }),
      'its own $id, inside': { $schema, ...tree('T0', { $id: 'T0' }) },
      definitions: { $schema, definitions: { 'a/b c': tree('#/definitions/a~1b%20c', {}) }, $ref: '#/definitions/a~1b%20c' },
      'an anchor': { $schema, definitions: { n: tree('#node', anchor) }, $ref: '#/definitions/n' },
      'a place that no keyword knows': { $schema, components: { n: tree('#/components/n', {}) }, allOf: [{ $ref: '#/components/n' }] },
    };
    for (const [title, schema] of Object.entries(trees)) {
      const about = `${title}, ${$schema}`;
      assert.deepEqual([of(schema).unusable, of(schema).dropped], [undefined, []], about);
      assert.ok(fits(schema, { name: 'a', children: [{ name: 'b', children: [] }] }), about);
      for (const wrong of [{}, { name: 7 }, { name: 'a', admin: true }, { name: 'a', children: [{ name: 'b', children: [{ name: 7 }] }] }])
        assert.ok(!fits(schema, wrong), `${about} ${JSON.stringify(wrong)}`);
    }
  }
});

test('references that depend on the way there are used where only one meaning is possible', () => {
  const text = { $dynamicAnchor: 'n', type: 'string' };
  const unambiguous = { $defs: { n: text }, properties: { a: { $dynamicRef: '#n' } } };
  assert.deepEqual([fits(unambiguous, { a: 'x' }), fits(unambiguous, { a: {} }), fits(unambiguous, { a: 7 })], [true, false, false]);
  const ambiguous = {
    $defs: { n: text, o: { $id: 'o', $defs: { n: { $dynamicAnchor: 'n' } } } },
    properties: { a: { $dynamicRef: '#n' } },
  };
  assert.match(of(ambiguous).dropped.join(), /^#\/properties\/a\/\$dynamicRef \(/);
  const recursive = { $schema: 'https://json-schema.org/draft/2019-09/schema', type: 'object', properties: { a: { $recursiveRef: '#' } } };
  assert.deepEqual([fits(recursive, { a: { a: {} } }), fits(recursive, { a: { a: 7 } })], [true, false]);
});

const look = '^(?!x)';
const open = { type: 'object', additionalProperties: false };
test('what cannot be used is left out alone and named; what hangs on it never turns into a refusal', () => {
  for (const [schema, left, wrong, right] of [
    [{ ...open, properties: { a: { type: 'string', pattern: look } } }, ['#/properties/a/pattern'], [{ a: 7 }, { b: 1 }], [{ a: 'x' }]],
    [{ ...open, properties: { a: { $ref: 'https://x.example/a' }, b: {} } }, ['#/properties/a/$ref'], [{ c: 1 }], [{ a: 1 }]],
    [{ ...open, properties: { a: { type: 'strnig' } } }, ['#/properties/a/type'], [{ b: 1 }], [{ a: 1 }]],
    [{ ...open, properties: { a: 7 } }, ['#/properties/a'], [{ b: 1 }], [{ a: 1 }]],
    [
      { minProperties: 1, not: { properties: { a: { pattern: look } } } },
      ['#/not', '#/not/properties/a/pattern'],
      [{}],
      [{ a: 'x' }, { a: 'y' }],
    ],
    [
      { oneOf: [{ properties: { a: { type: 'string', pattern: look } } }, { properties: { a: { type: 'string' } } }] },
      ['#/oneOf/0/properties/a/pattern'],
      [{ a: 7 }],
      [{ a: 'x' }],
    ],
    [
      { required: ['b'], if: { properties: { a: { pattern: look } } }, then: { required: ['c'] }, else: { required: ['d'] } },
      ['#/if', '#/if/properties/a/pattern'],
      [{}],
      [{ b: 1 }],
    ],
    [
      { properties: { a: { contains: { pattern: look, type: 'string' }, maxContains: 1 } } },
      ['#/properties/a/contains/pattern', '#/properties/a/maxContains'],
      [{ a: [7] }],
      [{ a: ['x', 'x', 'y'] }],
    ],
    [
      { ...open, patternProperties: { [look]: { type: 'string' }, '^x': { type: 'number' } } },
      ['#/additionalProperties', `#/patternProperties/${look}`],
      [{ x: 'a' }],
      [{ y: 'a' }],
    ],
    [
      {
        type: 'object',
        patternProperties: { [look]: true },
        allOf: [{ unevaluatedProperties: false }],
        properties: { n: { type: 'null' } },
      },
      [`#/patternProperties/${look}`],
      [{ n: 1 }],
      [],
    ],
    [
      { allOf: [{ patternProperties: { [look]: true } }], properties: { n: { type: 'null' } }, unevaluatedProperties: false },
      [`#/allOf/0/patternProperties/${look}`, '#/unevaluatedProperties'],
      [{ n: 1 }],
      [{ y: 1 }],
    ],
    [{ properties: { a: { pattern: look } }, unevaluatedProperties: false }, ['#/properties/a/pattern'], [{ b: 1 }], [{ a: 'x' }]],
    [
      {
        $defs: { a: { not: { $ref: '#/$defs/b' } }, b: { not: { $ref: '#/$defs/c' } }, c: { properties: { a: { pattern: look } } } },
        $ref: '#/$defs/a',
        required: ['r'],
      },
      ['#/$defs/a/not', '#/$defs/b/not', '#/$defs/c/properties/a/pattern'],
      [{}],
      [{ r: 1 }, { r: 1, a: 'x' }, { r: 1, a: 'y' }],
    ],
    [{ properties: { a: { items: [{ type: 'string' }], additionalItems: false } } }, [], [{ a: [7] }, { a: ['x', 1] }], [{ a: ['x'] }]],
    [
      { properties: { a: { prefixItems: [true], items: [{ type: 'string' }], minItems: 1 } } },
      ['#/properties/a/items'],
      [{ a: [] }],
      [{ a: [7, 7] }],
    ],
    [
      { $schema: 'http://json-schema.org/draft-07/schema#', ...open, properties: { a: {} }, dependentRequired: { a: ['b'] } },
      ['#/dependentRequired'],
      [{ b: 1 }],
      [{ a: 1 }],
    ],
    [
      JSON.parse('{"properties":{"__proto__":{"type":"string"},"a":{"type":"string"}}}'),
      ['#/properties/__proto__'],
      [{ a: 7 }],
      [{ b: 1 }],
    ],
  ] as [object, string[], object[], object[]][]) {
    const about = JSON.stringify(schema);
    assert.equal(of(schema).unusable, undefined, about);
    assert.deepEqual(
      of(schema)
        .dropped.map((notice) => notice.slice(0, notice.lastIndexOf(' (')))
        .sort(),
      [...left].sort(),
      about,
    );
    for (const args of wrong) assert.ok(!fits(schema, args), `${about} lets ${JSON.stringify(args)} through`);
    for (const args of right) assert.ok(fits(schema, args), `${about} refuses ${JSON.stringify(args)}: ${of(schema).misfit(args)}`);
    const words = uncheckedOf({ name: 'x', inputSchema: schema });
    if (left.length === 0) assert.equal(words, undefined);
    else
      assert.ok(
        left.slice(0, 5).every((place) => words!.includes(place)),
        words,
      );
  }
});

/** Names that stand for themselves in every language of patterns, and few enough to meet. */
const name = fc.constantFrom('a', 'b', 'ab', 'constructor', '$ref', 'x y');
const patterns = fc.constantFrom('^a', 'b$', '^[ab]+$', 'a.b', '\\s', '^\\S*$', '\\d', '^.$', '[^a]');
const defs = ['one', 'two', 'three'];
const count = fc.nat({ max: 3 });

/** Schemas that recurse through `#` and each other, in keywords that all drafts have or in those of one. */
const schemas = (draft: string) =>
  fc.letrec<{ schema: unknown; object: object }>((tie) => {
    const sub = tie('schema');
    const list = fc.array(sub, { minLength: 1, maxLength: 3 });
    const map = fc.dictionary(name, sub, { maxKeys: 3 });
    // A few of the keywords at a time: with all of them a document would be thousands of schemas.
    const keyed = (all: Record<string, fc.Arbitrary<unknown>>) =>
      fc
        .array(fc.oneof(...Object.entries(all).map(([key, arbitrary]) => arbitrary.map((value) => [key, value] as const))), {
          maxLength: 4,
        })
        .map((some): object => Object.fromEntries(some));
    // A reference below a member only: what refers to itself in place has no meaning.
    const ref = fc.constantFrom('#', ...defs.map((name) => `#/definitions/${name}`)).map(($ref) => ({ $ref }));
    const tuple = draft === '2020-12' ? 'prefixItems' : 'items';
    return {
      schema: fc.oneof(
        { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
        fc.boolean(),
        keyed({ type: fc.constantFrom('string', 'number', 'integer', 'boolean', 'array', 'object', 'null', ['string', 'null']) }),
        keyed({ enum: fc.uniqueArray(fc.constantFrom<unknown>('a', 1, null, { a: 1 }, [1]), { minLength: 1, maxLength: 3 }) }),
        keyed({ pattern: patterns, minLength: count, maxLength: count }),
        keyed({
          minimum: count,
          exclusiveMaximum: count,
          multipleOf: fc.constantFrom(1, 2, 0.5),
          const: fc.constantFrom(0, 'a', [1]),
        }),
        tie('object'),
      ),
      object: keyed({
        type: fc.constantFrom('object', 'array', ['object', 'array', 'string']),
        properties: fc.dictionary(name, fc.oneof(ref, sub), { maxKeys: 3 }),
        patternProperties: fc.dictionary(patterns, fc.oneof(ref, sub), { maxKeys: 2 }),
        additionalProperties: fc.oneof(fc.constant(false), ref, sub),
        propertyNames: keyed({ pattern: patterns }),
        required: fc.uniqueArray(name, { maxLength: 2 }),
        minProperties: count,
        dependencies: fc.dictionary(name, fc.oneof(sub, fc.uniqueArray(name, { maxLength: 2 })), { maxKeys: 2 }),
        items: fc.oneof(ref, sub),
        [tuple]: tuple === 'items' ? fc.oneof(ref, sub, list) : list,
        contains: sub,
        uniqueItems: fc.boolean(),
        allOf: list,
        anyOf: list,
        oneOf: list,
        not: sub,
        if: sub,
        then: sub,
        else: sub,
        ...(draft === 'draft-07'
          ? { additionalItems: sub }
          : {
              dependentRequired: fc.dictionary(name, fc.uniqueArray(name, { maxLength: 2 }), { maxKeys: 2 }),
              dependentSchemas: map,
              minContains: count,
              maxContains: count,
              unevaluatedProperties: fc.oneof(fc.constant(false), sub),
              unevaluatedItems: fc.oneof(fc.constant(false), sub),
            }),
      }),
    };
  });
const documents = (draft: 'draft-07' | '2019-09' | '2020-12') => {
  const { schema, object } = schemas(draft);
  return fc.tuple(object, fc.tuple(schema, schema, schema)).map(([root, all]) => ({
    $schema: `http${draft === 'draft-07' ? '' : 's'}://${uris[draft][0]}${draft === 'draft-07' ? '#' : ''}`,
    ...root,
    definitions: Object.fromEntries(defs.map((name, at) => [name, all[at]])),
  }));
};
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom<unknown>('a', 'ab', 'b', '', '1', '\u00a0', 'a\rb', '😀', 0, 1, 2, 1.5, true, null),
    fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}));
const objects = fc.dictionary(name, values, { maxKeys: 4, noNullPrototype: true });

const plainOptions: Options = { strict: false, validateFormats: false, ownProperties: true, logger: false };
/** What Ajv says by itself; nothing where it cannot read the schema or ends in its own recursion. */
function plainly(draft: string, schema: object): ((args: unknown) => boolean | undefined) | undefined {
  const ajv = new { 'draft-07': Ajv, '2019-09': Ajv2019, '2020-12': Ajv2020 }[draft]!(plainOptions);
  try {
    const check = ajv.compile(schema);
    return (args) => {
      try {
        return check(args) as boolean;
      } catch {
        return undefined;
      }
    };
  } catch {
    return undefined;
  }
}

for (const draft of ['draft-07', '2019-09', '2020-12'] as const) {
  test(`${draft}: where nothing is left out, the verdict is plain Ajv's`, () => {
    const seen = { true: 0, false: 0 };
    fc.assert(
      fc.property(documents(draft), fc.array(objects, { minLength: 12, maxLength: 12 }), (schema, all) => {
        const [ours, theirs] = [of(schema), plainly(draft, schema)];
        assert.ok(theirs, `plain Ajv cannot read it: ${JSON.stringify(schema)}`);
        assert.deepEqual([ours.unusable, ours.dropped], [undefined, []]);
        for (const args of all) {
          const wanted = theirs(args);
          if (wanted === undefined) continue;
          seen[`${wanted}`]++;
          assert.equal(ours.misfit(args) === undefined, wanted, `${JSON.stringify(args)}: ${ours.misfit(args)}`);
        }
      }),
      { numRuns: 150, seed: 5 },
    );
    assert.ok(seen.true > 300 && seen.false > 300, JSON.stringify(seen));
  });

  test(`${draft}: what is left out lets more through, never less, whatever it stands in`, () => {
    const seen = { dropped: 0, refused: 0, looser: 0 };
    // It looks ahead at nothing: to JavaScript the same pattern, to RE2 none.
    const hard = (schema: unknown): unknown =>
      JSON.parse(JSON.stringify(schema), (key, member: unknown) => {
        if (key === 'pattern' && typeof member === 'string') return `(?=)${member}`;
        if (key !== 'patternProperties') return member;
        return Object.fromEntries(
          Object.entries(member as object).map(([pattern, part], at) => [at === 0 ? `(?=)${pattern}` : pattern, part]),
        );
      });
    fc.assert(
      fc.property(documents(draft), fc.array(objects, { minLength: 12, maxLength: 12 }), (plain, all) => {
        const schema = hard(plain) as object;
        const [ours, theirs] = [of(schema), plainly(draft, schema)];
        assert.equal(ours.unusable, undefined);
        if (ours.dropped.length === 0) return;
        seen.dropped++;
        for (const args of all) {
          const wanted = theirs?.(args);
          const said = ours.misfit(args);
          if (said === undefined && wanted === false) seen.looser++;
          if (said !== undefined && wanted === false) seen.refused++;
          if (wanted === true) assert.equal(said, undefined, JSON.stringify(args));
        }
      }),
      { numRuns: 150, seed: 6 },
    );
    assert.ok(seen.dropped > 15 && seen.refused > 50 && seen.looser > 10, JSON.stringify(seen));
  });
}

test('whatever stands in a schema, it is read: only what makes no sense is left out', () => {
  const keywords = fc.constantFrom(
    ...'$ref $id $anchor $dynamicRef $dynamicAnchor $recursiveRef $schema $defs definitions type enum const pattern items prefixItems'.split(
      ' ',
    ),
    ...'additionalItems properties patternProperties additionalProperties propertyNames required dependencies dependentRequired'.split(' '),
    ...'dependentSchemas allOf anyOf oneOf not if then else contains minContains maxContains minimum exclusiveMinimum multipleOf'.split(
      ' ',
    ),
    ...'maxLength uniqueItems unevaluatedItems unevaluatedProperties nullable format default $async discriminator id toString valueOf'.split(
      ' ',
    ),
  );
  const { junk } = fc.letrec<{ junk: unknown }>((tie) => ({
    junk: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.constantFrom<unknown>(
        null,
        true,
        false,
        0,
        -1,
        1.5,
        '',
        '#',
        '#/',
        '#a',
        '#/$defs/a',
        'a',
        'string',
        '(',
        '(?=a)',
        '\\',
        '%',
        '~2',
      ),
      fc.dictionary(keywords, tie('junk'), { maxKeys: 4 }),
      fc.array(tie('junk'), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(keywords, junk, { maxKeys: 5 }), objects, (all, args) => {
      // As JSON has it; JavaScript's own surprises among the names are in it.
      const { $schema: _, ...schema } = JSON.parse(JSON.stringify(all)) as Record<string, unknown>;
      const { unusable, misfit } = of(schema);
      assert.equal(unusable, undefined);
      misfit(args);
    }),
    { numRuns: 400, seed: 7 },
  );
});

test('a pattern means what JavaScript makes of it, or it is left out', () => {
  const atom = fc
    .constantFrom(
      'a',
      'b',
      '.',
      '\\s',
      '\\S',
      '\\w',
      '\\W',
      '\\d',
      '\\D',
      '\\b',
      '\\B',
      '^',
      '$',
      '[a-c]',
      '[^a]',
      '[\\s-]',
      '[\\S\\n]',
      '[.]',
    )
    .chain((atom) =>
      fc.constantFrom(
        atom,
        '\\u00e9',
        '\\u{1f600}',
        '\\ud83d\\ude00',
        '\\x41',
        '\\cJ',
        '\\0',
        '[^]',
        '[]',
        '[[:a]',
        '\\/',
        '[\\b]',
        '\\p{Lu}',
        '😀',
        '[--a]',
        '(?=a)',
        '\\1',
      ),
    );
  const whole = fc
    .array(fc.tuple(atom, fc.constantFrom('', '', '*', '+?', '?', '{2}', '{1,}', '|')), { minLength: 1, maxLength: 5 })
    .chain((parts) =>
      fc
        .constantFrom('%', '(%)', '(?:%)+', '(?<n>%)', '^%$')
        .map((frame) => frame.replace('%', () => parts.map((part) => part.join('')).join(''))),
    );
  const text = fc.array(
    fc.constantFrom('a', 'b', 'A', 'é', '1', ' ', '\u00a0', '\n', '\r', '\u2028', '😀', '\0', '\b', '-', '[', '/', '_'),
    { maxLength: 5 },
  );
  let compared = 0;
  fc.assert(
    fc.property(whole, fc.array(text, { minLength: 6, maxLength: 6 }), (pattern, all) => {
      let theirs: RegExp;
      try {
        theirs = new RegExp(pattern, 'u');
      } catch {
        return;
      }
      const { dropped, misfit } = of({ properties: { a: { pattern } } });
      if (dropped.length > 0) return assert.match(pattern, /\(\?=|\\1/);
      for (const characters of all) {
        compared++;
        assert.equal(
          misfit({ a: characters.join('') }) === undefined,
          theirs.test(characters.join('')),
          `${pattern} on ${JSON.stringify(characters.join(''))}`,
        );
      }
    }),
    { numRuns: 300, seed: 8 },
  );
  assert.ok(compared > 1000, String(compared));
});
