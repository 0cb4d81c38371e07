import { type ConfigFile, digest } from './config-file.ts';

/** What a preview says of a file, to be told again when it is carried out. */
export const stateOf = ({ bytes }: ConfigFile): string => (bytes === undefined ? 'absent' : digest(bytes));

/** What the person should know of the file that our entry is written into, with a token or without. */
export const warningsOf = ({ path, linkedTo, readByOthers }: ConfigFile, hasToken: boolean): string[] => [
  ...(linkedTo === undefined ? [] : [`${path} is a link; ${linkedTo} is what is changed.`]),
  ...(readByOthers && hasToken
    ? [`Other users of this machine can read ${path}, so they can read the token. Close it to them: chmod 600 '${path}'`]
    : []),
];
