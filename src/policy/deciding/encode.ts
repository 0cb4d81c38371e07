import type { CedarValueJson } from '@cedar-policy/cedar-wasm/web';

const maxNodes = 2000;
const maxDepth = 32;
const maxText = 8192;
const maxDecimal = 9e14;

export interface Encoded {
  value: { [key: string]: CedarValueJson };
  /** Something was cut or could not be said in full: nothing may be decided on it. */
  truncated: boolean;
}

/**
 * Arguments as Cedar values, for any JSON. They come from a model, so they are hostile: `__entity` and `__extn` would otherwise become
 * real entities and extension values; null, fractions and lone surrogates would fail the whole request.
 * Null members are left out (policies ask with `has`), arrays become sets, fractions become decimals of four digits where they fit.
 * `only` names the members that policies look at; the others need not fit.
 */
export function encodeArguments(args: Readonly<Record<string, unknown>>, only?: ReadonlySet<string>): Encoded {
  const state = { nodes: 0, truncated: false };
  return { value: encodeRecord(only ? picked(args, only) : args, state, 0), truncated: state.truncated };
}

/** Looks up the few names that rules use, instead of walking through all that an agent sends. */
function picked(args: Readonly<Record<string, unknown>>, only: ReadonlySet<string>): Record<string, unknown> {
  const members = Object.create(null) as Record<string, unknown>;
  for (const name of only) {
    const key = unescapeKey(name);
    if (key !== undefined && Object.hasOwn(args, key)) members[key] = args[key];
  }
  return members;
}

interface State {
  nodes: number;
  truncated: boolean;
}

function encode(value: unknown, state: State, depth: number): CedarValueJson | undefined {
  if (++state.nodes > maxNodes || depth > maxDepth) {
    state.truncated = true;
    return undefined;
  }
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'string':
      return encodeText(value, state);
    case 'number':
      return encodeNumber(value, state);
    case 'bigint':
      return value.toString();
    case 'object':
      if (value === null) return undefined;
      if (!Array.isArray(value)) return encodeRecord(value as Record<string, unknown>, state, depth);
      return encodeAll(value, state, depth);
    default:
      return undefined;
  }
}

function encodeAll(values: readonly unknown[], state: State, depth: number): CedarValueJson[] {
  const out: CedarValueJson[] = [];
  for (const value of values) {
    const encoded = encode(value, state, depth + 1);
    if (encoded !== undefined) out.push(encoded);
    if (state.nodes > maxNodes) break;
  }
  return out;
}

function encodeRecord(value: Readonly<Record<string, unknown>>, state: State, depth: number): { [key: string]: CedarValueJson } {
  // Without a prototype `__proto__` is a member like any other.
  const out = Object.create(null) as { [key: string]: CedarValueJson };
  // Not its entries: of many members only the first ones are looked at.
  for (const key of Object.keys(value)) {
    const encoded = encode(value[key], state, depth + 1);
    if (encoded !== undefined) out[escapeKey(encodeText(key, state))] = encoded;
    if (state.nodes > maxNodes) break;
  }
  return out;
}

/** One `$` more before Cedar's reserved names; before names that already look escaped too, so that no two keys become one. */
export const escapeKey = (key: string): string => (/^\$*__(entity|extn|expr)$/.test(key) ? `$${key}` : key);

/** The reverse. Undefined where no key is escaped to this name. */
const unescapeKey = (name: string): string | undefined => {
  const bare = name.replace(/^\$(?=\$*__(?:entity|extn|expr)$)/, '');
  return escapeKey(bare) === name ? bare : undefined;
};

function encodeText(text: string, state: State): string {
  if (text.length > maxText || !text.isWellFormed()) {
    state.truncated = true;
    return text.slice(0, maxText).toWellFormed();
  }
  return text;
}

/** Cedar knows 64-bit integers and decimals of four digits; nothing is decided on what is neither. */
function encodeNumber(value: number, state: State): CedarValueJson {
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  const text = value.toFixed(4);
  if (Math.abs(value) < maxDecimal && Number(text) === value) return { __extn: { fn: 'decimal', arg: text } };
  // A rounded number is another one: 7.00001 is not 7.
  state.truncated = true;
  return String(value);
}
