import type { ServerEntry } from '../../company/bundle.ts';
import { enveloped, eraOf, modernVersion } from './era.ts';
import { openTarget, type Target } from './http.ts';
import { openLegacyHttp } from './legacy-http.ts';
import type { Link, LinkContext } from './link.ts';
import { openModernHttp } from './modern-http.ts';
import { ask, jsonHeaders } from './post.ts';
import { type Era, UpstreamError } from './upstream.ts';

/**
 * Connects in the era that is known, else finds out (protocol 2026-07-28, "Versioning"): `server/discover` first, and the legacy handshake where
 * nothing modern answers. A refused credential, a server that is down or busy say nothing of the era, so they end the attempt.
 */
export async function connectHttp(context: LinkContext, known: Era | undefined, signal: AbortSignal): Promise<Link> {
  const target = openTarget(context.entry.url!, context.limits);
  try {
    if (known === 'legacy') {
      const link = await openLegacyHttp(target, context, signal).catch((error: unknown) => legacyNoMore(error, context.entry));
      if (link) return link;
    }
    if (await isModern(target, context, signal)) return openModernHttp(target, context);
    if (context.entry.era === 'modern') throw new UpstreamError('bad-answer', `it does not speak protocol ${modernVersion}`);
    return await openLegacyHttp(target, context, signal);
  } catch (error) {
    await target.close();
    throw error;
  }
}

/** What was remembered or stated may be out of date; what the company states is not questioned. */
function legacyNoMore(error: unknown, entry: ServerEntry): undefined {
  if (entry.era === 'legacy' || !(error instanceof UpstreamError) || error.problem !== 'bad-answer') throw error;
}

async function isModern(target: Target, context: LinkContext, signal: AbortSignal): Promise<boolean> {
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
