import { z } from 'zod';
import { isObject } from './json-schema.ts';
import { unusableSchema } from './output-schema.ts';
import { annotated } from './parameters.ts';
import { skill } from './skill.ts';

type Json = Record<string, unknown>;
export type Kind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates' | 'skills';

const text = z.string().optional();
const named = {
  name: z.string(),
  title: text,
  description: text,
  icons: z
    .array(
      z.looseObject({
        src: z.string(),
        mimeType: text,
        sizes: z.array(z.string()).optional(),
        theme: z.enum(['light', 'dark']).optional(),
      }),
    )
    .optional(),
  _meta: z.looseObject({}).optional(),
};
const annotations = z
  .looseObject({
    audience: z.array(z.enum(['user', 'assistant'])).optional(),
    priority: z.number().min(0).max(1).optional(),
    lastModified: z.iso.datetime({ offset: true }).optional(),
  })
  .optional();
const hint = z.boolean().optional();
/** A record of objects, checked by hand since a bundle has thousands of them, and the app reads it before it answers anybody. */
const properties = z
  .unknown()
  .superRefine((value, context) => {
    const fault = (path: string[], input: unknown) => context.addIssue({ code: 'invalid_type', expected: 'object', path, input });
    if (value === undefined) return;
    if (!isObject(value)) return fault([], value);
    for (const name of Object.keys(value)) if (!isObject(value[name])) fault([name], value[name]);
  })
  .optional();
const argumentsSchema = z.looseObject({ $schema: text, type: z.literal('object'), properties, required: z.array(z.string()).optional() });

/**
 * What the specification (2026-07-28, schema.ts) asks of a definition, and what older revisions ask beyond that: an agent that cannot read one
 * definition refuses the list of all servers. Members that no revision names are let pass.
 */
const kinds = {
  tools: z.looseObject({
    ...named,
    inputSchema: argumentsSchema,
    outputSchema: z.looseObject({ $schema: text }).optional(),
    annotations: z
      .looseObject({ title: text, readOnlyHint: hint, destructiveHint: hint, idempotentHint: hint, openWorldHint: hint })
      .optional(),
    execution: z.looseObject({ taskSupport: z.enum(['required', 'optional', 'forbidden']).optional() }).optional(),
  }),
  prompts: z.looseObject({
    ...named,
    arguments: z.array(z.looseObject({ name: z.string(), description: text, required: hint })).optional(),
  }),
  resources: z.looseObject({ ...named, uri: z.string(), mimeType: text, size: z.number().optional(), annotations }),
  resourceTemplates: z.looseObject({ ...named, uriTemplate: z.string(), mimeType: text, annotations }),
  skills: skill,
  serverInfo: z.looseObject({ ...named, version: z.string(), websiteUrl: text }),
};

/** A definition that every agent can read, with the parts that were removed and why; or why it cannot be listed at all. */
export type Mended = { definition: Json; without: { part: string; why: string }[] } | { why: string };

/** Repairing one fault may show another below it. Each round repairs all faults that it sees. */
const mostRounds = 8;

/**
 * INVARIANT: what it returns as a definition comes back unchanged when it is mended again. A definition that needs no repair is returned as the
 * same object.
 */
export function mended(kind: Kind | 'serverInfo', original: Json): Mended {
  const without: { part: string; why: string }[] = [];
  let definition = original;
  for (let round = 0; round < mostRounds; round++) {
    const issues = kinds[kind].safeParse(definition).error?.issues;
    if (issues === undefined) return kind === 'tools' ? usableTool(definition, without) : { definition, without };
    for (const issue of issues) {
      const value = at(definition, issue.path);
      const repair = kind === 'skills' ? undefined : repairOf(issue, value);
      if (repair === undefined) return { why: sentence(issue, value) };
      if (repair.told) without.push({ part: repair.path.join('.'), why: sentence(issue, value) });
      definition = changed(definition, repair.path, repair.to) as Json;
    }
  }
  return { why: 'it has too many faults' };
}

interface Repair {
  path: readonly PropertyKey[];
  /** Undefined: the part is removed. */
  to: unknown;
  /** Whether the repair is reported: something is lost that may have had a meaning. */
  told: boolean;
}

/** Parts that are only for display, or hints whose absence is the careful choice. */
const dispensable: Record<string, number> = { icons: 1, annotations: 2, execution: 2 };

/** Repairs only what can have had one meaning, or what nobody could have used. */
function repairOf({ code, path, ...more }: z.core.$ZodIssue, value: unknown): Repair | undefined {
  const last = path.at(-1);
  const parent = path.at(-2);
  const isMember = typeof last === 'string' && parent !== 'properties';
  // Most languages write null for an optional member. If it is required, the next round finds it missing.
  if (value === null && isMember) return { path, to: undefined, told: false };
  // JSON Schema's own short forms.
  if (typeof value === 'boolean' && parent === 'properties') return { path, to: value ? {} : { not: {} }, told: false };
  const expected = (more as { expected?: string }).expected;
  // PHP writes an empty object as an empty list.
  if (code === 'invalid_type' && (expected === 'object' || expected === 'record') && Array.isArray(value) && value.length === 0)
    return { path, to: {}, told: false };
  const depth = dispensable[String(path[0])];
  return depth === undefined ? undefined : { path: path.slice(0, depth), to: undefined, told: true };
}

function usableTool(definition: Json, without: { part: string; why: string }[]): Mended {
  if (annotated(definition['inputSchema']) === undefined)
    return { why: 'its inputSchema has an x-mcp-header that the specification forbids' };
  const output = definition['outputSchema'] as Json | undefined;
  const unusable = output && unusableSchema(output);
  if (unusable === undefined) return { definition, without };
  const { outputSchema: _, ...rest } = definition;
  return { definition: rest, without: [...without, { part: 'outputSchema', why: `it cannot be compiled: ${unusable}` }] };
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return current;
}

/** A copy with the value at one place replaced, or removed where `to` is undefined. Nothing changes where the place is gone. */
function changed(value: unknown, [key, ...below]: readonly PropertyKey[], to: unknown): unknown {
  if (key === undefined) return to;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return value;
  if (Array.isArray(value)) return value.with(Number(key), changed(value[Number(key)], below, to));
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      if (name !== key) return [[name, member]];
      const next = changed(member, below, to);
      return next === undefined ? [] : [[name, next]];
    }),
  );
}

function sentence(issue: z.core.$ZodIssue, value: unknown): string {
  const place = issue.path.length === 0 ? 'it' : `its ${issue.path.map(String).join('.').slice(0, 200)}`;
  if (value === undefined) return `${place} is missing`;
  if (issue.code === 'invalid_type')
    return `${place} is ${kindOf(value)}, not ${article(issue.expected === 'record' ? 'object' : issue.expected)}`;
  if (issue.code === 'invalid_value')
    return `${place} is ${shown(value)}, not ${issue.values.map((allowed) => JSON.stringify(allowed)).join(' or ')}`;
  if (issue.code === 'invalid_format' && issue.format === 'datetime') return `${place} is no date and time with an offset (RFC 3339)`;
  return `${place} is not valid: ${issue.message.replace(/\.$/, '')}`;
}

const article = (noun: string): string => (noun === 'array' ? 'a list' : /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);
const shown = (value: unknown): string =>
  isObject(value) || Array.isArray(value) ? kindOf(value) : (JSON.stringify(value) ?? '').slice(0, 80);
const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'a list' : article(typeof value));
