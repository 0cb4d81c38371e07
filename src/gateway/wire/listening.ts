import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Stream } from '../http/answer.ts';
import type { Incoming, ListenStream } from './request.ts';

/** Messages that may wait for the acknowledgement; equal ones are sent once. */
const mostHeld = 1000;

/** A modern `subscriptions/listen`: it collects changes from its beginning on, and sends them after the acknowledgement. */
export function openListenStream(incoming: Incoming, stream: Stream, text: ListenStream['text'], wishes: JsonObject): ListenStream {
  const wanted = new Set<string>();
  if (wishes['toolsListChanged'] === true) wanted.add('tools/list');
  if (wishes['promptsListChanged'] === true) wanted.add('prompts/list');
  if (wishes['resourcesListChanged'] === true)
    for (const method of ['resources/list', 'resources/templates/list', 'skills/list']) wanted.add(method);
  let held: Set<string> | undefined = new Set();
  const listenStream: ListenStream = {
    id: `modern:${incoming.agent}:${incoming.address.path}`,
    agent: incoming.agent,
    address: incoming.address,
    subscriptions: new Map(),
    resume: [],
    over: false,
    capabilities: {},
    clientInfo: { name: incoming.agent, version: '' },
    send(message) {
      if (!held) stream.send(message);
      else if (held.size < mostHeld) held.add(message);
    },
    acknowledge(message) {
      stream.send(message);
      for (const waiting of held ?? []) stream.send(waiting);
      held = undefined;
    },
    text,
    wants: (method) => wanted.has(method),
    finish: () => stream.end(),
  };
  stream.onClose(() => {
    listenStream.over = true;
    for (const { release } of listenStream.subscriptions.values()) release();
  });
  return listenStream;
}
