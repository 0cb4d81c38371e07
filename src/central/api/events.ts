import type { ServerResponse } from 'node:http';
import { Refusal } from './refusal.ts';
import type { Caller } from './tokens.ts';

export interface Streams {
  /** Takes over the response: says the present version at once, then each new one, until the token expires or either side leaves. */
  open(response: ServerResponse, caller: Caller, version: number): void;
  announce(version: number): void;
  count(): number;
  close(): void;
}

interface Stream {
  response: ServerResponse;
  sub: string;
  expiresAt: number;
  timer: NodeJS.Timeout;
}

// A reader this far behind is gone or hostile; it comes back by itself and is told the version at once.
const mostUnread = 64 * 1024;
const longestTimer = 2 ** 31 - 1;

/** `GET /v1/events` (WHATWG server-sent events). A message names a version and nothing else, so a stream tells nobody what changed. */
export function openStreams(options: { now: () => number; most?: number; mostPerPerson?: number; keepAliveMs?: number }): Streams {
  const { now, most = 60_000, mostPerPerson = 8, keepAliveMs = 15_000 } = options;
  const streams = new Set<Stream>();
  // By person, oldest first: after a restart every laptop comes back at once, so opening one must not look through all.
  const own = new Map<string, Stream[]>();
  function forget(stream: Stream): void {
    clearTimeout(stream.timer);
    if (!streams.delete(stream)) return;
    const left = own.get(stream.sub)?.filter((other) => other !== stream) ?? [];
    if (left.length > 0) own.set(stream.sub, left);
    else own.delete(stream.sub);
  }
  // Proxies and HTTP clients cut streams that are silent for minutes.
  const keepAlive = setInterval(() => {
    for (const stream of streams) write(stream, ': keep-alive\n\n');
  }, keepAliveMs);
  keepAlive.unref();

  function write(stream: Stream, text: string): void {
    if (stream.expiresAt <= now()) end(stream, 'event: end\ndata: {"reason":"token expired"}\n\n');
    else if (stream.response.writableLength > mostUnread) stream.response.destroy();
    else stream.response.write(text);
  }
  function end(stream: Stream, text: string): void {
    forget(stream);
    stream.response.end(text);
  }
  const message = (version: number) => `id: ${version}\nevent: bundle\ndata: ${JSON.stringify({ version })}\n\n`;

  return {
    open(response, caller, version) {
      const mine = own.get(caller.sub) ?? [];
      // The oldest gives way: a laptop that lost its network must not be shut out by the streams it left behind.
      if (mine.length >= mostPerPerson) end(mine[0]!, 'event: end\ndata: {"reason":"replaced"}\n\n');
      if (streams.size >= most) {
        throw new Refusal(503, 'unavailable', 'There are too many open event streams.', 'Poll the bundle, and try again later.', {
          headers: { 'Retry-After': '60' },
        });
      }
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
      const stream: Stream = {
        response,
        sub: caller.sub,
        expiresAt: caller.expiresAt,
        timer: setTimeout(() => write(stream, ': checking\n\n'), Math.min(Math.max(caller.expiresAt - now(), 0) + 1, longestTimer)),
      };
      stream.timer.unref();
      streams.add(stream);
      own.set(stream.sub, [...(own.get(stream.sub) ?? []), stream]);
      response.on('close', () => forget(stream));
      response.on('error', () => response.destroy());
      write(stream, message(version));
    },
    announce(version) {
      for (const stream of streams) write(stream, message(version));
    },
    count: () => streams.size,
    close() {
      clearInterval(keepAlive);
      for (const stream of streams) end(stream, 'event: end\ndata: {"reason":"shutting down"}\n\n');
    },
  };
}
