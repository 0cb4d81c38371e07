import { z } from 'zod';

/** Fields that the inputs of several commands have. */
export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/,
    'a name has 1 to 64 letters, digits, spaces, ".", "_" or "-" and starts with a letter or digit',
  );
export const server = z.string().min(1).max(64);
export const tool = z.string().min(1).max(256);
