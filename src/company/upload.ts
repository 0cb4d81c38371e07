import { backOff, pause, someJitter } from '../base/backoff.ts';
import { type ErrorValue, Failure, toErrorValue } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { LedgerAnswer } from './post.ts';

/** Consecutive ledger records, and what an upload needs to know of them; the rest is the ledger's and goes up as it is. */
export interface Uploadable {
  /** Sequence numbers of the first and the last. */
  first: number;
  last: number;
  /** The last one's hash. */
  hash: string;
  /** A JSON array of records. */
  json: string;
  /** Name of the chain that they belong to. */
  chain: string;
  /** Whether more records follow. */
  more: boolean;
}

export interface Uploader {
  /** There may be something to send: a record was written (sent about a second later, with others that came), or somebody signed in (`now`). */
  poke(now?: boolean): void;
  /** `uploaded`: the last sequence number that the central API has acknowledged. */
  status(): { uploaded: number; error?: ErrorValue };
  close(): Promise<void>;
}

// The central API takes at most 5,000 at once; each batch costs both sides an exchange and two fsyncs.
const maxRecords = 1000;
const maxBytes = 1024 * 1024;

/**
 * Carries the ledger up, in order. The cursor on disk moves only after the central API has acknowledged, and the central API knows a
 * record by its hash: so a crash at any point sends some records again and none is lost or doubled. A 409 names the number it expects
 * next. If it is behind (it was restored from a backup), the records are sent again from there, and the cursor does not move back. If it is
 * ahead (this device was restored), its last record must be ours, by its hash, before the cursor moves past it.
 */
export function openUploader(options: {
  /** The next records after `after`: at most `limit` records and `bytes` bytes, but at least one. Also old ones, as far as they still exist. */
  unsent(after: number, limit: number, bytes: number): Promise<Uploadable | undefined>;
  /** The persisted cursor. */
  cursor(): number;
  /** Persists the cursor. */
  acknowledge(seq: number): Promise<unknown>;
  post(json: string, chain: string, signal: AbortSignal): Promise<LedgerAnswer>;
  /** False while nobody is signed in: then it rests until the next poke. */
  ready?(): boolean;
  /** The status changed. */
  changed?(): void;
  timing?: { settleMs?: number; retryMs?: number; retryMaxMs?: number };
  log: Log;
}): Uploader {
  const { log } = options;
  const { settleMs = 1000, retryMs = 2000, retryMaxMs = 5 * 60_000 } = options.timing ?? {};
  const closing = new AbortController();
  let resting = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let poked = false;
  let running: Promise<void> | undefined;
  let error: ErrorValue | undefined;

  function become(next: ErrorValue | undefined): void {
    if (JSON.stringify(next) === JSON.stringify(error)) return;
    error = next;
    options.changed?.();
  }

  async function confirm(seq: number): Promise<void> {
    if (seq <= options.cursor()) return;
    await options.acknowledge(seq);
    options.changed?.();
  }

  /**
   * Sends from the cursor on until a batch is not full. Records that came meanwhile wait for the next poke: following a busy ledger record by
   * record would cost an exchange and two fsyncs for each handful.
   */
  async function drain(): Promise<void> {
    let position = options.cursor();
    // Where the central API last sent us back to.
    let rewound = Number.POSITIVE_INFINITY;
    let wanted: number | undefined;
    for (;;) {
      closing.signal.throwIfAborted();
      // The central API takes two records that contradict each other only in one batch. So batches that are sent again must end at other records.
      const share = rewound === Number.POSITIVE_INFINITY ? 1 : 0.6;
      const batch = await options.unsent(position, maxRecords * share, maxBytes * share);
      if (batch === undefined) return;
      const { first, last, json, more } = batch;
      if (wanted !== undefined && first > wanted) throw missing(wanted, first - 1);
      wanted = undefined;
      const answer = await options.post(json, batch.chain, closing.signal);
      if ('acknowledged' in answer) {
        // Records that it has beyond this batch must not be skipped: only sending them proves that they are the same.
        const reached = Math.min(answer.acknowledged, last);
        if (reached < first) throw stuck(first, answer.acknowledged + 1);
        await confirm(reached);
        position = reached;
        if (!more && reached === last) return;
        continue;
      }
      if (answer.problem !== undefined) throw new Failure('integrity', answer.problem.message, answer.problem.fix ?? callForHelp);
      const { expected } = answer;
      if (expected < first) {
        // Each step back must lead further back than the one before: else both sides would repeat the same steps for ever.
        if (expected >= rewound) throw stuck(first, expected);
        log.warn(
          { from: expected, cursor: options.cursor() },
          'the central API has less of the ledger than it acknowledged; sending again',
        );
        rewound = wanted = expected;
        position = expected - 1;
      } else if (expected > first) {
        await prove(expected - 1, answer.hash);
        await confirm(expected - 1);
        position = expected - 1;
      } else throw stuck(first, expected);
    }
  }

  /** Checks that the central API's last record is our own record of that number: by the hash it named, or by sending it that record again. */
  async function prove(seq: number, hash: string | undefined): Promise<void> {
    const own = await options.unsent(seq - 1, 1, maxBytes);
    if (own?.last === seq) {
      if (hash !== undefined && hash === own.hash) return;
      const answer = hash === undefined ? await options.post(own.json, own.chain, closing.signal) : undefined;
      if (answer !== undefined && 'acknowledged' in answer && answer.acknowledged >= seq) return;
    }
    throw new Failure('integrity', `The central API holds a record ${seq} of this device that is not in its ledger.`, callForHelp);
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (poked && !closing.signal.aborted) {
      if (options.ready?.() === false) {
        poked = false;
        return become(undefined);
      }
      poked = false;
      try {
        await drain();
        failures = 0;
        become(undefined);
      } catch (problem) {
        if (closing.signal.aborted) return;
        const value = toErrorValue(problem);
        // Signed out in the middle: that is no error, and the next sign-in pokes.
        if (value.code === 'signed-out' || options.ready?.() === false) return become(undefined);
        log.warn({ err: problem }, 'the ledger was not uploaded');
        become(value);
        poked = true;
        // Nothing heals a contradiction soon; a person has to look at it.
        const wait = value.code === 'integrity' ? retryMaxMs : backOff(failures++, retryMs, retryMaxMs);
        resting = new AbortController();
        await pause(someJitter(wait), AbortSignal.any([closing.signal, resting.signal]));
      }
    }
  }

  function begin(): void {
    timer = undefined;
    poked = true;
    running ??= run().finally(() => {
      running = undefined;
      if (poked && !closing.signal.aborted && options.ready?.() !== false) begin();
    });
  }

  return {
    poke(now = false) {
      if (closing.signal.aborted) return;
      if (now) {
        clearTimeout(timer);
        resting.abort();
        begin();
      } else timer ??= setTimeout(begin, settleMs).unref();
    },
    status: () => ({ uploaded: options.cursor(), ...(error === undefined ? {} : { error }) }),
    async close() {
      closing.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

const callForHelp = 'Run `gatehouse ledger verify`, then show the result to the people who run the central API.';

function stuck(sent: number, expected: number): Failure {
  return new Failure('integrity', `The central API expects record ${expected} and does not take record ${sent}.`, callForHelp);
}

function missing(from: number, to: number): Failure {
  return new Failure('integrity', `The central API asks for records ${from} to ${to}, which are no longer on this machine.`, callForHelp);
}
