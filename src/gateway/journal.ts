import type { ServerResponse } from 'node:http';

const mostEvents = 512;
const mostBytes = 1024 * 1024;
const mostTracks = 16;

/** One stream's events, numbered, the last of them kept: whoever lost the connection gets the rest on another (specification 2025-11-25, "Resumability"). */
export class Track {
  readonly key: string;
  #events: { number: number; text: string }[] = [];
  #bytes = 0;
  #last = 0;
  /** Where the events go at present; a broken one is simply not written to. */
  #sink: ServerResponse | undefined;
  ended = false;

  constructor(key: string) {
    this.key = key;
  }

  attach(sink: ServerResponse): void {
    this.#sink = sink;
  }

  /** An event without a message, so that the agent has an id to come back with before anything was said. */
  prime(): void {
    this.#write(`id: ${this.key}-${this.#last}\ndata: \n\n`);
  }

  send(message: string): void {
    const text = `id: ${this.key}-${++this.#last}\ndata: ${message}\n\n`;
    this.#events.push({ number: this.#last, text });
    this.#bytes += text.length;
    // Half of it at once: dropping them one by one would move the rest each time.
    if (this.#events.length > mostEvents || this.#bytes > mostBytes)
      for (const { text: old } of this.#events.splice(0, Math.ceil(this.#events.length / 2))) this.#bytes -= old.length;
    this.#write(text);
  }

  end(message?: string): void {
    if (message !== undefined) this.send(message);
    this.ended = true;
    const sink = this.#sink;
    if (sink && !sink.writableEnded && !sink.destroyed) sink.end();
  }

  /** What came after event `number`; undefined when some of it is not here any more. */
  since(number: number): string[] | undefined {
    if (number > this.#last) return undefined;
    const kept = this.#events.filter((event) => event.number > number);
    return kept.length === this.#last - number ? kept.map(({ text }) => text) : undefined;
  }

  #write(text: string): void {
    const sink = this.#sink;
    if (sink && !sink.writableEnded && !sink.destroyed) sink.write(text);
  }
}

/** A session's streams of late. */
export class Journal {
  readonly #tracks = new Map<string, Track>();
  #opened = 0;

  open(): Track {
    // The oldest goes, finished or not: who has that many streams has long had its answer.
    if (this.#tracks.size >= mostTracks) this.#tracks.delete(this.#tracks.keys().next().value as string);
    const track = new Track((++this.#opened).toString(36));
    this.#tracks.set(track.key, track);
    return track;
  }

  /** The stream that an event id is of, and what it missed. */
  resume(eventId: string): { track: Track; missed: string[] } | undefined {
    const at = eventId.lastIndexOf('-');
    const track = this.#tracks.get(eventId.slice(0, at));
    const number = Number(eventId.slice(at + 1));
    const missed = at > 0 && Number.isInteger(number) && number >= 0 ? track?.since(number) : undefined;
    return track && missed ? { track, missed } : undefined;
  }
}
