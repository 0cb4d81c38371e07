import type { IncomingMessage } from 'node:http';
import type { Reply } from '../base/reply.ts';
import { replyServer } from '../base/reply.ts';
import { type Cut, type Outgoing, Unread, type UnreadLimits } from '../base/unread.ts';
import { openPort, type Port } from './http/address.ts';
import { refuseHttp } from './http/refuse.ts';

export interface EntranceOptions {
  /** 0 picks a free one (tests); otherwise exactly this one, never another. */
  port: number;
  /** Further ones are closed at once. Absent: 8192. They cost little; the bound keeps file descriptors from running out. */
  maxConnections?: number;
  /** Milliseconds until a connection that has not sent its headers is closed. */
  headersTimeoutMs: number;
  /** Absent: `unreadLimits`. */
  unread?: UnreadLimits;
}

type Listener = (request: IncomingMessage, response: Reply) => void;

/** The gateway's port before there is a gateway. */
export interface Entrance extends Port {
  unread: Unread;
  /** Whoever waits is served now, in the order of their coming, and all others from now on. */
  serve(listener: Listener, cut: (cut: Cut, to: Outgoing) => void): void;
  /** From now on every request is cut, as if no gateway ran: agents then try again, while they would take an error answer for final. */
  leave(): void;
}

/** More than the agents of any person need; without a bound, waiting requests could fill the memory. */
const mostWaiting = 1000;

/**
 * Listens from the first moment and holds requests until somebody serves them: agents from before a restart connect at once. Some give up for good
 * after a few refused connections, but all of them wait for an answer.
 */
export async function openEntrance(options: EntranceOptions): Promise<Entrance> {
  let served: Listener | undefined;
  const leave = () => {
    served = (request) => void request.socket.destroy();
    for (const [{ socket }] of waiting.splice(0)) socket.destroy();
  };
  let onCut: ((cut: Cut, to: Outgoing) => void) | undefined;
  let waiting: [IncomingMessage, Reply][] = [];
  const unread = new Unread(options.unread, (cut, to) => onCut?.(cut, to));
  const listener: Listener = (request, response) => {
    if (served) return served(request, response);
    if (waiting.length < mostWaiting) return void waiting.push([request, response]);
    refuseHttp(response, 503, 'starting', 'Gatehouse is still starting. Try again in a moment.', { 'retry-after': '1' });
  };
  const port = await openPort(options.port, () => {
    const server = replyServer(
      {
        keepAliveTimeout: 60_000,
        headersTimeout: options.headersTimeoutMs,
        requestTimeout: Math.max(60_000, options.headersTimeoutMs),
        connectionsCheckingInterval: Math.min(5_000, options.headersTimeoutMs),
        maxHeaderSize: 32 * 1024,
        noDelay: true,
      },
      unread,
      listener,
    );
    server.maxConnections = options.maxConnections ?? 8192;
    return server;
  });
  // Not awaited: the rest of the start goes on meanwhile, and whoever needs the result checks again.
  void port.check();
  return {
    ...port,
    unread,
    serve(next, cut) {
      served = next;
      onCut = cut;
      const held = waiting;
      waiting = [];
      // Whoever went away meanwhile would never send the rest of its body.
      for (const [request, response] of held) if (!request.destroyed) next(request, response);
    },
    leave,
    async close() {
      leave();
      await port.close();
      unread.close();
    },
  };
}
