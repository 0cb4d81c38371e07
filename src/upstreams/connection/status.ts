import type { Era } from '../../protocol/versions.ts';
import type { UpstreamStatus } from '../upstream.ts';
import type { Breaker } from './breaker.ts';

/** How an upstream stands, in the words of the window. */
export function statusOf(at: {
  trouble: Breaker['trouble'];
  link: { era: Era } | undefined;
  /** It crashed again and again, and is not started any more. */
  stuck: boolean;
  connecting: boolean;
  local: boolean;
  /** Its program may have to be downloaded first. */
  fetched: boolean;
  now: number;
}): UpstreamStatus {
  const { trouble, link } = at;
  const spoken = link ? { era: link.era } : {};
  if (at.stuck) return { state: 'failed', error: `it ended again and again; ${trouble?.error.message ?? 'see the log'}` };
  if (at.connecting) {
    const note = at.fetched ? { note: 'it may have to be downloaded first, which can take minutes' } : {};
    return { state: 'connecting', ...spoken, ...(trouble ? { error: trouble.error.message } : {}), ...note };
  }
  // A process that is up again has to answer once before its trouble is forgotten, but it is connected. Of a remote server only an answer says so.
  if (trouble && !(link && at.local && at.now >= trouble.retryAt))
    return { state: 'backing-off', ...spoken, error: trouble.error.message, retryAt: trouble.retryAt };
  return link ? { state: 'connected', ...spoken } : { state: 'idle' };
}
