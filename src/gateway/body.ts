import type { IncomingMessage } from 'node:http';

export type Body = { bytes: number; value: unknown } | { refused: 'too-large' | 'not-json' | 'too-deep' | 'broken-off' };

/** Reads one JSON body. Both bounds hold before anything is parsed, so a hostile body costs no more than its reading. */
export async function readBody(request: IncomingMessage, maxBytes: number, maxDepth: number): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return { refused: 'too-large' };
  const raw = await collect(request, maxBytes);
  if (typeof raw === 'string') return { refused: raw };
  if (deeper(raw, maxDepth)) return { refused: 'too-deep' };
  try {
    return { bytes: raw.length, value: JSON.parse(raw.toString('utf8')) };
  } catch {
    return { refused: 'not-json' };
  }
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'too-large' | 'broken-off'> {
  return new Promise((resolve) => {
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        request.removeAllListeners('data');
        // What is still to come is thrown away unread, so that the answer can reach the sender.
        request.resume();
        resolve('too-large');
      } else if (first === undefined) first = chunk;
      else (rest ??= [first]).push(chunk);
    });
    request.on('end', () => resolve(rest ? Buffer.concat(rest, size) : (first ?? Buffer.alloc(0))));
    request.on('error', () => resolve('broken-off'));
    request.on('aborted', () => resolve('broken-off'));
  });
}

const quote = 0x22;
const backslash = 0x5c;

/** Whether brackets nest deeper than `max`: counted on the bytes, since a parsed value that deep could not even be walked. */
function deeper(raw: Buffer, max: number): boolean {
  if (raw.length <= max) return false;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < raw.length; index++) {
    const byte = raw[index];
    if (inString) {
      if (byte === backslash) index++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > max) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}
