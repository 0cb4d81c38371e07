import { hash } from 'node:crypto';

/**
 * Agents put a prefix before a name and stop at 64 characters, so ours stop at 45; the charset is what every model API takes.
 * A name that had to be changed carries a hash of the original: the same in every run, and never another tool's.
 */
export const maxName = 45;

export function exposedName(server: string, name: string, taken: (candidate: string) => boolean): string {
  const plain = `${server}__${name}`;
  if (plain.length <= maxName && /^[a-zA-Z0-9_-]+$/.test(plain) && !taken(plain)) return plain;
  return shortened(`${server}\0${name}`, plain, maxName, taken);
}

/**
 * On a server's own address a name stays as the server has it (the specification allows dots), unless agents could not offer it to a model: they put
 * `mcp__SERVER__` before it and stop at 64.
 */
export function ownName(server: string, name: string, taken: (candidate: string) => boolean): string {
  const most = 64 - `mcp__${server}__`.length;
  if (name.length <= most && /^[a-zA-Z0-9_.-]+$/.test(name)) return name;
  return shortened(`${server}\0${name}`, name, most, taken);
}

function shortened(whole: string, plain: string, most: number, taken: (candidate: string) => boolean): string {
  const digest = hash('sha256', whole, 'hex');
  const clean = plain.replace(/[^a-zA-Z0-9_-]/g, '_');
  for (let length = 6; length <= digest.length; length++) {
    const candidate = `${clean.slice(0, Math.max(1, most - length - 1))}_${digest.slice(0, length)}`.slice(-most);
    if (!taken(candidate)) return candidate;
  }
  throw new Error('no name left');
}

/** A URI that names its server: used where two upstreams offer the same one, understood everywhere (RFC 3986 schemes may hold `+`). */
export const scopedUri = (server: string, uri: string): string => `${server}+${uri}`;
