import type { ServerEntry } from '../../bundle/schema.ts';

/**
 * Whose a thing is, as far as the way of a call needs to know it. Whether a registry entry stands behind it, a process or code of our own, is for its
 * upstream to know.
 */
export interface Owner {
  /** Of its upstream, and of its server in rules and records. */
  id: string;
  /** For people. */
  title: string;
  catalogue: Pick<ServerEntry['catalogue'], 'skills' | 'capabilities'>;
}
