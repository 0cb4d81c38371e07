import type { RpcError } from '../../protocol/jsonrpc.ts';
import { modernVersion } from '../../protocol/versions.ts';
import { enveloped } from '../connection/era.ts';
import type { Link, LinkContext } from '../connection/link.ts';
import { deadlineOf, Pending, repeatable, wantsProgress } from '../messages/pending.ts';
import { type Outcome, Outgrown, type UpstreamCall } from '../upstream.ts';
import { parameterHeaders, requestHeaders } from './headers.ts';
import { openUpdateListener } from './listening.ts';
import { jsonHeaders, post, rpcError } from './post.ts';
import type { HttpTarget } from './target.ts';

/** Protocol 2026-07-28 over HTTP: no session, each call one POST, closing it cancels it (SEP-2575, SEP-2567). */
export function openModernHttp(target: HttpTarget, context: LinkContext): Link {
  const { limits } = context;
  let { entry } = context;
  let parameters = parameterHeaders(entry.catalogue.tools);
  const base = [...jsonHeaders, 'mcp-protocol-version', modernVersion];
  const listening = openUpdateListener(target, base, context);
  let lastId = 0;
  let inFlight = 0;

  const link: Link = {
    era: 'modern',
    call(call: UpstreamCall): Promise<Outcome> {
      if (entry !== context.entry) {
        entry = context.entry;
        parameters = parameterHeaders(entry.catalogue.tools);
      }
      return new Promise((resolve, reject) => {
        const id = ++lastId;
        let stop = () => {};
        inFlight++;
        const pending = new Pending(
          id,
          call,
          { timeoutMs: deadlineOf(call, entry), messages: limits.messagesPerCall },
          {
            gone: () => stop(),
            ended: () => inFlight--,
            resolve(outcome) {
              context.onAnswer();
              resolve(outcome);
            },
            reject(error) {
              context.onTrouble(error);
              reject(error);
            },
          },
        );
        if (call.signal.aborted) return;
        const params = enveloped(call.params, call.peer, wantsProgress(call) ? id : undefined);
        stop = post({
          target,
          headers: base.concat(requestHeaders(call.method, params, parameters)),
          body: JSON.stringify({ jsonrpc: '2.0', id, method: call.method, params }),
          pending,
          repeatable: repeatable(call, entry),
          maxBytes: limits.messageBytes,
          onRefused(status, body) {
            if (!outgrown(status, rpcError(body, id)?.error)) return false;
            // It was modern once. Whatever it is now, the next call finds out.
            const error = new Outgrown('unreachable', 'it no longer speaks the protocol version it did');
            context.onLost(link, error);
            pending.fail(error);
            return true;
          },
          onOther: (message) => {
            // This era has no requests from the upstream, and updates come on the listening stream only.
            context.log.debug({ server: entry.id, method: message['method'] }, 'an upstream sent a message that does not belong there');
          },
        });
      });
    },
    subscribe: (uri) => listening.changed(uri),
    unsubscribe: () => void listening.changed().catch(() => {}),
    forget() {},
    busy: () => inFlight > 0,
    wake() {
      target.renew();
      listening.wake();
      return true;
    },
    async close() {
      listening.close();
      await target.close();
    },
  };
  // After a lost connection: its subscriptions are still wanted.
  if (context.uris.size > 0) void listening.changed().catch(() => {});
  return link;
}

/** Whether no modern server refuses like this: it speaks only other versions, answers without JSON-RPC, or wants a session. */
function outgrown(status: number, said: RpcError | undefined): boolean {
  if (status !== 400 && status !== 404 && status !== 405) return false;
  return (
    said === undefined || said.code === -32022 || (said.code > -32020 && said.code <= -32000 && /session|initialize/i.test(said.message))
  );
}
