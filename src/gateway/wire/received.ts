import { classify, type Message, type NoMessage, rpc } from '../../protocol/jsonrpc.ts';
import { leaveOutNulls } from './absent.ts';
import { indistinct } from './lookalikes.ts';

/** The one message that every reader sees in a body, or why there is none. */
export function received(body: unknown): Message | NoMessage {
  const message = classify(body);
  if (message.kind !== 'request' && message.kind !== 'notification') return message;
  const odd = message.kind === 'request' ? indistinct(message.params) : undefined;
  if (message.kind === 'request' && odd) return { kind: 'none', id: message.id, error: { code: rpc.invalidParams, message: odd } };
  leaveOutNulls(message.params);
  return message;
}
