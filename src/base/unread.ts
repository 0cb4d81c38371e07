import type { Socket } from 'node:net';

const MiB = 1024 * 1024;

/** What may wait for readers who do not read. */
export interface UnreadLimits {
  /** Bytes behind one connection. A connection with more than that waiting is cut at its next write. A single answer may be larger. */
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
  /** The same, with the bytes that the object keeps back itself. */
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
  /** As of the last look. By now there may be fewer, never more. */
  bytes: number;
  taken: number;
  inHand: number;
  /** The last look at which something of it had been taken. */
  movedAt: number;
  /** The same by the clock, in milliseconds. */
  movedMs: number;
  /** Looks of the timer since then. */
  quiet: number;
}

interface Holding {
  readonly reader: string;
  bytes: number;
  go: (() => void) | undefined;
  /** Milliseconds by the clock: since when there has been no room for it. Its wait is one, however many pieces it has. */
  since: number | undefined;
}

/** How often the timer looks within `silentMs`. */
const looksInSilence = 12;
/** Milliseconds. What a reader has that took something within them is on its way out. */
const recently = 1000;
/** Milliseconds that an answer waits for what is on its way out, and between two looks meanwhile. */
const patience = 5000;
const glance = 100;

/**
 * All that waits unread at one server's connections. Writers call `note` for what the system did not take at once; the rest costs nothing here.
 * One timer looks after all of them, and only while something waits.
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
  #glances: NodeJS.Timeout | undefined;

  constructor(limits: UnreadLimits = unreadLimits, onCut: (cut: Cut, to: Outgoing) => void = () => {}) {
    this.limits = limits;
    this.#onCut = onCut;
  }

  /** Bytes that wait, of all readers; for those who look at memory. */
  get bytes(): number {
    this.#look();
    return this.#all;
  }

  /** To be called after a write of which something may still wait. */
  note(to: Outgoing, reader: string): void {
    const bytes = unreadOf(to);
    let entry = this.#waiting.get(to);
    if (!entry) {
      if (bytes === 0 || to.destroyed) return;
      entry = { to, reader, bytes: 0, taken: taken(to), inHand: inHand(to), movedAt: this.#looks, movedMs: performance.now(), quiet: 0 };
      this.#waiting.set(to, entry);
      this.#timer ??= setInterval(() => this.#tick(), this.limits.silentMs / looksInSilence).unref();
    }
    this.#count(entry, bytes);
    const { reader: most, all } = this.limits;
    if (this.#sums(entry.reader).waiting > 2 * most) this.#makeRoom(entry, () => this.#sums(reader).waiting > 2 * most && reader);
    if (this.#all > all) this.#makeRoom(entry, () => this.#all > all);
    this.#wake();
  }

  /** To be called before a write. True where too much waits already; the connection is then cut. */
  isTooFar(to: Outgoing, reader: string): boolean {
    if (unreadOf(to) <= this.limits.connection) return false;
    this.cut(to, reader, 'was too far behind for more');
    return true;
  }

  /** Ends a connection. */
  cut(to: Outgoing, reader: string, why: string): void {
    const bytes = unreadOf(to);
    const entry = this.#waiting.get(to);
    if (entry) this.#forget(entry);
    to.destroy();
    this.#onCut({ reader, bytes, why }, to);
  }

  /** Whether so much waits for the reader that nothing new may be begun for it. */
  isBehind(reader: string): boolean {
    const over = () => (this.#of.get(reader)?.waiting ?? 0) > this.limits.reader;
    if (!over()) return false;
    this.#look();
    return over();
  }

  /** For an answer that is being read in: it counts before it can be written. */
  hold(reader: string): Reservation {
    const hold: Holding = { reader, bytes: 0, go: undefined, since: undefined };
    this.#holds.add(hold);
    const add = (more: number) => {
      hold.bytes += more;
      this.#held += more;
      this.#sums(reader).held += more;
    };
    return {
      grow: (bytes) => {
        add(bytes - hold.bytes);
        if (this.#mayGrow(hold)) return undefined;
        this.#glances ??= setInterval(() => this.#glance(), glance).unref();
        return new Promise((resolve) => {
          hold.go = resolve;
        });
      },
      release: () => {
        if (!this.#holds.delete(hold)) return;
        add(-hold.bytes);
        hold.go?.();
        this.#tidy(reader);
        this.#wake();
      },
    };
  }

  close(): void {
    clearInterval(this.#timer);
    clearInterval(this.#glances);
    this.#timer = this.#glances = undefined;
    for (const entry of [...this.#waiting.values()]) this.#forget(entry);
    for (const hold of this.#holds) hold.go?.();
  }

  /**
   * The first hold of a reader may grow whatever the others hold: otherwise they would all wait for each other. Where there is no more room for all
   * readers it first waits for those who read: their bytes go soon, and written now it would have one of them cut.
   */
  #mayGrow(hold: Holding): boolean {
    const { reader, all } = this.limits;
    const { waiting, held } = this.#sums(hold.reader);
    if (waiting > reader) return false;
    const room = this.#all + this.#held <= all;
    if (room) hold.since = undefined;
    if (room && waiting + held <= reader) return true;
    for (const other of this.#holds) {
      if (other.reader !== hold.reader) continue;
      if (other !== hold) return false;
      break;
    }
    if (room) return true;
    hold.since ??= performance.now();
    return performance.now() - hold.since > patience || !this.#drains();
  }

  /** Whether somebody reads what waits. */
  #drains(): boolean {
    this.#look();
    const from = performance.now() - recently;
    for (const { movedMs } of this.#waiting.values()) if (movedMs > from) return true;
    return false;
  }

  #glance(): void {
    this.#look();
    this.#wake();
    for (const { go } of this.#holds) if (go) return;
    clearInterval(this.#glances);
    this.#glances = undefined;
  }

  #wake(): void {
    for (const hold of this.#holds) {
      if (!hold.go || !this.#mayGrow(hold)) continue;
      hold.go();
      hold.go = undefined;
    }
  }

  #tick(): void {
    this.#look();
    const most = this.limits.silentMs;
    // The first look may come right after the writing.
    for (const entry of this.#waiting.values())
      if (entry.quiet++ >= looksInSilence) this.cut(entry.to, entry.reader, `took nothing of it for ${most / 1000} s`);
    this.#wake();
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#looks++;
    for (const entry of this.#waiting.values()) {
      const bytes = entry.to.destroyed ? 0 : unreadOf(entry.to);
      if (bytes === 0) {
        this.#forget(entry);
        continue;
      }
      this.#count(entry, bytes);
      const now = taken(entry.to);
      const left = inHand(entry.to);
      const moved = now !== entry.taken || left < entry.inHand;
      entry.taken = now;
      entry.inHand = left;
      if (!moved) continue;
      entry.movedAt = this.#looks;
      entry.movedMs = performance.now();
      entry.quiet = 0;
    }
  }

  /** Cuts the stalest ones, never the one that is being written: a single answer may be larger than all bounds, as long as its reader reads. */
  #makeRoom(written: Waiting, over: () => boolean | string): void {
    this.#look();
    for (let whose = over(); whose !== false; whose = over()) {
      let stalest: Waiting | undefined;
      for (const entry of this.#waiting.values())
        if (entry !== written && (whose === true || entry.reader === whose) && (!stalest || entry.movedAt < stalest.movedAt))
          stalest = entry;
      if (!stalest) return;
      this.cut(stalest.to, stalest.reader, 'waited longest when there was too much unread');
    }
  }

  #count(entry: Waiting, bytes: number): void {
    this.#all += bytes - entry.bytes;
    this.#sums(entry.reader).waiting += bytes - entry.bytes;
    entry.bytes = bytes;
  }

  #forget(entry: Waiting): void {
    this.#count(entry, 0);
    this.#waiting.delete(entry.to);
    this.#tidy(entry.reader);
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

/** Bytes that the system has taken of what was written. A write counts when all of it has gone. */
function taken(to: Outgoing): number {
  const socket = socketOf(to);
  return (socket.bytesWritten ?? 0) - socket.writableLength;
}

/**
 * Bytes that are left of the write under way. Node counts a write when all of it has gone, and joins waiting writes into one: a reader that took
 * a megabyte of twenty would seem to have taken nothing. If Node ever stops telling this, only whole writes count.
 */
function inHand(to: Outgoing): number {
  const { _handle: handle } = socketOf(to) as Socket & { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}
