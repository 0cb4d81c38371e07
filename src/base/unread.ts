import type { Socket } from 'node:net';

const MiB = 1024 * 1024;

/** What may wait for readers who do not read. */
export interface UnreadLimits {
  /** Bytes behind one connection. Whoever is so far behind when one more thing is said loses it; one answer alone may be larger. */
  connection: number;
  /** Bytes for one reader, over all its connections. Above it nothing new is begun for it; at twice as much the staler connections are cut. */
  reader: number;
  /** Bytes for all readers. Above it the stalest connections are cut. */
  all: number;
  /** Milliseconds. Where something waits and nothing of it was taken for so long, the connection is cut. */
  silentMs: number;
}

export const unreadLimits: UnreadLimits = { connection: 16 * MiB, reader: 64 * MiB, all: 256 * MiB, silentMs: 60_000 };

/** Where bytes go: a socket, or what answers one request on it. */
export interface Outgoing {
  /** Bytes that were written and that the system has not taken. */
  readonly writableLength: number;
  /** The same, where it keeps some of them itself. */
  readonly unreadLength?: number;
  readonly destroyed: boolean;
  readonly socket?: Socket | null;
  destroy(): unknown;
}

export interface Cut {
  reader: string;
  /** Bytes that waited. */
  bytes: number;
  /** In words: the rest of a sentence that says who was cut. */
  why: string;
}

/** Bytes of an answer that is still being read in for a reader. */
export interface Reservation {
  /** Says how many there are by now. A promise: read no more until it resolves. */
  grow(bytes: number): Promise<void> | undefined;
  release(): void;
}

interface Waiting {
  readonly to: Outgoing;
  readonly reader: string;
  /** As of the last look; only ever more than there are by now. */
  bytes: number;
  taken: number;
  inHand: number;
  /** The look at which something of it had been taken. */
  movedAt: number;
  /** Looks of the timer since then. */
  quiet: number;
}

interface Holding {
  readonly reader: string;
  bytes: number;
  go: (() => void) | undefined;
}

/** How often the timer looks within `silentMs`. */
const looksInSilence = 12;

/**
 * All that waits unread at one server's connections. Writers say what the system did not take at once (`note`); what it did costs nothing here. One
 * timer looks after all of them, and only while something waits.
 */
export class Unread {
  readonly limits: UnreadLimits;
  readonly #onCut: (cut: Cut, to: Outgoing) => void;
  readonly #waiting = new Map<Outgoing, Waiting>();
  readonly #holds = new Set<Holding>();
  /** Bytes that wait, by reader, and those held for it. */
  readonly #of = new Map<string, { waiting: number; held: number }>();
  #all = 0;
  #held = 0;
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: UnreadLimits = unreadLimits, onCut: (cut: Cut, to: Outgoing) => void = () => {}) {
    this.limits = limits;
    this.#onCut = onCut;
  }

  /** Bytes that wait, of all readers; for those who look at memory. */
  get bytes(): number {
    this.#look();
    return this.#all;
  }

  /** After a write: something of it may wait. */
  note(to: Outgoing, reader: string): void {
    const bytes = unreadOf(to);
    let one = this.#waiting.get(to);
    if (!one) {
      if (bytes === 0 || to.destroyed) return;
      one = { to, reader, bytes: 0, taken: taken(to), inHand: inHand(to), movedAt: this.#looks, quiet: 0 };
      this.#waiting.set(to, one);
      this.#timer ??= setInterval(() => this.#tick(), this.limits.silentMs / looksInSilence).unref();
    }
    this.#count(one, bytes);
    const { reader: most, all } = this.limits;
    if (this.#sums(one.reader).waiting > 2 * most) this.#makeRoom(one, () => this.#sums(reader).waiting > 2 * most && reader);
    if (this.#all > all) this.#makeRoom(one, () => this.#all > all);
    this.#wake();
  }

  /** Before a write: whether it is so far behind that it gets no more. Then it is cut. */
  isTooFar(to: Outgoing, reader: string): boolean {
    if (unreadOf(to) <= this.limits.connection) return false;
    this.cut(to, reader, 'was too far behind for more');
    return true;
  }

  /** Nothing more is said on it. */
  cut(to: Outgoing, reader: string, why: string): void {
    const bytes = unreadOf(to);
    const one = this.#waiting.get(to);
    if (one) this.#forget(one);
    to.destroy();
    this.#onCut({ reader, bytes, why }, to);
  }

  /** Whether so much waits for it that nothing new is begun. */
  isBehind(reader: string): boolean {
    const over = () => (this.#of.get(reader)?.waiting ?? 0) > this.limits.reader;
    if (!over()) return false;
    this.#look();
    return over();
  }

  /** For an answer that is being read in: it counts before it can be written. */
  hold(reader: string): Reservation {
    const one: Holding = { reader, bytes: 0, go: undefined };
    this.#holds.add(one);
    const add = (more: number) => {
      one.bytes += more;
      this.#held += more;
      this.#sums(reader).held += more;
    };
    return {
      grow: (bytes) => {
        add(bytes - one.bytes);
        if (this.#mayGrow(one)) return undefined;
        return new Promise((resolve) => {
          one.go = resolve;
        });
      },
      release: () => {
        if (!this.#holds.delete(one)) return;
        add(-one.bytes);
        one.go?.();
        this.#tidy(reader);
        this.#wake();
      },
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const one of [...this.#waiting.values()]) this.#forget(one);
    for (const one of this.#holds) one.go?.();
  }

  /** The first of a reader's goes on whatever the others hold: else they would all wait for each other. */
  #mayGrow(one: Holding): boolean {
    const { waiting, held } = this.#sums(one.reader);
    if (waiting > this.limits.reader) return false;
    if (waiting + held <= this.limits.reader && this.#all + this.#held <= this.limits.all) return true;
    for (const other of this.#holds) if (other.reader === one.reader) return other === one;
    return true;
  }

  #wake(): void {
    for (const one of this.#holds) {
      if (!one.go || !this.#mayGrow(one)) continue;
      one.go();
      one.go = undefined;
    }
  }

  #tick(): void {
    this.#look();
    const most = this.limits.silentMs;
    // The first look may come right after the writing.
    for (const one of this.#waiting.values())
      if (one.quiet++ >= looksInSilence) this.cut(one.to, one.reader, `took nothing of it for ${most / 1000} s`);
    this.#wake();
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#looks++;
    for (const one of this.#waiting.values()) {
      const bytes = one.to.destroyed ? 0 : unreadOf(one.to);
      if (bytes === 0) {
        this.#forget(one);
        continue;
      }
      this.#count(one, bytes);
      const now = taken(one.to);
      const left = inHand(one.to);
      const moved = now !== one.taken || left < one.inHand;
      one.taken = now;
      one.inHand = left;
      if (!moved) continue;
      one.movedAt = this.#looks;
      one.quiet = 0;
    }
  }

  /** Cuts the stalest ones, never the one that is being written: a single answer may be larger than all bounds, where its reader reads. */
  #makeRoom(written: Waiting, over: () => boolean | string): void {
    this.#look();
    for (let whose = over(); whose !== false; whose = over()) {
      let stalest: Waiting | undefined;
      for (const one of this.#waiting.values())
        if (one !== written && (whose === true || one.reader === whose) && (!stalest || one.movedAt < stalest.movedAt)) stalest = one;
      if (!stalest) return;
      this.cut(stalest.to, stalest.reader, 'waited longest when there was too much unread');
    }
  }

  #count(one: Waiting, bytes: number): void {
    this.#all += bytes - one.bytes;
    this.#sums(one.reader).waiting += bytes - one.bytes;
    one.bytes = bytes;
  }

  #forget(one: Waiting): void {
    this.#count(one, 0);
    this.#waiting.delete(one.to);
    this.#tidy(one.reader);
  }

  #sums(reader: string): { waiting: number; held: number } {
    let sums = this.#of.get(reader);
    if (!sums) {
      sums = { waiting: 0, held: 0 };
      this.#of.set(reader, sums);
    }
    return sums;
  }

  #tidy(reader: string): void {
    const sums = this.#of.get(reader);
    if (sums?.waiting === 0 && sums.held === 0) this.#of.delete(reader);
  }
}

const unreadOf = (to: Outgoing): number => to.unreadLength ?? to.writableLength;

const socketOf = (to: Outgoing): Socket => to.socket ?? (to as Socket);

/** Bytes that the system took of what was written. What is one write counts when all of it went. */
function taken(to: Outgoing): number {
  const socket = socketOf(to);
  return (socket.bytesWritten ?? 0) - socket.writableLength;
}

/**
 * Bytes that are left of the write under way. Node counts a write when all of it went, and joins those that wait into one: a reader that takes
 * a megabyte of twenty would seem to take nothing. Where Node should not tell it any more, whole writes count.
 */
function inHand(to: Outgoing): number {
  const { _handle: handle } = socketOf(to) as Socket & { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}
