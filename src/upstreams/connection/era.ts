import { hash } from 'node:crypto';
import type { ServerEntry } from '../../bundle/schema.ts';
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts';
import { type Era, legacyVersions, modernVersion } from '../../protocol/versions.ts';
import { type Outcome, type Peer, UpstreamError } from '../upstream.ts';

const prefix = 'io.modelcontextprotocol/';
/** How long a verdict holds. */
export const verdictMs = 24 * 60 * 60 * 1000;

/** What was found out about an upstream's era. The owner may keep it over restarts. */
export interface KnownEra {
  era: Era;
  /** Milliseconds since the epoch. */
  at: number;
}
export interface KnownEras {
  get(key: string): KnownEra | undefined;
  set(key: string, verdict: KnownEra): void;
  /** Connecting failed, perhaps since the verdict is wrong. */
  drop(key: string): void;
}

/** Stands for what a verdict is about: not the name of an entry, but the server behind it now. A hash, since arguments may be confidential. */
export const verdictKey = ({ id, url, transport, launch, version }: ServerEntry): string =>
  hash('sha256', JSON.stringify([id, url, transport, launch, version]), 'base64url');

/**
 * A verdict is good for a day: an upgraded server goes on answering `initialize`, so `legacy` never corrects itself.
 * A verdict from the future comes from a clock that was wrong.
 */
export function remembered(verdicts: KnownEras, key: string, now: number): Era | undefined {
  const verdict = verdicts.get(key);
  return verdict && verdict.at <= now && now - verdict.at < verdictMs ? verdict.era : undefined;
}

/** SEP-2575: what a modern request carries instead of a session. Keys of the caller's own `_meta` stay. */
export function enveloped(
  params: JsonObject,
  peer: Pick<Peer, 'capabilities' | 'clientInfo' | 'logLevel'>,
  progressToken?: number,
): JsonObject {
  const meta: JsonObject = {
    ...(params['_meta'] as JsonObject | undefined),
    [`${prefix}protocolVersion`]: modernVersion,
    [`${prefix}clientCapabilities`]: peer.capabilities,
    [`${prefix}clientInfo`]: peer.clientInfo,
  };
  if (peer.logLevel !== undefined) meta[`${prefix}logLevel`] = peer.logLevel;
  if (progressToken !== undefined) meta['progressToken'] = progressToken;
  return { ...params, _meta: meta };
}

/** Errors that only the modern era knows: HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion. */
export const isModernError = (code: unknown): boolean => code === -32020 || code === -32021 || code === -32022;

/** What the answer to a `server/discover` says. Undefined: it knows nothing of it, so the legacy handshake comes next. */
export function eraOf(outcome: Outcome): 'modern' | undefined {
  if ('result' in outcome) {
    const versions = outcome.result['supportedVersions'];
    return Array.isArray(versions) && versions.includes(modernVersion) ? 'modern' : undefined;
  }
  if (!isModernError(outcome.error.code)) return undefined;
  const supported = isObject(outcome.error.data) ? outcome.error.data['supported'] : undefined;
  return Array.isArray(supported) && !supported.includes(modernVersion) ? undefined : 'modern';
}

/** Asks a server about itself, in either era: a legacy link has the answer from its handshake. */
export const asksAbout = 'server/discover';

/** The version that a legacy server settled on; what it says in its `initialize` result is checked before it is believed. */
export function agreedVersion(outcome: Outcome): { version: string; capabilities: JsonObject; about: JsonObject } {
  if ('error' in outcome) throw new UpstreamError('bad-answer', `it refused to initialize: ${outcome.error.message}`);
  const { protocolVersion, capabilities } = outcome.result;
  if (typeof protocolVersion !== 'string' || !legacyVersions.includes(protocolVersion))
    throw new UpstreamError('bad-answer', `it speaks protocol version ${JSON.stringify(protocolVersion)}, which Gatehouse does not know`);
  return { version: protocolVersion, capabilities: isObject(capabilities) ? capabilities : {}, about: outcome.result };
}
