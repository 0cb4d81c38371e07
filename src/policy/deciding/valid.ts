import type { Options, ValidateFunction } from 'ajv';
import { _ } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { omissible } from './declared.ts';
import { type Instrumented, instrument } from './instrument.ts';
import { compilePattern } from './pattern.ts';

/** What the blessed `inputSchema` of a tool says of arguments. */
export interface Validator {
  /** Why the schema cannot be used, in words: then nothing is checked here, and whoever shows the tool says so. */
  unusable?: string;
  /** Place and reason of each keyword that cannot be used. All the others are. */
  dropped: readonly string[];
  /** Where the arguments do not fit, and what is expected there; undefined where they fit. */
  misfit(args: unknown): string | undefined;
  /** Declared, and not demanded: null there can stand for "left out". */
  mayBeLeftOut(name: string): boolean;
}

/**
 * Steps of one check. A step is one subschema looked at, or one character that a pattern is asked of: tens of nanoseconds each, so a check ends within
 * some 50 ms whatever schema and arguments are. Ordinary calls take dozens of steps.
 */
const maxSteps = 300_000;
let steps = 0;
class TooLong extends Error {}
function step(count = 1): true {
  steps += count;
  if (steps > maxSteps) throw new TooLong();
  return true;
}

/** Linear in the text, where JavaScript's own engine can be made to take years. Ajv tells engines' patterns apart by their `toString`. */
function engine(pattern: string) {
  const compiled = compilePattern(pattern);
  if (typeof compiled === 'string') throw new Error(compiled);
  return {
    test(text: string): boolean {
      step(text.length);
      return compiled.matcher(text).find();
    },
    toString: () => `/${pattern}/re2`,
  };
}
engine.code = 're2';

const options: Options = {
  strict: false,
  // An annotation (JSON Schema 2020-12, 7.2.1): servers differ in what they take for a date or an address.
  validateFormats: false,
  // `constructor` is no argument unless somebody sent it.
  ownProperties: true,
  addUsedSchema: false,
  // Every keyword is looked at before it gets here.
  meta: false,
  validateSchema: false,
  logger: false,
  code: { regExp: engine as unknown as NonNullable<NonNullable<Options['code']>['regExp']> },
};

let ajv: Ajv2020 | undefined;

function openAjv(): Ajv2020 {
  const ajv = new Ajv2020(options);
  ajv.addKeyword({ keyword: stepKeyword, schema: false, validate: () => step() });
  // Ajv compares each with each, which a long list makes a matter of minutes.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must NOT have duplicate items' },
    validate: (wanted: boolean, list: unknown[]) => !wanted || (step(weight(list)) && new Set(list.map(stable)).size === list.length),
  });
  // Ajv compares a value with each of the list, member by member; here it is looked up, and the size of the value counts as steps.
  ajv.removeKeyword('enum');
  ajv.addKeyword({
    keyword: 'enum',
    schemaType: 'array',
    error: { message: 'must be equal to one of the allowed values', params: ({ schemaCode }) => _`{allowedValues: ${schemaCode}}` },
    compile(allowed: unknown[]) {
      const allowedTexts = new Set(allowed.map(stable));
      return (value: unknown) => step(weight(value)) && allowedTexts.has(stable(value));
    },
  });
  ajv.removeKeyword('const');
  ajv.addKeyword({
    keyword: 'const',
    error: { message: 'must be equal to the allowed value', params: ({ schemaCode }) => _`{allowedValue: ${schemaCode}}` },
    compile(allowed: unknown) {
      const allowedText = stable(allowed);
      return (value: unknown) => step(weight(value)) && allowedText === stable(value);
    },
  });
  return ajv;
}
const stepKeyword = 'gatehouse-step';

/** How much there is to compare, counted no further than a check may go. */
function weight(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length / 64;
  if (typeof value !== 'object' || value === null) return 1;
  let sum = 1;
  // Written, sorted and hashed, a value costs some ten times a step.
  if (Array.isArray(value)) for (let at = 0; at < value.length && sum <= maxSteps; at++) sum += 10 + weight(value[at]);
  else
    for (const name in value) {
      if (sum > maxSteps) break;
      sum += 10 + name.length / 64 + weight((value as Record<string, unknown>)[name]);
    }
  return sum;
}

/** The same text for equal values, however their members are ordered. */
const stable = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );

const kept = new WeakMap<object, Validator>();
const readings = new WeakMap<object, Instrumented | string>();

/** Compiled at the first call of a tool, and kept for as long as its definition is. */
export function validatorOf(tool: object): Validator {
  const validator = kept.get(tool) ?? compile(readingOf(tool));
  kept.set(tool, validator);
  return validator;
}

function readingOf(tool: object): Instrumented | string {
  const cached = readings.get(tool);
  if (cached !== undefined) return cached;
  const schema = (tool as Record<string, unknown>)['inputSchema'];
  const made = schema === undefined ? 'it states none' : instrument(schema, stepKeyword, misread);
  readings.set(tool, made);
  return made;
}

function misread(pattern: string): string | undefined {
  const compiled = compilePattern(pattern);
  return typeof compiled === 'string' ? compiled : undefined;
}

const shown = 5;

/** What of a tool's schema is not checked, as a sentence. For lists of thousands: nothing is compiled but patterns. */
export function uncheckedOf(tool: object): string | undefined {
  const made = kept.get(tool)?.unusable ?? readingOf(tool);
  if (typeof made === 'string') return `The arguments are not checked, since the schema of the tool cannot be used: ${made}.`;
  const { length } = made.dropped;
  if (length === 0) return undefined;
  const more = length > shown ? ` and ${length - shown} more` : '';
  return `The arguments are checked, but not all of the schema can be used. Left out: ${made.dropped.slice(0, shown).join(', ')}${more}.`;
}

function compile(made: Instrumented | string): Validator {
  const unusable = (why: string): Validator => ({ unusable: why, dropped: [], misfit: () => undefined, mayBeLeftOut: () => false });
  if (typeof made === 'string') return unusable(made);
  const { schema, dropped } = made;
  ajv ??= openAjv();
  let check: ValidateFunction;
  try {
    check = ajv.compile(schema);
  } catch (error) {
    return unusable(`it cannot be compiled (${(error as Error).message.slice(0, 200)})`);
  } finally {
    // Ajv would hold what it compiled for good.
    ajv.removeSchema(schema);
  }
  let names: ReadonlySet<string> | undefined;
  return {
    dropped,
    misfit: (args) => misfit(check, args),
    mayBeLeftOut(name) {
      names ??= omissible(schema);
      return names.has(name);
    },
  };
}

function misfit(check: ValidateFunction, args: unknown): string | undefined {
  steps = 0;
  try {
    if (check(args)) return undefined;
  } catch (error) {
    // A schema that refers to itself in circles may overflow the stack.
    if (error instanceof TooLong || error instanceof RangeError) return 'they are too large to be checked against the schema of the tool';
    throw error;
  }
  const error = check.errors?.at(-1);
  const { additionalProperty, allowedValues, allowedValue } = (error?.params ?? {}) as Record<string, unknown>;
  const named = allowedValues ?? allowedValue ?? additionalProperty;
  const detail = named === undefined ? '' : ` (${JSON.stringify(named).slice(0, 160)})`;
  const where = error?.instancePath ? JSON.stringify(error.instancePath.slice(0, 200)) : 'the arguments';
  return `${where} ${error?.message ?? 'does not fit'}${detail}`;
}
