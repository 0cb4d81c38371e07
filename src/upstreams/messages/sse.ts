import { StringDecoder } from 'node:string_decoder';
import { long, own } from './reading.ts';

export interface SseEvent {
  /** The last event id so far, which a client sends back to resume (HTML, "Server-sent events"). */
  id?: string;
  /** Where it is another than `message`. */
  event?: string;
  /** In pieces where it is long. */
  data: string | readonly Buffer[];
  retryMs?: number;
}

/** Of one event. Messages have one. */
const mostLines = 10_000;
/** Characters of an id or an event's name: they are kept, and sent back. */
const longestWord = 1024;
const fieldBytes = 'data: '.length;

const bytesOf = (part: string | Buffer): Buffer => (typeof part === 'string' ? own(Buffer.from(part)) : part);

function joined(lines: readonly (string | readonly Buffer[])[]): string | readonly Buffer[] {
  const texts = lines.filter((line) => typeof line === 'string');
  if (texts.length === lines.length && texts.reduce((sum, line) => sum + line.length, 0) <= long) return texts.join('\n');
  return lines.flatMap((line, at) => [...(at === 0 ? [] : ['\n']), ...(typeof line === 'string' ? [line] : line)].map(bytesOf));
}

/**
 * An incremental parser of `text/event-stream`. Calls back per event, also for one that has an id or a retry time but no data
 * (protocol 2025-11-25 primes a stream so). Returns false when one event is larger than `maxBytes`.
 */
export function openSse(maxBytes: number, onEvent: (event: SseEvent) => void): (chunk: Buffer) => boolean {
  const decoder = new StringDecoder('utf8');
  // Parts of a line that is not complete yet: joined once, so that a large event costs no more than its size.
  let parts: (string | Buffer)[] = [];
  let held = 0;
  let data: (string | readonly Buffer[])[] = [];
  let id: string | undefined;
  let event: string | undefined;
  let retryMs: number | undefined;
  let touched = false;
  let afterReturn = false;
  let begun = false;

  function longLine([first, ...rest]: readonly (string | Buffer)[]) {
    const [begin] = /^data: ?/.exec(first!.slice(0, fieldBytes).toString()) ?? [];
    if (begin === undefined) return;
    data.push([first!.slice(begin.length), ...rest].map(bytesOf));
    touched = true;
  }

  function line(text: string) {
    if (text === '') {
      if (touched) {
        const said: SseEvent = { data: data.length === 1 ? data[0]! : joined(data) };
        if (id !== undefined) said.id = id;
        if (event !== undefined) said.event = event;
        if (retryMs !== undefined) said.retryMs = retryMs;
        onEvent(said);
      }
      data = [];
      event = undefined;
      retryMs = undefined;
      touched = false;
      held = 0;
      return;
    }
    const colon = text.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(text.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    if (field === 'data') {
      data.push(value);
      touched = true;
    } else if (value.length > longestWord) return;
    else if (field === 'event') event = value === 'message' || value === '' ? undefined : value;
    else if (field === 'id' && !value.includes('\0')) {
      id = value;
      touched = true;
    } else if (field === 'retry' && /^\d{1,9}$/.test(value)) {
      retryMs = Number(value);
      touched = true;
    }
  }

  return (chunk) => {
    let text = decoder.write(chunk);
    if (text === '') return true;
    // HTML, "Server-sent events": one is skipped where the stream begins.
    if (!begun && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    begun = true;
    if (afterReturn && text.charCodeAt(0) === 10) text = text.slice(1);
    afterReturn = text.charCodeAt(text.length - 1) === 13;
    if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n');
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      held += end - start;
      if (held > maxBytes) return false;
      const rest = text.slice(start, end);
      start = end + 1;
      if (parts.length === 0) line(rest);
      else {
        parts.push(rest);
        const whole = parts;
        parts = [];
        if (held > long) longLine(whole);
        else line(whole.join(''));
      }
      if (data.length > mostLines) return false;
    }
    if (start < text.length) {
      const rest = text.slice(start);
      held += rest.length;
      // A text of that length would be copied as a whole when it is complete; as bytes it is no work for anybody by then.
      parts.push(held > long ? bytesOf(rest) : rest);
    }
    return held <= maxBytes;
  };
}
