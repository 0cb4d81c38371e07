// The thread that reads long messages: what takes it long keeps nobody else waiting.
import { parentPort } from 'node:worker_threads';
import { outlineOf } from './outline.ts';
import { parseLong } from './parse-json.ts';

const port = parentPort!;
port.on('message', (text: string | Uint8Array[]) => {
  try {
    const parsed = parseLong(typeof text === 'string' ? text : Buffer.concat(text).toString('utf8'));
    const outline = 'refused' in parsed ? parsed : outlineOf(parsed.message);
    port.postMessage(outline, 'bytes' in outline ? [outline.bytes.buffer] : []);
  } catch {
    port.postMessage({ refused: 'not-json' });
  }
});
