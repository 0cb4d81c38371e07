import type { ServerEntry } from '../bundle/schema.ts';
import { type Era, modernVersion } from '../protocol/versions.ts';
import { enveloped, eraOf } from './connection/era.ts';
import type { Link, LinkContext } from './connection/link.ts';
import { openLegacyHttp } from './http/legacy-http.ts';
import { openModernHttp } from './http/modern-http.ts';
import { ask, jsonHeaders } from './http/post.ts';
import { type HttpTarget, openTarget } from './http/target.ts';
import { connectSse } from './sse/connect-sse.ts';
import { UpstreamError } from './upstream.ts';

/**
 * Connects in the era that is known, else finds out (protocol 2026-07-28, "Versioning"): `server/discover` first, and the legacy handshake where
 * nothing modern answers. A refused credential, a server that is down or busy say nothing of the era, so they end the attempt.
 */
export async function connectHttp(context: LinkContext, knownEra: Era | undefined, signal: AbortSignal): Promise<Link> {
  const { entry } = context;
  const target = openTarget(context);
  try {
    if (entry.transport === 'sse') return await openOld(target, context, signal);
    if (knownEra === 'legacy') {
      const link = await openLegacy(target, context, signal).catch((error: unknown) => legacyNoMore(error, entry));
      if (link) return link;
    }
    // Nothing need be said before the first call of this era; that call finds out where it is no longer so.
    if (knownEra === 'modern' && entry.era === 'auto') return openModernHttp(target, context);
    if (entry.era === 'modern') {
      if (await isModern(target, context, signal)) return openModernHttp(target, context);
      throw new UpstreamError('bad-answer', `it does not speak protocol ${modernVersion}`);
    }
    // Silence is no proof: it may only be slow to start. So the handshake follows, and who answers neither is asked once more.
    const modern = await isModern(target, context, AbortSignal.any([signal, AbortSignal.timeout(context.limits.probeMs)])).catch(
      (error: unknown) => {
        if (signal.aborted || !(error instanceof UpstreamError) || error.problem !== 'cancelled') throw error;
        return undefined;
      },
    );
    if (modern) return openModernHttp(target, context);
    try {
      return await openLegacy(target, context, signal);
    } catch (error) {
      if (modern === undefined && !signal.aborted && (await isModern(target, context, signal))) return openModernHttp(target, context);
      throw error;
    }
  } catch (error) {
    await target.close();
    throw error;
  }
}

/** Its era at present, asked beside whatever connection there is. */
export async function askEra(context: LinkContext, signal: AbortSignal): Promise<Era> {
  if (context.entry.transport === 'sse') return 'legacy';
  const target = openTarget(context);
  try {
    return (await isModern(target, context, signal)) ? 'modern' : 'legacy';
  } finally {
    await target.close();
  }
}

/** A server of the first revision (2024-11-05) knows no POST at its address, and says so in one of these ways; it is asked last. */
async function openLegacy(target: HttpTarget, context: LinkContext, signal: AbortSignal): Promise<Link> {
  try {
    return await openLegacyHttp(target, context, signal);
  } catch (error) {
    if (!(error instanceof UpstreamError) || ![400, 404, 405].includes(error.status ?? 0)) throw error;
    const link = await connectSse(target, context, signal);
    if (!link) throw error;
    return link;
  }
}

async function openOld(target: HttpTarget, context: LinkContext, signal: AbortSignal): Promise<Link> {
  const link = await connectSse(target, context, signal);
  if (!link) throw new UpstreamError('bad-answer', 'its answer is no event stream that says where to send messages, as "sse" has it');
  return link;
}

/** What was remembered or stated may be out of date; what the company states is not questioned. */
function legacyNoMore(error: unknown, entry: ServerEntry): undefined {
  if (entry.era === 'legacy' || !(error instanceof UpstreamError) || error.problem !== 'bad-answer') throw error;
}

async function isModern(target: HttpTarget, context: LinkContext, signal: AbortSignal): Promise<boolean> {
  const { status, outcome } = await ask({
    target,
    headers: [...jsonHeaders, 'mcp-protocol-version', modernVersion, 'mcp-method', 'server/discover'],
    method: 'server/discover',
    params: enveloped({}, { capabilities: {}, clientInfo: context.clientInfo }),
    id: 0,
    signal,
    limits: context.limits,
  });
  if (!(outcome instanceof UpstreamError)) {
    if (status >= 500) throw new UpstreamError('unreachable', `it answered HTTP ${status}`);
    return eraOf(outcome) === 'modern';
  }
  if (outcome.problem !== 'bad-answer' || status >= 500 || (status >= 300 && status < 400)) throw outcome;
  return false;
}
