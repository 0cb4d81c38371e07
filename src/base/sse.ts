import { StringDecoder } from 'node:string_decoder';
import { own } from './pieces.ts';

export interface SseEvent {
  /** The last event id so far, which a client sends back to resume (HTML, "Server-sent events"). */
  id?: string;
  /** Absent where it is `message`. */
  event?: string;
  /** In pieces where it is long. */
  data: string | readonly Buffer[];
  retryMs?: number;
}

/** Data lines of one event. An MCP message has one. */
const mostLines = 10_000;
/** Characters of an id or an event's name: they are kept, and sent back. */
const longestWord = 1024;
const usual = 'data: ';
const byteOrderMark = 0xfeff;

const bytesOf = (part: string | Buffer): Buffer => (typeof part === 'string' ? own(Buffer.from(part)) : part);

function joined(lines: readonly (string | readonly Buffer[])[], long: number): string | readonly Buffer[] {
  const texts = lines.filter((line) => typeof line === 'string');
  if (texts.length === lines.length && texts.reduce((sum, line) => sum + line.length, 0) <= long) return texts.join('\n');
  return lines.flatMap((line, at) => [...(at === 0 ? [] : ['\n']), ...(typeof line === 'string' ? [line] : line)].map(bytesOf));
}

/**
 * An incremental parser of `text/event-stream` (WHATWG HTML, "Server-sent events"). Calls back per event, also for one that has an id or a retry time
 * but no data (protocol 2025-11-25 primes a stream so). Returns false when one event is larger than `maxBytes`. Data beyond `long` characters comes in
 * pieces. Why it is our own: docs/adr/0047.
 */
export function openSse(
  maxBytes: number,
  onEvent: (event: SseEvent) => void,
  long = Number.POSITIVE_INFINITY,
): (chunk: Uint8Array) => boolean {
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
    const [begin] = /^data: ?/.exec(first!.slice(0, usual.length).toString()) ?? [];
    if (begin === undefined) return;
    data.push([first!.slice(begin.length), ...rest].map(bytesOf));
    touched = true;
  }

  function line(text: string) {
    if (text === '') {
      if (touched) {
        const said: SseEvent = { data: data.length === 1 ? data[0]! : joined(data, long) };
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
    if (colon === 0) {
      // A comment is part of no event: a stream may send any number of them to show that it is alive.
      held -= text.length;
      return;
    }
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
    let text = decoder.write(chunk as Buffer);
    if (text === '') return true;
    if (!begun) {
      begun = true;
      if (text.charCodeAt(0) === byteOrderMark) text = text.slice(1);
    }
    if (afterReturn && text.charCodeAt(0) === 10) text = text.slice(1);
    afterReturn = text.charCodeAt(text.length - 1) === 13;
    if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n');
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      held += end - start;
      if (held > maxBytes) return false;
      const from = start;
      start = end + 1;
      if (parts.length === 0) {
        // Nearly every line begins so, and then needs no search for its colon.
        if (text.startsWith(usual, from)) {
          data.push(text.slice(from + usual.length, end));
          touched = true;
        } else line(text.slice(from, end));
      } else {
        parts.push(text.slice(from, end));
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
      // A text of that length would be copied as a whole when it is complete. Bytes are not.
      parts.push(held > long ? bytesOf(rest) : rest);
    }
    return held <= maxBytes;
  };
}
