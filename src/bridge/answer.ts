import type { IncomingMessage } from 'node:http';
import { Failure } from '../base/errors.ts';
import { openSse } from '../base/sse.ts';
import { asLine } from './message.ts';

/** Bytes of one message, or of one answer that is no stream. */
const longest = 256 * 1024 * 1024;

/**
 * The messages in an answer of the host, each as one line, with the ids that it answers. `seen` is told the ids of a stream's events. Throws Failure with
 * the host's words where it refused before it looked at a message, and Error for what is too long or breaks off.
 */
export async function* messagesIn(
  response: IncomingMessage,
  options: { log: (text: string) => void; seen?: (id: string) => void },
): AsyncGenerator<{ line: string; answers: unknown[] }> {
  const type = response.headers['content-type'] ?? '';
  const texts = /^text\/event-stream\b/.test(type)
    ? events(response, options.seen)
    : /^application\/json\b/.test(type)
      ? whole(response)
      : [];
  for await (const text of texts) {
    const message = asLine(text);
    if (message) yield message;
    else if ((response.statusCode ?? 0) >= 400) throw new Failure('unavailable', worded(text));
    else options.log('the host sent something that is no message');
  }
  response.resume();
}

async function* events(response: IncomingMessage, seen: (id: string) => void = () => {}): AsyncGenerator<string> {
  let waiting: string[] = [];
  const feed = openSse(longest, ({ id, event, data }) => {
    if (id !== undefined) seen(id);
    const text = typeof data === 'string' ? data : Buffer.concat(data).toString('utf8');
    if (event === undefined && text !== '') waiting.push(text);
  });
  for await (const chunk of response) {
    if (!feed(chunk as Buffer)) throw new Error('an event of the host is too long');
    const now = waiting;
    waiting = [];
    yield* now;
  }
}

async function* whole(response: IncomingMessage): AsyncGenerator<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    if (length > longest) throw new Error('an answer of the host is too long');
    pieces.push(chunk as Buffer);
  }
  if (length > 0) yield Buffer.concat(pieces).toString('utf8');
}

/** The sentence in an error of HTTP. */
function worded(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message.slice(0, 1000);
  } catch {
    // Not in our words.
  }
  return 'Gatehouse refused the request.';
}
