import { readFile } from 'node:fs/promises';
import { fromProc, type Loopback } from './holder.ts';

/**
 * Whose programs are at the ends of connections on loopback. Linux says so for all sockets; other systems show a user only their own, or take seconds, so that
 * nothing is known there, and what is not known is not this user's.
 */
export const ownPrograms = {
  /** Whether the other end of a connection to our port belongs to a program of this user. */
  async peer(from: { address: string; port: number }, ownPort: number): Promise<boolean> {
    const uids = (await tables()).flatMap((table) => peersIn(table, from, ownPort));
    return uids.length > 0 && uids.every((uid) => uid === process.getuid?.());
  },
  /** Whether each program that a connection to this host of loopback may reach belongs to this user, and there is one. */
  async listener(host: string, port: number): Promise<boolean> {
    const all = await tables();
    const uids = (hosts[host] ?? []).flatMap((address) => all.flatMap((table) => fromProc(table, address, port).map(({ uid }) => uid)));
    return uids.length > 0 && uids.every((uid) => uid === process.getuid?.());
  },
};

const hosts: Record<string, Loopback[]> = { '127.0.0.1': ['127.0.0.1'], '[::1]': ['::1'], localhost: ['127.0.0.1', '::1'] };

// proc(5), /proc/net/tcp: 127.0.0.1, the same as an address of IPv6, and ::1.
const ends: Record<string, string[]> = {
  '127.0.0.1': ['0100007F', '0000000000000000FFFF00000100007F'],
  '::ffff:127.0.0.1': ['0100007F', '0000000000000000FFFF00000100007F'],
  '::1': ['00000000000000000000000001000000'],
};

/** The users of the sockets that a connection to our port comes from; 01 is TCP_ESTABLISHED. */
export function peersIn(table: string, from: { address: string; port: number }, ownPort: number): number[] {
  const spellings = ends[from.address] ?? [];
  const at = (port: number) => spellings.map((host) => `${host}:${port.toString(16).toUpperCase().padStart(4, '0')}`);
  const [locals, remotes] = [at(from.port), at(ownPort)];
  return table.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state, , , , uid] = line.trim().split(/\s+/);
    return state === '01' && locals.includes(local) && remotes.includes(remote) ? [Number(uid)] : [];
  });
}

const tables = async (): Promise<string[]> =>
  process.platform === 'linux'
    ? await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/net/${table}`, 'utf8').catch(() => '')))
    : [];
