import { randomBytes } from 'node:crypto';
import { byteLength, type Long } from '../../upstreams/messages/hole.ts';
import type { EventStream } from './event-stream.ts';

const mostEvents = 512;
const mostBytes = 1024 * 1024;
const mostTracks = 16;
/** A stream tells the budget of its bytes in steps of so many, not at each small event. */
const step = 1024;
/** Of all sessions together: a session costs an agent nothing, so a bound on each of them bounds nothing. */
const mostOfAll = 64 * 1024 * 1024;

/** Bounds what all streams keep together. Where it is too much, those that were silent longest forget theirs. */
export class EventStoreBudget {
  #held = 0;
  /** In the order of their last event. */
  readonly #tracks = new Set<EventLog>();

  changed(track: EventLog, by: number): void {
    this.#held += by;
    this.#tracks.delete(track);
    if (track.bytes > 0) this.#tracks.add(track);
    for (const oldest of this.#tracks) {
      if (this.#held <= mostOfAll) break;
      oldest.forget();
    }
  }

  get held(): number {
    return this.#held;
  }
}

/** One stream's events, numbered, the last of them kept: whoever lost the connection gets the rest on another (specification 2025-11-25, "Resumability"). */
export class EventLog {
  readonly key: string;
  /** One after the other; the newest is number `#last`. */
  #events: string[] = [];
  bytes = 0;
  /** How many bytes the budget knows of. */
  #counted = 0;
  #budget: EventStoreBudget | undefined;
  #last = 0;
  /** Where the events go at present; a broken one is simply not written to. */
  #sink: EventStream | undefined;
  ended = false;

  constructor(key: string, budget: EventStoreBudget) {
    this.key = key;
    this.#budget = budget;
  }

  forget(): void {
    this.#events = [];
    this.bytes = 0;
    this.#count();
  }

  /** Nobody can come back to it any more. */
  close(): void {
    this.forget();
    this.#budget = undefined;
  }

  /** Ends the connection that read it before: of two that wait for one answer, one would wait for ever. */
  attach(sink: EventStream): void {
    if (this.#sink !== sink) this.#sink?.end();
    this.#sink = sink;
  }

  /** An event without a message, so that the agent has an id to come back with before anything was said. */
  prime(): void {
    this.#sink?.write(`id: ${this.key}-${this.#last}\ndata: \n\n`);
  }

  /** The number of an event that is not kept. What came before it is dropped too, so that nobody takes what follows for the whole. */
  #next(): number {
    this.forget();
    return ++this.#last;
  }

  send(message: string | Long): void {
    // Longer than what is kept of a stream, so it need not be one text.
    if (typeof message !== 'string' && byteLength(message) > mostBytes) return this.#sink?.write(this.#unkept(message));
    const text = `id: ${this.key}-${++this.#last}\ndata: ${typeof message === 'string' ? message : message.join('')}\n\n`;
    if (this.#budget) this.#keep(text);
    this.#sink?.write(text);
  }

  #keep(text: string): void {
    this.#events.push(text);
    this.bytes += text.length;
    // Half of it at once: dropping them one by one would move the rest each time.
    // As often as it takes: the one that came last may be larger than all that may be kept.
    while (this.#events.length > mostEvents || this.bytes > mostBytes)
      for (const old of this.#events.splice(0, Math.ceil(this.#events.length / 2))) this.bytes -= old.length;
    if (Math.abs(this.bytes - this.#counted) >= step) this.#count();
  }

  #count(): void {
    const more = this.bytes - this.#counted;
    this.#counted = this.bytes;
    this.#budget?.changed(this, more);
  }

  #unkept(message: Long): Long {
    return [`id: ${this.key}-${this.#next()}\ndata: `, ...message, '\n\n'];
  }

  end(message?: string | Long): void {
    this.ended = true;
    if (message && typeof message !== 'string' && byteLength(message) > mostBytes) return this.#sink?.end(this.#unkept(message));
    if (message !== undefined) this.send(message);
    this.#sink?.end();
  }

  /** What came after event `number`; undefined when some of it is not here any more. */
  since(number: number): string[] | undefined {
    if (number > this.#last) return undefined;
    const gone = this.#last - this.#events.length;
    return number < gone ? undefined : this.#events.slice(number - gone);
  }
}

/** The recent streams of one session. */
export class EventStore {
  readonly #tracks = new Map<string, EventLog>();
  readonly #budget: EventStoreBudget;
  #opened = 0;
  /** A session outlives a restart of ours, its event ids do not: an old one must not be taken for another stream's. */
  readonly #start = randomBytes(4).toString('hex');

  constructor(budget: EventStoreBudget) {
    this.#budget = budget;
  }

  open(): EventLog {
    // The oldest goes, finished or not: who has that many streams has long had its answer.
    for (const [key, oldest] of this.#tracks) {
      if (this.#tracks.size < mostTracks) break;
      this.#tracks.delete(key);
      oldest.close();
    }
    const track = new EventLog(`${this.#start}${(++this.#opened).toString(36)}`, this.#budget);
    this.#tracks.set(track.key, track);
    return track;
  }

  /** The stream that an event id belongs to, and the events after it. */
  resume(eventId: string): { track: EventLog; missed: string[] } | undefined {
    const at = eventId.lastIndexOf('-');
    const track = this.#tracks.get(eventId.slice(0, at));
    const number = Number(eventId.slice(at + 1));
    const missed = at > 0 && Number.isInteger(number) && number >= 0 ? track?.since(number) : undefined;
    return track && missed ? { track, missed } : undefined;
  }
  close(): void {
    for (const track of this.#tracks.values()) track.close();
    this.#tracks.clear();
  }
}
