// Of TC39's "JSON.parse source text access", which Node 24 has and TypeScript's library does not name yet.
const { rawJSON, isRawJSON } = JSON as unknown as { rawJSON(source: string): RawNumber; isRawJSON(value: unknown): boolean };

/** A number that JavaScript cannot hold, or would write differently. `JSON.stringify` writes it as it came, character for character. */
export interface RawNumber {
  readonly rawJSON: string;
}

export const rawNumber = (source: string): RawNumber => rawJSON(source);

export const isRawNumber = (value: unknown): value is RawNumber => isRawJSON(value);

/** Characters. Writing a long exponent out in decimals takes more than its length, and no id is near that long. */
const longestNumber = 1024;

/** The exact value of a JSON number, as one text for all its spellings. Undefined where it is no JSON number, or longer than 1,024 characters. */
export function decimalOf(source: string): string | undefined {
  if (source.length > longestNumber) return undefined;
  const parts = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source);
  if (!parts) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = parts;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 0x30) end--;
  if (end === 0) return '0';
  return `${sign}${digits.slice(0, end)}e${BigInt(power) - BigInt(fraction.length - (digits.length - end))}`;
}

/** Whether two JSON numbers are the same one, however they are spelt. */
export function sameNumber(source: string, other: string): boolean {
  const decimal = decimalOf(source);
  return decimal !== undefined && decimal === decimalOf(other);
}

/** The key of an id: the same for all spellings of one number, never the same for a text and a number. Undefined where it is no id. */
export function idKey(id: unknown): string | number | undefined {
  if (typeof id === 'string') return `"${id}`;
  if (Number.isSafeInteger(id)) return id as number;
  const source = typeof id === 'number' ? String(id) : isRawNumber(id) ? id.rawJSON : undefined;
  if (source === undefined) return undefined;
  const value = Number(source);
  return Number.isSafeInteger(value) && sameNumber(String(value), source) ? value : decimalOf(source);
}
