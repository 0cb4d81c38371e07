import { classify, type Message, type NoMessage, rpc } from '../../protocol/jsonrpc.ts';
import { leaveOutNulls } from './absent.ts';
import { twins } from './lookalikes.ts';

/** A body as the one message that it is to every reader, or why it is none. */
export function received(body: unknown): Message | NoMessage {
  const message = classify(body);
  if (message.kind !== 'request' && message.kind !== 'notification') return message;
  const doubled = message.kind === 'request' ? twins(message.params) : undefined;
  if (message.kind === 'request' && doubled) {
    const text = `An object in params has the members ${doubled.join(' and ')}, which are one to servers that do not mind case. Rename one of them.`;
    return { kind: 'none', id: message.id, error: { code: rpc.invalidParams, message: text } };
  }
  leaveOutNulls(message.params);
  return message;
}
