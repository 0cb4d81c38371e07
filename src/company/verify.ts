import { compactVerify } from 'jose';
import { Failure } from '../base/errors.ts';
import { type Bootstrap, type Bundle, bundle as schema } from '../bundle/schema.ts';
import { findKey } from './keys.ts';

/** The largest bundle that is looked at, as a compact JWS. */
export const maxBundleBytes = 32 * 1024 * 1024;
/** How far the clocks of a laptop and a server may differ. */
const skewMs = 10 * 60_000;
/** RFC 9864 names the curve; RFC 8037's older name is the same thing, since only Ed25519 keys are ever found. */
const algorithms = new Set(['Ed25519', 'EdDSA']);

/** The highest version that was ever accepted for a person, and when that one was issued. */
export interface HighMark {
  version: number;
  issuedAt: string;
}

/** Checks that the header of a compact JWS (RFC 7515) has the one form we know, and returns the key id in it. Nothing in it is trusted yet. */
export function kidOf(jws: string): string {
  if (jws.length > maxBundleBytes) throw refused('it is larger than 32 MiB');
  const parts = jws.split('.', 4);
  if (parts.length !== 3) throw refused('it is not a compact JWS');
  const [header] = parts as [string, string, string];
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(decode(header).toString('utf8')) as Record<string, unknown>;
  } catch {
    throw refused('its header is not JSON');
  }
  if (typeof fields !== 'object' || fields === null) throw refused('its header is not an object');
  if (!algorithms.has(fields['alg'] as string)) throw refused(`its algorithm is not Ed25519`);
  if (fields['typ'] !== 'gatehouse-bundle+jws') throw refused('it is not marked as a bundle');
  if (typeof fields['kid'] !== 'string') throw refused('it does not name its key');
  // `crit` and `b64` change what the signature means; we know neither, and RFC 7515 section 4.1.11 says to refuse then.
  if ('crit' in fields || 'b64' in fields) throw refused('it asks for extensions that Gatehouse does not have');
  // Decoders skip what they do not know; a second spelling of the same bytes must not pass (RFC 7515 section 2).
  for (const part of parts) decode(part);
  return fields['kid'];
}

/** What was signed, or a Failure with the code `integrity`. Only the keys in `jwks` are trusted, never one that the JWS brings along. */
export async function verifySignature(jws: string, jwks: Bootstrap['bundle_jwks']): Promise<Uint8Array> {
  const kid = kidOf(jws);
  const key = findKey(jwks, kid);
  if (key === undefined) throw refused(`it is signed with a key that the company did not name (${kid.slice(0, 64)})`);
  try {
    return (await compactVerify(jws, key, { algorithms: [...algorithms] })).payload;
  } catch {
    throw refused('its signature is wrong');
  }
}

/**
 * The bundle in a payload whose signature is good, or a Failure with the code `integrity`. `last` is the high mark: an older version, or an older
 * issue of the same version, is a replay.
 */
export function readBundle(payload: Uint8Array, options: { company: string; now: number; last?: HighMark | undefined }): Bundle {
  const value = parse(payload);
  if (value.company.id !== options.company) throw refused(`it was made for another company (${value.company.id})`);
  const issuedAt = Date.parse(value.issuedAt);
  if (issuedAt > Date.parse(value.staleAfter) || Date.parse(value.staleAfter) > Date.parse(value.notAfter)) {
    throw refused('its dates are not in order');
  }
  if (issuedAt > options.now + skewMs) {
    throw refused(
      `it was issued in the future (${value.issuedAt})`,
      "Set this machine's clock right; if it is, tell the people who run the central API.",
    );
  }
  const { last } = options;
  if (last !== undefined && value.version < last.version) {
    throw refused(
      `its version ${value.version} is older than version ${last.version}, which this machine has seen`,
      'If the central API was restored from a backup, its administrator raises `minimum_bundle_version` above the version named here.',
    );
  }
  if (last !== undefined && value.version === last.version && issuedAt < Date.parse(last.issuedAt)) {
    throw refused(`it is an earlier issue of version ${value.version} than the one this machine has seen`);
  }
  return value;
}

function parse(payload: Uint8Array): Bundle {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    throw refused('its content is not JSON');
  }
  const format = (document as { format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > 2) {
    throw refused(`its format ${format} is newer than this Gatehouse understands`, 'Install the current version of Gatehouse.');
  }
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refused(`its content is not valid (${issue?.path.join('.')}: ${issue?.message})`);
}

function decode(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw refused('it is not in base64url');
  return bytes;
}

function refused(
  why: string,
  fix = 'The last good bundle stays in use until it expires. Tell the people who run the central API.',
): Failure {
  return new Failure('integrity', `A bundle was refused: ${why}.`, fix);
}
