import type { ServerEntry } from '../../bundle/schema.ts';

/**
 * The server of a tool, prompt or resource, as far as a call needs to know it. Whether it is a registry entry, a process or code of our own, only its
 * upstream knows.
 */
export interface Owner {
  /** The id of its upstream, and of its server in rules and records. */
  id: string;
  /** For people. */
  title: string;
  catalogue: Pick<ServerEntry['catalogue'], 'skills' | 'capabilities'>;
}
