import { isMessage, isObject } from '../../protocol/jsonrpc.ts';
import { enveloped } from '../connection/era.ts';
import type { LinkContext } from '../connection/link.ts';
import { acknowledged, notHonoured, withoutId } from '../connection/listen-messages.ts';
import { reconnectMs } from '../connection/reconnect.ts';
import { inTurn } from '../connection/subscriptions.ts';
import { openRate } from '../messages/rate.ts';
import { readMessage } from '../messages/reading.ts';
import { UpstreamError } from '../upstream.ts';
import { headerValue } from './headers.ts';
import { exchange } from './http.ts';
import { rpcError } from './post.ts';
import type { HttpTarget } from './target.ts';

/** One `subscriptions/listen` stream per upstream, for all URIs that anybody is subscribed to. */
export interface UpdateListener {
  /** The set of URIs changed: resolves when the upstream has acknowledged it; rejects where it leaves `uri` out of what it acknowledges. */
  changed(uri?: string): Promise<void>;
  /** Opens it again on another connection. */
  wake(): void;
  close(): void;
}

export function openUpdateListener(target: HttpTarget, base: string[], context: LinkContext): UpdateListener {
  const { limits } = context;
  let closed = false;
  let lastId = 0;
  let stop: (() => void) | undefined;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;
  let honoured: (uri: string) => boolean = () => true;
  const asked = openRate(limits.unaskedPerTenSeconds);

  /** Opens a stream for the present set and, once it is acknowledged, closes the one before: no update falls between the two. */
  async function relisten(): Promise<void> {
    clearTimeout(retry);
    if (closed) return;
    const before = stop;
    if (context.uris.size === 0) {
      stop = undefined;
      before?.();
      return;
    }
    stop = await listen();
    failures = 0;
    before?.();
  }

  const renew = inTurn(relisten);

  function again() {
    if (closed || context.uris.size === 0) return;
    clearTimeout(retry);
    retry = setTimeout(() => void changed().catch(again), reconnectMs(++failures, limits)).unref();
  }

  async function changed(uri?: string): Promise<void> {
    await renew();
    if (uri !== undefined && !honoured(uri)) throw notHonoured();
  }

  function listen(): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const id = `listen-${++lastId}`;
      const params = enveloped(
        { notifications: { resourceSubscriptions: [...context.uris] } },
        { capabilities: {}, clientInfo: context.clientInfo },
      );
      const fail = (error: UpstreamError) => {
        clearTimeout(timer);
        reject(error);
      };
      const ended = () => {
        fail(new UpstreamError('closed', 'its stream of updates ended'));
        if (stop === abort) {
          stop = undefined;
          again();
        }
      };
      const abort = exchange(
        target,
        {
          method: 'POST',
          headers: [...base, 'mcp-method', headerValue('subscriptions/listen')],
          body: JSON.stringify({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params }),
        },
        limits.messageBytes,
        {
          onBody(status, body) {
            const said = rpcError(body, id)?.error.message;
            fail(new UpstreamError('bad-answer', said ?? `it answered HTTP ${status} to a subscription`));
          },
          onEvent(event) {
            if (!asked()) {
              context.log.warn({ server: context.entry.id }, 'an upstream floods its stream of updates; it is cut off for a while');
              abort();
              failures += 8;
              return ended();
            }
            return event.event === undefined && event.data !== '' ? readMessage(event.data, heard) : undefined;
          },
          onEnd: ended,
          onFailed: ended,
        },
      );
      function heard(message: unknown) {
        if (!isMessage(message)) return;
        if (message['method'] === 'notifications/subscriptions/acknowledged') {
          clearTimeout(timer);
          honoured = acknowledged(message);
          resolve(abort);
        } else if (message['method'] === 'notifications/resources/updated' && isObject(message['params']))
          context.onResourceUpdated(withoutId(message['params']));
        else if (message['id'] === id && isObject(message['error']))
          fail(new UpstreamError('bad-answer', String(message['error']['message'])));
      }
      const timer = setTimeout(() => {
        abort();
        reject(new UpstreamError('timed-out', 'it did not acknowledge the subscription'));
      }, limits.connectMs);
    });
  }

  return {
    changed,
    wake() {
      if (context.uris.size > 0) void changed().catch(again);
    },
    close() {
      closed = true;
      clearTimeout(retry);
      stop?.();
    },
  };
}
