import type { Upstream } from '../../upstreams/upstream.ts';
import type { Surface } from '../catalogue/surface.ts';
import { visible } from '../catalogue/visible.ts';
import type { CallContext } from '../pipeline/call-context.ts';
import type { Subscriber } from './request.ts';
import type { Held } from './sessions.ts';

interface Place {
  server: string;
  uri: string;
}

function placeOf(surface: Surface, asked: string): Place | undefined {
  const resource = surface.directory.findResource(asked);
  return resource && { server: resource.owner.id, uri: resource.uri };
}

/** The connection to read it on; undefined: the agent may not read it, or nobody has it. */
function readableOn({ server, uri }: Place, agent: string, { upstream, policy }: CallContext): Upstream | undefined {
  const on = upstream(server);
  if (!on || !policy) return undefined;
  const verdict = policy.decide({ action: 'read', server, name: uri, args: {}, agent });
  return verdict.effect === 'allow' && visible(policy, { action: 'read', server, name: uri, agent }) ? on : undefined;
}

/** False when the agent may not read it, or nobody has it. What is held on a connection that was replaced does not count. */
export async function subscribe(
  subscriber: Subscriber,
  surface: Surface,
  asked: string,
  context: CallContext,
  until?: AbortSignal,
): Promise<boolean> {
  const place = placeOf(surface, asked);
  const on = place && readableOn(place, subscriber.agent, context);
  if (!on) return false;
  if (subscriber.subscriptions.get(asked)?.on === on) return true;
  try {
    const { id, capabilities, clientInfo } = subscriber;
    const release = await on.subscribe(place.uri, { id, era: 'legacy', capabilities, clientInfo });
    if (until?.aborted || subscriber.over) {
      release();
      return false;
    }
    hold(subscriber, asked, { ...place, on, release });
    if (context.upstream(place.server) === on) return true;
  } catch {
    if (context.upstream(place.server) === on) return false;
  }
  // The connection was replaced in the meantime.
  return await subscribe(subscriber, surface, asked, context, until);
}

/** The rules changed: what is held on a connection that was replaced is held on the new one, what may not be read any more is let go. */
export function resubscribe(subscriber: Subscriber, surface: Surface, context: CallContext): void {
  for (const asked of [...subscriber.subscriptions.keys(), ...subscriber.resume.splice(0)]) {
    const held = subscriber.subscriptions.get(asked);
    const place = held ?? placeOf(surface, asked);
    const on = place && readableOn(place, subscriber.agent, context);
    if (on && held?.on === on) continue;
    held?.release();
    subscriber.subscriptions.delete(asked);
    if (on) subscriber.subscriptions.set(asked, { server: place.server, uri: place.uri, on, release: on.resubscribe(place.uri) });
  }
}

function hold(subscriber: Subscriber, asked: string, held: Held): void {
  subscriber.subscriptions.get(asked)?.release();
  subscriber.subscriptions.set(asked, held);
}
