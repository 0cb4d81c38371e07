import { isMessage, type JsonObject } from '../../protocol/jsonrpc.ts';
import { legacyVersions } from '../../protocol/versions.ts';
import type { LinkContext } from '../connection/link.ts';
import { type Inbox, openInbox } from '../messages/inbox.ts';
import { Pending } from '../messages/pending.ts';
import { type Outcome, type UpstreamCall, UpstreamError } from '../upstream.ts';

/** One channel that all agents share: a process's pipe, or the stream of an old server. No request id is used twice. */
export interface Pipe {
  inbox: Inbox;
  nextId(): number;
  send(message: JsonObject): boolean;
  /** Gatehouse's own request on the pipe. */
  ask(method: string, params: JsonObject, signal: AbortSignal, timeoutMs: number): Promise<Outcome>;
  /** Takes a message, or the reason why it could not be read. False: too many came, the pipe should be cut off. */
  take(message: unknown, error?: UpstreamError): boolean;
  /** Set by the link once it is open. */
  onEnd(error: UpstreamError): void;
  /** Set by a link that wants to see each message first. True: the link has dealt with it. */
  onMessage(message: JsonObject): boolean;
  close(): Promise<void>;
}

/**
 * What Gatehouse says it can do for a server that all agents share. Questions to a person or a model are put to the agent whose call is
 * running. Roots are not offered: one agent's folders would become what the server lets every other agent touch.
 */
const offered = {
  sampling: {},
  elicitation: { form: {}, url: {} },
  extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } },
};

/** `write` returns false if the other side does not read what it is sent. */
export function openPipe(
  context: LinkContext,
  channel: { write(text: string, message: JsonObject): boolean; close(): Promise<void> },
): Pipe {
  let lastId = 0;
  const send = (message: JsonObject) => channel.write(JSON.stringify({ jsonrpc: '2.0', ...message }), message);
  const inbox = openInbox(context, send, ['roots/list']);
  const pipe: Pipe = {
    inbox,
    nextId: () => ++lastId,
    send,
    onEnd() {},
    onMessage: () => false,
    take(message, error) {
      if (isMessage(message) && pipe.onMessage(message)) return true;
      return inbox.receive(message, undefined, error);
    },
    ask(method, params, signal, timeoutMs) {
      return new Promise((resolve, reject) => {
        const peer = { id: '', era: 'legacy' as const, capabilities: {}, clientInfo: context.clientInfo };
        const call: UpstreamCall = { method, params, signal, peer };
        const pending = new Pending(pipe.nextId(), call, { timeoutMs, messages: 1000 }, { gone() {}, ended: inbox.ended, resolve, reject });
        inbox.calls.set(pending.id, pending);
        if (!send({ id: pending.id, method, params })) pending.fail(new UpstreamError('closed', 'it does not read what it is sent'));
      });
    },
    close: channel.close,
  };
  return pipe;
}

/** The handshake of the legacy era; `notifications/initialized` is the caller's to send. */
export const initialize = (pipe: Pipe, context: LinkContext, signal: AbortSignal): Promise<Outcome> =>
  pipe.ask(
    'initialize',
    { protocolVersion: legacyVersions[0], capabilities: offered, clientInfo: context.clientInfo },
    signal,
    context.startMs,
  );
