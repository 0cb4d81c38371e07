/**
 * Copies a piece into memory of its own, so that it can be handed to another thread. Done for each piece as it comes, so that there is no large
 * copy at the end.
 */
export const own = (piece: Buffer): Buffer => Buffer.from(new Uint8Array(piece).buffer);
