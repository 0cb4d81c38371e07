import { errorText, type Id, rpc } from '../../protocol/jsonrpc.ts';
import { byteLength, type Long } from '../../upstreams/messages/hole.ts';
import { type Answer, type Answering, resultOf } from './answer.ts';

/** Bytes of answers that wait for the others. More than that makes it a stream, on which each goes out when it is there. */
const mostHeld = 1024 * 1024;

const tooLarge = {
  code: rpc.tooMuchUnread,
  message: 'The answers of this batch are too large to go out as one. Send the requests one by one, or accept text/event-stream.',
};

/** The answer to a batch: a list of all its members' answers, or a stream of them as soon as something has to be said before the last (2025-03-26). */
export class BatchAnswer {
  readonly #to: Answer;
  #left: number;
  #held: (string | Long)[] = [];
  #bytes = 0;

  /** `members`: how many of them will ask for their share, and end it. */
  constructor(to: Answer, members: number) {
    this.#to = to;
    this.#left = members;
  }

  share(): Answering {
    const to = this.#to;
    return {
      send: (message) => {
        const sent = to.send(message);
        this.#pour();
        return sent;
      },
      keepAlive: () => {
        to.keepAlive();
        this.#pour();
      },
      caughtUp: () => to.caughtUp(),
      result: (id, text) => this.#take(resultOf(id, text), id),
      end: (message) => this.#take(message),
      close: () => this.#ended(),
    };
  }

  #take(message: string | Long, id?: Id): void {
    const to = this.#to;
    const bytes = byteLength(message);
    if (this.#bytes + bytes > mostHeld) to.keepAlive();
    const fits = to.streams || this.#bytes + bytes <= mostHeld || id === undefined;
    const said = fits ? message : errorText(id, tooLarge);
    this.#held.push(said);
    this.#bytes += byteLength(said);
    this.#pour();
    this.#ended();
  }

  /** Sends what is held, once there is a stream. */
  #pour(): void {
    if (!this.#to.streams) return;
    for (const message of this.#held) this.#to.send(message);
    this.#held = [];
    this.#bytes = 0;
  }

  #ended(): void {
    if (--this.#left > 0) return;
    // Cancelled requests have no answer, as outside of a batch.
    if (this.#held.length === 0) return this.#to.close();
    const pieces = this.#held.flatMap((message, at) => [at === 0 ? '[' : ',', ...(typeof message === 'string' ? [message] : message)]);
    this.#to.end([...pieces, ']']);
  }
}
