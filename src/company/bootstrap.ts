import { z } from 'zod';
import { type ErrorValue, Failure, toErrorValue } from '../base/errors.ts';
import { readIfThere, replaceFile, setAside } from '../base/file.ts';
import { type Bootstrap, bootstrap as schema } from '../bundle/schema.ts';
import { centralUrl, mayPointTo } from './address.ts';
import { readJson, withDeadline } from './answer.ts';
import { asEd25519, keyThumbprints, type PinnedKey, pinnedThumbprints, thumbprint } from './keys.ts';

const path = '/.well-known/gatehouse-configuration';
const maxBytes = 1024 * 1024;

/** `keys`: thumbprints of the bundle keys that were last accepted from this central API. */
const cacheFormat = z.object({ format: z.literal(1), central: z.string(), keys: z.array(z.string()), bootstrap: z.unknown() });

export interface BootstrapResult {
  bootstrap: Bootstrap;
  /** True where the central API gave none that could be used: then `error` says why. */
  fromCache: boolean;
  error?: ErrorValue;
}

/**
 * Reads the company's configuration document and keeps it for the next start without a network.
 *
 * What is trusted: the address (from MDM or the person), TLS, and for the bundle's keys either the pin or the first document ever seen
 * from this address. Without a pin, each later document must keep at least one key of the one before, as a planned replacement does
 * (publish both, sign with the new, withdraw the old). One that replaces them all is refused and the last good one stays: whoever took
 * over the web server does not thereby hold the signing key. A pin overrules what was seen, in both directions.
 */
export async function fetchBootstrap(options: {
  fetch: typeof fetch;
  central: string;
  pinnedKey?: PinnedKey | undefined;
  cacheFile: string;
  signal: AbortSignal;
  timeoutMs?: number;
}): Promise<BootstrapResult> {
  const central = centralUrl(options.central);
  const cached = await readCache(options.cacheFile, central);
  // The pin may have changed since the cache was written: the cache must match the present one.
  const kept = cached && attempt(() => pin(cached.bootstrap, options.pinnedKey));
  try {
    const received = parse(await get(options, central), central);
    const bootstrap = pin(received, options.pinnedKey);
    const keys = keyThumbprints(bootstrap.bundle_jwks);
    if (options.pinnedKey === undefined && cached !== undefined && !keys.some((key) => cached.keys.includes(key))) {
      throw new Failure(
        'integrity',
        'The central API names other signing keys than before, and keeps none of the known ones.',
        'The last good configuration stays in use. If the company replaced its key, IT pins the new one with `bundleKey`; if not, report this.',
      );
    }
    const error = await writeCache(options.cacheFile, central, bootstrap, keys);
    return { bootstrap, fromCache: false, ...(error === undefined ? {} : { error }) };
  } catch (error) {
    if (options.signal.aborted || kept === undefined) throw error;
    return { bootstrap: kept, fromCache: true, error: toErrorValue(error) };
  }
}

/**
 * The document that was stored last, for a start that must not wait for the network. It must pass the same checks and match the present pin. Undefined
 * where there is none that can be used; `fetchBootstrap` runs in any case, and reports why.
 */
export async function keptBootstrap(options: {
  central: string;
  pinnedKey?: PinnedKey | undefined;
  cacheFile: string;
}): Promise<Bootstrap | undefined> {
  const cached = await readCache(options.cacheFile, centralUrl(options.central));
  return cached && attempt(() => pin(cached.bootstrap, options.pinnedKey));
}

async function get(options: { fetch: typeof fetch; signal: AbortSignal; timeoutMs?: number }, central: URL): Promise<unknown> {
  const url = central.href.replace(/\/$/, '') + path;
  return withDeadline(url, options.signal, options.timeoutMs ?? 15_000, async (signal) => {
    // No redirect: the address is what was trusted, not whatever it forwards to.
    const response = await options.fetch(url, { signal, redirect: 'error', cache: 'no-store', headers: { accept: 'application/json' } });
    if (response.status === 200) return await readJson(response, maxBytes);
    await response.body?.cancel();
    throw new Failure(
      response.status === 404 ? 'not-found' : 'unavailable',
      `${central.host} answered ${response.status} when asked for the company's configuration.`,
      'Check the address of the central API (`central`); if it is right, tell the people who run it.',
    );
  });
}

function parse(document: unknown, central: URL): Bootstrap {
  const fix = 'Tell the people who run the central API: its configuration document is at fault.';
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Failure('integrity', `The company's configuration is not valid: ${issue?.path.join('.')}: ${issue?.message}.`, fix);
  }
  const { endpoints, issuer, bundle_jwks } = parsed.data;
  for (const [name, url] of Object.entries({ issuer, ...endpoints })) {
    if (!mayPointTo(central, new URL(url))) {
      throw new Failure(
        'integrity',
        `The company's configuration points "${name}" at ${new URL(url).origin}, which is neither https nor its own origin.`,
        fix,
      );
    }
  }
  if (keyThumbprints(bundle_jwks).length === 0)
    throw new Failure('integrity', "The company's configuration names no Ed25519 key for bundles.", fix);
  return parsed.data;
}

function pin(bootstrap: Bootstrap, pinnedKey: PinnedKey | undefined): Bootstrap {
  if (pinnedKey === undefined) return bootstrap;
  const pinned = pinnedThumbprints(pinnedKey);
  const keys = bootstrap.bundle_jwks.keys.filter((key) => {
    const jwk = asEd25519(key);
    return jwk !== undefined && pinned.has(thumbprint(jwk));
  });
  if (keys.length > 0) return { ...bootstrap, bundle_jwks: { keys } };
  throw new Failure(
    'integrity',
    'The central API does not sign with the key that this machine was told to expect.',
    'Ask IT whether the key was replaced; then `bundleKey` must name the new one. If it was not, report this.',
  );
}

async function readCache(file: string, central: URL): Promise<{ bootstrap: Bootstrap; keys: string[] } | undefined> {
  const text = await readIfThere(file, 2 * maxBytes).catch(() => '');
  if (text === undefined) return undefined;
  const cache = attempt(() => cacheFormat.parse(JSON.parse(text)));
  // Of another central API: nothing in it says anything about this one.
  if (cache !== undefined && cache.central !== central.href) return undefined;
  const bootstrap = cache && attempt(() => parse(cache.bootstrap, central));
  if (cache !== undefined && bootstrap !== undefined) return { bootstrap, keys: cache.keys };
  await setAside(file, 'damaged').catch(() => {});
  return undefined;
}

/** A full disk costs the next start without a network, not this one. */
async function writeCache(file: string, central: URL, bootstrap: Bootstrap, keys: string[]): Promise<ErrorValue | undefined> {
  const content: z.input<typeof cacheFormat> = { format: 1, central: central.href, keys, bootstrap };
  try {
    await replaceFile(file, JSON.stringify(content));
    return undefined;
  } catch (cause) {
    return toErrorValue(
      new Failure('unavailable', `The company's configuration could not be kept in ${file}.`, 'Free disk space.', { cause }),
    );
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
