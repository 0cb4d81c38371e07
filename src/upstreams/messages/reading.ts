import { Worker } from 'node:worker_threads';
import { entryUrl } from '../../base/entry.ts';
import { UpstreamError } from '../upstream.ts';
import { Hole } from './hole.ts';
import { type Outline, put, type Refused } from './outline.ts';
import { parseShort, rawNumber } from './parse-json.ts';

/** Bytes. What is longer is read by another thread: parsed here it would keep everybody waiting, some 4 ms per MiB. */
export const long = 2 * 1024 * 1024;

/** Text of one message; of a long one the bytes in pieces, since joining them would take time, too. */
export type Text = string | Buffer | readonly Buffer[];

/** A message that is too large to be read. */
export class UnreadableMessage extends UpstreamError {
  /** The id of the answer; undefined: the message is none. */
  readonly id: unknown;
  constructor(message: string, id: unknown) {
    super('too-large', message);
    this.id = id;
  }
}

/** A text that does not even begin as a message does: a sign of life, a line of a log. */
class NoMessage extends UpstreamError {}

/** Whether the text that could not be read may have been an answer. One that certainly was none fails no call. */
export const mayAnswer = (error: UpstreamError): boolean =>
  !(error instanceof NoMessage) && !(error instanceof UnreadableMessage && error.id === undefined);

/**
 * Reads one message and hands it to `then`: a short one at once, and returns undefined; a long one when another thread has read it. `then` gets an error
 * if the text cannot be read. The caller must not use the pieces of a text afterwards.
 */
export function readMessage(text: Text, then: (message: unknown, error?: UpstreamError) => void): Promise<void> | undefined {
  if (typeof text === 'string' || Buffer.isBuffer(text)) {
    let short: ReturnType<typeof parseShort>;
    try {
      short = typeof text === 'string' ? parseShort(text) : parseShort(text.toString('utf8'), text);
    } catch {
      return void then(undefined, notJson(beginning(text)));
    }
    if (short) return void then(short.message);
  }
  return readElsewhere(Buffer.isBuffer(text) ? [text] : text).then(then, (error: UpstreamError) => then(undefined, error));
}

const notJson = (begin: string) =>
  new (/^\s*(?:\{|\[\s*\{)/.test(begin) ? UpstreamError : NoMessage)('bad-answer', 'an answer that is not JSON');

/** Characters that are looked at of a text that is no message. */
const mostBegin = 4096;
export const beginning = (text: Text): string =>
  typeof text === 'string' ? text.slice(0, mostBegin) : (Buffer.isBuffer(text) ? text : text[0]!).toString('utf8', 0, mostBegin);

interface Job {
  /** Kept here, since the text itself is transferred to the other thread. */
  begin: string;
  text: string | readonly Buffer[];
  resolve(message: unknown): void;
  reject(error: UpstreamError): void;
}

/** Any message within the bounds is read much faster. A thread that takes longer is given up. */
const mostMs = 20_000;
const idleMs = 30_000;

const waiting: Job[] = [];
let current: Job | undefined;
let reader: Worker | undefined;
let timer: NodeJS.Timeout | undefined;

function readElsewhere(text: Job['text']): Promise<unknown> {
  return new Promise((resolve, reject) => {
    waiting.push({ begin: beginning(text), text, resolve, reject });
    next();
  });
}

/** One message at a time, so that only one is lost with a thread. */
function next(): void {
  if (current) return;
  clearTimeout(timer);
  current = waiting.shift();
  const thread = reader ?? (current && start());
  if (!current) timer = setTimeout(() => lose(thread), idleMs).unref();
  else {
    timer = setTimeout(() => lose(thread), mostMs).unref();
    const { text } = current;
    if (typeof text === 'string') thread!.postMessage(text);
    else {
      const pieces = text.map(alone);
      thread!.postMessage(
        pieces,
        pieces.map(({ buffer }) => buffer),
      );
    }
  }
}

function start(): Worker {
  const thread = new Worker(entryUrl('upstreams/messages/reader'), {
    name: 'reader',
    resourceLimits: { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: 32 },
  });
  thread.unref();
  thread.on('message', (said: Outline | Refused) => {
    const job = current!;
    current = undefined;
    next();
    if ('refused' in said) job.reject(said.refused === 'not-json' ? notJson(job.begin) : new UnreadableMessage(said.refused, said.id));
    else job.resolve(filled(said));
  });
  // Most likely it ran out of memory. The message that it was reading is lost.
  thread.on('error', () => lose(thread));
  thread.on('exit', () => lose(thread));
  reader = thread;
  return thread;
}

function lose(thread: Worker | undefined): void {
  if (!thread || reader !== thread) return;
  reader = undefined;
  void thread.terminate();
  const job = current;
  current = undefined;
  job?.reject(new UpstreamError('too-large', 'an answer that takes too much time or memory to be read'));
  next();
}

function filled({ message, holes, numbers, bytes }: Outline): unknown {
  for (const [holder, key, from, to] of holes) put(holder, key, new Hole(Buffer.from(bytes.buffer, from, to - from)));
  for (const [holder, key, source] of numbers) put(holder, key, rawNumber(source));
  return message;
}

/** The bytes in a buffer that can be transferred. Node puts small pieces into one shared buffer, and a transferred buffer is gone here. */
function alone(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes;
  // Nobody uses the few other bytes of this buffer: they are the beginning of the line.
  if (buffer instanceof ArrayBuffer && length > shared && buffer.byteLength - length < cutOff)
    return new Uint8Array(buffer, byteOffset, length);
  return new Uint8Array(bytes);
}
const shared = 32 * 1024;
const cutOff = 16;
