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
 * Connects in the known era, else finds out (protocol 2026-07-28, "Versioning"): `server/discover` first, then the legacy handshake if nothing
 * modern answers. A refused credential or a server that is down or busy says nothing about the era, so it ends the attempt.
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
    // This era has no handshake. The first call finds out if the server no longer speaks it.
    if (knownEra === 'modern' && entry.era === 'auto') return openModernHttp(target, context);
    if (entry.era === 'modern') {
      if (await isModern(target, context, signal)) return openModernHttp(target, context);
      throw new UpstreamError('bad-answer', `it does not speak protocol ${modernVersion}`);
    }
    // No answer is no proof: the server may only be slow to start. So the handshake follows, and a server that answers neither is asked once more.
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

/** Asks for the present era over a connection of its own. */
export async function askEra(context: LinkContext, signal: AbortSignal): Promise<Era> {
  if (context.entry.transport === 'sse') return 'legacy';
  const target = openTarget(context);
  try {
    return (await isModern(target, context, signal)) ? 'modern' : 'legacy';
  } finally {
    await target.close();
  }
}

/** A server of the first revision (2024-11-05) takes no POST at its address and answers with one of these statuses. Its transport is tried last. */
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
  if (!link)
    throw new UpstreamError(
      'bad-answer',
      'it did not answer with an event stream that says where to send messages, as transport "sse" requires',
    );
  return link;
}

/** A remembered era may be out of date, so the other one is tried next. An era that the company states is not questioned. */
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
