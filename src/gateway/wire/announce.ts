import type { Log } from '../../base/log.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Address } from '../catalogue/address.ts';
import { scopedUri } from '../catalogue/names.ts';
import { type ListMethod, type Surface, surfaceKey } from '../catalogue/surface.ts';
import { visible } from '../catalogue/visible.ts';
import type { CallContext } from '../pipeline/call-context.ts';
import { notificationText } from './exchange.ts';
import type { ListenStream } from './request.ts';
import type { Session } from './sessions.ts';

const announcements: [string, ListMethod[]][] = [
  ['notifications/tools/list_changed', ['tools/list']],
  ['notifications/prompts/list_changed', ['prompts/list']],
  ['notifications/resources/list_changed', ['resources/list', 'resources/templates/list', 'skills/list']],
];

/** For an agent that comes back to a session from before a restart: every list may have changed. */
export const listChanges = announcements.map(([name]) => name);

interface Audience {
  sessions: Session[];
  listening: Iterable<ListenStream>;
}

/** Tells each agent with a stream open which of its lists are no longer what they were; nobody hears of what is hidden from them. */
export function announce(
  to: Audience & { before: Map<string, Surface>; surface: (address: Address, agent: string) => Surface; log: Log },
): void {
  const different = (address: Address, agent: string, method: ListMethod): boolean => {
    const old = to.before.get(surfaceKey(address, agent));
    // Never listed: there is nothing in the agent's hands that could be out of date.
    return old !== undefined && old.mark(method) !== to.surface(address, agent).mark(method);
  };
  for (const session of to.sessions) {
    // Without a stream it waits in the event log of the last one; an agent that never opened one does not listen.
    if (!session.track) continue;
    for (const [name, methods] of announcements)
      if (methods.some((method) => different(session.address, session.agent, method))) say(session, notificationText(name));
  }
  for (const listenStream of to.listening)
    for (const [name, methods] of announcements)
      if (methods.some((method) => listenStream.wants(method) && different(listenStream.address, listenStream.agent, method)))
        listenStream.send(listenStream.text(name, {}));
}

const say = (session: Session, message: string) => (session.stream ?? session.track)?.send(message);

/** notifications/resources/updated to those who subscribed and may still read it, under the URI that they know. */
export function resourceUpdated(to: Audience & { context: CallContext }, server: string, params: JsonObject): void {
  const { policy } = to.context;
  const own = params['uri'];
  if (!policy || typeof own !== 'string') return;
  // The two URIs under which agents may have subscribed. Looking through all subscriptions could be made slow by an agent and an upstream.
  const spelt = [own, scopedUri(server, own)];
  const deliver = (subscriber: Session | ListenStream, send: (params: JsonObject) => void) => {
    for (const uri of spelt) {
      const held = subscriber.subscriptions.get(uri);
      if (held?.server !== server || held.uri !== own) continue;
      if (to.context.upstream(server) && visible(policy, { action: 'read', server, name: held.uri, agent: subscriber.agent }))
        send({ ...params, uri });
    }
  };
  const method = 'notifications/resources/updated';
  for (const session of to.sessions) deliver(session, (update) => say(session, notificationText(method, update)));
  for (const listenStream of to.listening) deliver(listenStream, (update) => listenStream.send(listenStream.text(method, update)));
}
