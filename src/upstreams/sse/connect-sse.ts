import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { agreedVersion } from '../connection/era.ts';
import type { Link, LinkContext } from '../connection/link.ts';
import { exchange } from '../http/http.ts';
import { sendInitialized } from '../http/legacy-messages.ts';
import { jsonHeaders } from '../http/post.ts';
import type { HttpTarget } from '../http/target.ts';
import { readMessage } from '../messages/reading.ts';
import { initialize, openPipe, type Pipe } from '../stdio/pipe.ts';
import { openStdio } from '../stdio/stdio.ts';
import { UpstreamError } from '../upstream.ts';

const smallAnswer = 65_536;

/**
 * Protocol 2024-11-05, "HTTP with SSE": one stream brings all messages of the server. Its first event is the address to which we POST ours.
 * We treat it as one more pipe that all agents share. Undefined: the server does not offer this transport either.
 */
export async function connectSse(target: HttpTarget, context: LinkContext, signal: AbortSignal): Promise<Link | undefined> {
  const { limits, entry, log } = context;
  const sending = new Set<() => void>();
  let headers = jsonHeaders;
  let post = target;
  let stop = () => {};
  let over: UpstreamError | undefined;

  const pipe: Pipe = openPipe(context, {
    write(body, message) {
      if (over) return false;
      send(body, message);
      return true;
    },
    async close() {
      end(new UpstreamError('closed', 'Gatehouse closed its stream'));
      await target.close();
    },
  });

  function end(error: UpstreamError) {
    if (over) return;
    over = error;
    stop();
    for (const give of sending) give();
    pipe.onEnd(error);
  }

  /** The HTTP answer is only a receipt. If a message that is a call gets none, that call fails. */
  function send(body: string, message: JsonObject) {
    const fail = (error: UpstreamError) => {
      sending.delete(give);
      if (typeof message['method'] === 'string') pipe.inbox.calls.get(message['id'] as number)?.fail(error);
      log.debug({ server: entry.id, err: error.message, method: message['method'] }, 'a message did not reach an upstream');
    };
    const received = () => sending.delete(give);
    const give = exchange(post, { method: 'POST', headers, body }, smallAnswer, {
      onBody(status) {
        if (status < 300) received();
        else if (status === 401 || status === 403) fail(new UpstreamError('unauthorized', `it answered HTTP ${status}`));
        else fail(new UpstreamError('bad-answer', `it answered HTTP ${status}`));
      },
      onEvent() {},
      onEnd: received,
      onFailed: fail,
    });
    sending.add(give);
  }

  const take = (message?: unknown, error?: UpstreamError) => {
    if (error) log.debug({ server: entry.id, err: error.message }, 'an upstream sent an event that cannot be read');
    if (!pipe.take(message, error)) end(new UpstreamError('closed', 'it flooded its stream and was cut off'));
  };

  const address = await new Promise<string | undefined>((resolve, reject) => {
    const late = () => reject(new UpstreamError('unreachable', 'it did not say in time where to send messages'));
    signal.addEventListener('abort', late, { once: true });
    const fail = (error: UpstreamError) => {
      signal.removeEventListener('abort', late);
      reject(error);
    };
    const settled = (value: string | undefined) => {
      signal.removeEventListener('abort', late);
      resolve(value);
    };
    stop = exchange(target, { method: 'GET', headers: ['accept', 'text/event-stream'] }, limits.messageBytes, {
      onBody(status) {
        if (status === 401 || status === 403) fail(new UpstreamError('unauthorized', `it answered HTTP ${status}`));
        else if (status >= 500 || status === 408 || status === 429) fail(new UpstreamError('unreachable', `it answered HTTP ${status}`));
        else settled(undefined);
      },
      onEvent(event) {
        if (event.event === 'endpoint') settled(event.data.toString());
        else if (event.event !== undefined) take();
        else if (event.data !== '') return readMessage(event.data, take);
        return undefined;
      },
      onEnd() {
        settled(undefined);
        end(new UpstreamError('closed', 'its stream ended'));
      },
      onFailed(error) {
        fail(error);
        end(new UpstreamError('closed', 'its stream broke'));
      },
    });
  }).catch((error: unknown) => {
    stop();
    throw error;
  });
  if (address === undefined) {
    stop();
    return undefined;
  }
  post = messagesTo(address, target);
  pipe.onEnd = (error) => {
    for (const pending of [...pipe.inbox.calls.values()]) pending.fail(error);
  };
  const outcome = await initialize(pipe, context, signal);
  const { version, capabilities, about } = agreedVersion(outcome);
  headers = [...jsonHeaders, 'mcp-protocol-version', version];
  await sendInitialized(post, headers, signal);
  if (over) throw new UpstreamError('unreachable', 'its stream ended in the handshake', { cause: over });
  const link = openStdio(pipe, context, { era: 'legacy', capabilities, about });
  const wake = () => {
    if (!link.busy()) return false;
    target.renew();
    // All answers come on the one stream: where it is dead, no call on it can end well.
    pipe.ask('ping', {}, new AbortController().signal, limits.probeMs).catch(() => {
      end(new UpstreamError('closed', 'its stream broke while this computer slept'));
    });
    return true;
  };
  return Object.assign(link, { wake });
}

/** INVARIANT: only on the server's own origin. Otherwise the server could send the agents' messages anywhere. */
function messagesTo(address: string, target: HttpTarget): HttpTarget {
  const url = URL.parse(address, target.origin + target.path);
  if (!url || url.origin !== target.origin)
    throw new UpstreamError('bad-answer', 'it wants its messages sent to another place than where it is');
  return { ...target, path: url.pathname + url.search };
}
