import { Worker } from 'node:worker_threads';
import { entryUrl } from '../base/entry.ts';
import { type ErrorValue, Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Head } from './head.ts';
import type { Query, Questions, Said, WriterData } from './messages.ts';
import type { Row } from './record.ts';

/** The main thread's side of the writer: rows go in, are kept until the writer has committed them, and survive a writer that dies. */
export interface Queue {
  push(row: Row): void;
  ask<Q extends Query>(question: Q, input: Questions[Q]['input']): Promise<Questions[Q]['output']>;
  head(): Head;
  /** Rows that are not on the disk yet. */
  behind(): number;
  /** Why the writer does not write at the moment. */
  failing(): ErrorValue | undefined;
  close(): Promise<void>;
  /** The thread itself, for the test that kills it. */
  worker(): Worker;
}

export interface QueueEvents {
  ready(said: Extract<Said, { kind: 'ready' }>): void;
  /** Up to record `seq` all is on the disk. */
  committed(seq: number): void;
  /** No power failure can take away the record that this head names. */
  durable(head: Head): void;
  /** Found while running: the chain is no longer whole, though writing goes on; or the loss was accepted. */
  trouble(error: ErrorValue | undefined): void;
  /** The reader must let go of the file, for it is about to be put aside. */
  release(): void;
}

// Milliseconds that records wait to be sent together, since each message costs both threads a wake-up. A kill -9 loses at most so much. From
// `plenty` records on they do not wait.
const patience = 25;
const plenty = 500;

const gone: ErrorValue = {
  code: 'unavailable',
  message: 'The program that writes the ledger stopped.',
  fix: 'It is started again by itself; see the log file if this stays.',
};

/** Starts the writer and resolves when the file is open; rejects with the writer's Failure where it cannot be. */
export async function openQueue(options: WriterData, log: Log, now: () => number, events: QueueEvents): Promise<Queue> {
  // [0, done) is committed, [done, sent) is with the writer, the rest waits for `post`.
  let rows: Row[] = [];
  let done = 0;
  let sent = 0;
  let posting: NodeJS.Timeout | undefined;
  let head: Head = { chain: '', records: 0, seq: 0, firstSeq: 1, hash: '' };
  let { vault } = options;
  let failing: ErrorValue | undefined;
  let closing = false;
  let replacing = false;
  let lastId = 0;
  let worker: Worker;
  const asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();

  function post(): void {
    clearTimeout(posting);
    posting = undefined;
    // While the writer fails the rows wait here, and not in the writer as well.
    if (failing !== undefined || sent === rows.length) return;
    worker.postMessage(JSON.stringify(sent === 0 ? rows : rows.slice(sent)));
    sent = rows.length;
  }

  function settle(count: number): void {
    done += count;
    if (done === rows.length) {
      rows = [];
      done = sent = 0;
    } else if (done > 1000) {
      rows = rows.slice(done);
      sent -= done;
      done = 0;
    }
  }

  function hold(durable: Head): void {
    vault = durable;
    events.durable(durable);
  }

  function hear(said: Said): void {
    switch (said.kind) {
      case 'committed':
        settle(said.count);
        head = said.head;
        events.committed(head.seq);
        return;
      case 'durable':
        hold(said.head);
        return;
      case 'trouble':
        events.trouble(said.error);
        return;
      case 'failing':
        if (failing?.message !== said.error.message) log.error({ error: said.error }, 'ledger: writing fails');
        failing = said.error;
        return;
      case 'well':
        log.info({}, 'ledger: writing goes on');
        failing = undefined;
        post();
        return;
      case 'damaged':
        replacing = true;
        events.release();
        ask('replace', now()).catch((error) => log.error({ err: error }, 'ledger: the damaged file could not be put aside'));
        return;
      case 'answer':
      case 'failed': {
        const waiting = asked.get(said.id);
        asked.delete(said.id);
        if (said.kind === 'answer') waiting?.resolve(said.value);
        else waiting?.reject(new Failure(said.error.code, said.error.message, said.error.fix));
        return;
      }
      case 'ready':
      case 'refused':
    }
  }

  function ask<Q extends Query>(question: Q, input: Questions[Q]['input']): Promise<Questions[Q]['output']> {
    return new Promise((resolve, reject) => {
      if (closing && question !== 'close') return reject(new Failure('not-running', 'The ledger is closed.'));
      if (failing?.code === gone.code && failing.message === gone.message) return reject(new Failure(gone.code, gone.message, gone.fix));
      post();
      const id = ++lastId;
      asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
      worker.postMessage({ id, question, input });
    });
  }

  // Rows pass through the writer and none stays: without bounds V8 lets their garbage grow with the machine's memory.
  const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 96 };

  function start(first: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      worker = new Worker(entryUrl('ledger/writer'), {
        workerData: { ...options, vault, at: now() } satisfies WriterData,
        name: 'ledger',
        resourceLimits,
      });
      worker.on('message', (said: Said) => {
        if (said.kind === 'ready') {
          // A writer that died may have committed rows it could not tell us of: they are the oldest of those we still hold.
          if (!first && !replacing) settle(Math.max(0, said.head.records - said.notes - head.records));
          head = said.head;
          failing = undefined;
          // A writer that lives on has what it was sent; a new one has nothing.
          if (!replacing) sent = done;
          replacing = false;
          first = false;
          events.ready(said);
          hold(head);
          post();
          resolve();
        } else if (said.kind === 'refused') reject(new Failure(said.error.code, said.error.message, said.error.fix));
        else hear(said);
      });
      worker.on('error', (error) => log.error({ err: error }, 'ledger: the writer broke'));
      worker.on('exit', () => {
        for (const { reject } of asked.values()) reject(new Failure(gone.code, gone.message, gone.fix));
        asked.clear();
        if (closing) return;
        reject(new Failure(gone.code, gone.message, gone.fix)); // does nothing once it was ready
        failing ??= gone;
        if (!first) restartSoon();
      });
    });
  }

  function restartSoon(): void {
    failing = gone;
    setTimeout(() => {
      if (!closing) start(false).catch((error) => log.error({ err: error }, 'ledger: the writer could not be started again'));
    }, 250);
  }

  await start(true);
  return {
    push(row) {
      rows.push(row);
      posting ??= setTimeout(post, patience);
      if (rows.length - sent === plenty) setImmediate(post);
    },
    ask,
    head: () => head,
    behind: () => rows.length - done,
    failing: () => failing,
    async close() {
      if (closing) return;
      closing = true;
      const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      if (worker.threadId === -1) return;
      failing = undefined; // one last try with all we hold
      try {
        await ask('close', undefined);
      } catch (error) {
        log.error({ err: error, records: rows.length - done }, 'ledger: not everything could be written before closing');
      }
      await ended;
    },
    worker: () => worker,
  };
}
