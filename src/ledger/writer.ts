// Worker thread: the only writer of the ledger.
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorValue, toErrorValue } from '../base/errors.ts';
import { exportPage } from './export.ts';
import type { Ask, Questions, Said, WriterData } from './messages.ts';
import type { Row } from './record.ts';
import {
  acceptLoss,
  acknowledge,
  closeStore,
  commit,
  isDamage,
  type LedgerStore,
  openStore,
  readCursor,
  realign,
  refuseReplaced,
  restart,
  sync,
  toFailure,
} from './store.ts';
import { batchAfter } from './unsent.ts';
import { type Outside, troubleOf, type Verification, verify } from './verify.ts';

// The caller batches already (queue.ts): what arrives is written at once.
const largest = 5000;
const anchorEvery = 5000;
const slowest = 5000;

const port = parentPort!;
const options = workerData as WriterData;
let waiting: Row[] = [];
let timer: NodeJS.Timeout | undefined;
let retryAfter = 0;
let damaged = false;
let told = -1;
let trouble: ErrorValue | undefined;
let store: LedgerStore;

function say(message: Said): void {
  port.postMessage(message);
}

function ready(): void {
  trouble = troubleOf(store);
  told = store.durable;
  say({ kind: 'ready', head: store.head, cursor: readCursor(store.database).seq, notes: store.notes, trouble });
}

function tellTrouble(): void {
  const current = troubleOf(store);
  if (current?.message === trouble?.message) return;
  trouble = current;
  say({ kind: 'trouble', error: current });
}

/** Makes durable what was committed, and says so once: the vault keeps that head. */
function secure(): number {
  sync(store);
  tellDurable();
  return store.durable;
}

function tellDurable(): void {
  if (store.durable === told) return;
  told = store.durable;
  say({ kind: 'durable', head: store.head });
}

function schedule(delay: number): void {
  timer ??= setTimeout(write, delay);
}

function write(): void {
  clearTimeout(timer);
  timer = undefined;
  try {
    if (waiting.length === 0) secure();
    else writeAll();
    recovered();
    if (waiting.length > 0) schedule(0);
  } catch (error) {
    retryAfter = Math.min(Math.max(retryAfter * 2, 100), slowest);
    say({ kind: 'failing', error: toErrorValue(toFailure(error)) });
    if (isDamage(error) && !damaged) {
      damaged = true;
      say({ kind: 'damaged' });
    } else schedule(retryAfter);
  }
}

/** At most `largest` rows, so that questions get their turn; throws with the rows still waiting. */
function writeAll(): void {
  if (waiting.length === 0) return;
  refuseReplaced(store);
  const rows = waiting.length > largest ? waiting.slice(0, largest) : waiting;
  try {
    commit(store, rows);
  } catch (error) {
    // A constraint: somebody else's record sits where ours belongs.
    if (![1555, 2579].includes((error as { errcode?: number }).errcode ?? 0)) throw error;
    realign(store, rows[0]![0]);
    tellTrouble();
    commit(store, rows);
  }
  waiting = waiting.length > largest ? waiting.slice(largest) : [];
  say({ kind: 'committed', count: rows.length, head: store.head });
}

function recovered(): void {
  if (retryAfter === 0) return;
  retryAfter = 0;
  say({ kind: 'well' });
}

function flush(): void {
  while (waiting.length > 0) writeAll();
}

/** Piece by piece between commits. */
async function verifyAll(outside: Outside): Promise<Verification> {
  try {
    flush();
  } catch {
    // What is on the disk can be verified all the same.
  }
  const walk = verify(store, outside);
  for (;;) {
    const { done, value } = walk.next();
    if (done) return value;
    await new Promise(setImmediate);
  }
}

async function answer({ question, input }: Ask): Promise<unknown> {
  switch (question) {
    case 'flush':
      return flush();
    case 'unsent': {
      flush();
      const { after, limit, bytes } = input as Questions['unsent']['input'];
      return batchAfter(store.database, after, secure(), limit, bytes);
    }
    case 'acknowledge':
      return acknowledge(store, input as number);
    case 'accept-loss': {
      flush();
      const { person, at } = input as Questions['accept-loss']['input'];
      const loss = acceptLoss(store, person, at);
      say({ kind: 'committed', count: 0, head: store.head });
      secure();
      tellTrouble();
      return loss;
    }
    case 'cursor':
      return readCursor(store.database).seq;
    case 'verify':
      return verifyAll(input as Outside);
    case 'export': {
      flush();
      const { format, before, limit } = input as Questions['export']['input'];
      return exportPage(store.database, format, before, limit);
    }
    case 'replace': {
      const lastHead = store.head;
      store.database.close();
      store = restart({ ...options, at: input as number }, 'it could no longer be written', lastHead);
      damaged = false;
      ready();
      schedule(0);
      return undefined;
    }
    case 'close':
      clearInterval(anchoring);
      clearTimeout(timer);
      try {
        flush();
      } finally {
        closeStore(store);
        tellDurable();
      }
      return undefined;
  }
}

function anchor(): void {
  if (retryAfter > 0) return;
  try {
    secure();
  } catch (error) {
    retryAfter = 100;
    say({ kind: 'failing', error: toErrorValue(toFailure(error)) });
    schedule(retryAfter);
  }
}

let anchoring: NodeJS.Timeout | undefined;
try {
  store = openStore(options);
  anchoring = setInterval(anchor, anchorEvery);
  port.on('message', (message: string | Ask) => {
    if (typeof message === 'string') {
      const rows = JSON.parse(message) as Row[];
      if (waiting.length === 0) waiting = rows;
      else for (const row of rows) waiting.push(row);
      if (retryAfter > 0 || damaged) return;
      write();
      return;
    }
    answer(message).then(
      (value) => {
        say({ kind: 'answer', id: message.id, value });
        if (message.question === 'close') port.close();
      },
      (error) => {
        say({ kind: 'failed', id: message.id, error: toErrorValue(toFailure(error)) });
        if (message.question === 'close') port.close();
      },
    );
  });
  ready();
} catch (error) {
  say({ kind: 'refused', error: toErrorValue(toFailure(error)) });
}
