import type { Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

/** What we ask for. Servers behind a proxy compress whether they are asked or not. */
export const accepted = 'gzip, br, zstd';

/** Opens the decoder of a `content-encoding`; undefined: we do not read this one. */
export type Decode = (() => Transform) | undefined;

// What a stream has sent so far is wanted at once. If the stream breaks, what came before is still used.
const flushing = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const decoders = new Map<string, () => Transform>([
  ['gzip', () => createGunzip(flushing)],
  ['x-gzip', () => createGunzip(flushing)],
  ['deflate', () => createInflate(flushing)],
  ['br', () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH })],
  ['zstd', () => createZstdDecompress({ flush: constants.ZSTD_e_flush, finishFlush: constants.ZSTD_e_flush })],
]);

/** `plain`: the body is not encoded. Several encodings, one inside the other, are refused: they are a bomb rather than an answer. */
export function decodingOf(header: string | string[] | undefined): 'plain' | Decode {
  const name = String(header ?? '')
    .trim()
    .toLowerCase();
  return name === '' || name === 'identity' ? 'plain' : decoders.get(name);
}

export interface Decoder {
  /** A promise: nothing more is to be read until it resolves. */
  write(chunk: Buffer): Promise<void> | undefined;
  /** Nothing more is written. `onEnd` follows when all that was written has come out. */
  end(): void;
  /** Nothing more comes out from now on, so that a bomb is not unpacked any further. */
  stop(): void;
}

/** `onData` gets the decoded pieces; its promise pauses the decoder. Begins with the first byte: an empty body is not encoded, whatever the header says. */
export function openDecoder(
  open: () => Transform,
  to: { onData(chunk: Buffer): Promise<void> | undefined; onEnd(): void; onError(): void },
): Decoder {
  let stream: Transform | undefined;
  let over = false;
  const stop = () => {
    over = true;
    stream?.destroy();
  };
  function begin(): Transform {
    const transform = open();
    transform.on('data', (chunk: Buffer) => {
      if (over) return;
      const slow = to.onData(chunk);
      if (!slow || over) return;
      transform.pause();
      void slow.then(() => over || transform.resume());
    });
    transform.on('end', () => over || to.onEnd());
    transform.on('error', () => {
      if (over) return;
      stop();
      to.onError();
    });
    return transform;
  }
  return {
    write(chunk) {
      if (over) return undefined;
      stream ??= begin();
      if (stream.write(chunk)) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      stream.once('drain', resolve).once('close', resolve);
      return promise;
    },
    end() {
      if (stream) stream.end();
      else if (!over) to.onEnd();
    },
    stop,
  };
}
