/** One message of a stream of server-sent events (WHATWG HTML, section 9.2). */
export interface ServerEvent {
  event: string;
  data: string;
}

// Our messages are a few dozen characters; whatever is longer is not for us.
const longest = 64 * 1024;

/**
 * Reads messages until the stream ends. `heard` is called for every piece that arrives, comments too, since those are the heartbeat;
 * `retry` for the server's wish of a reconnection time. A line or message beyond 64 Ki characters ends it with an error.
 */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
  { heard, retry }: { heard(): void; retry(ms: number): void },
): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  // Parts of a line that is not complete yet: joined once, however small the pieces are that it comes in.
  let parts: string[] = [];
  let held = 0;
  let afterReturn = false;
  let event = '';
  let data: string[] = [];
  let size = 0;
  for await (const chunk of body) {
    heard();
    let text = decoder.decode(chunk, { stream: true });
    if (text === '') continue;
    // A CR at the very end may have been half of a CR LF.
    if (afterReturn && text.startsWith('\n')) text = text.slice(1);
    afterReturn = text.endsWith('\r');
    const lines = text.split(/\r\n|\n|\r/);
    const rest = lines.pop()!;
    if (lines.length > 0) {
      lines[0] = parts.join('') + lines[0];
      parts = [];
      held = 0;
    }
    if (rest !== '') parts.push(rest);
    held += rest.length;
    if (held > longest) throw new Error('a line of the event stream is too long');
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: event === '' ? 'message' : event, data: data.join('\n') };
        event = '';
        data = [];
        size = 0;
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
      if ((size += line.length) > longest) throw new Error('a message of the event stream is too long');
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
      else if (field === 'retry' && /^\d{1,9}$/.test(value)) retry(Number(value));
    }
  }
}
