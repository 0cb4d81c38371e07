import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import type { Agents } from '../credentials/credentials.ts';
import type { Pipes } from '../oauth/pipes.ts';
import { clientId, inWords, nameOfProgram, type Program, starterOf } from './program.ts';

/** What a bridge says first: which process it is and which address it wants; on further connections the pass that it got. */
const claim = z.union([
  z.strictObject({ pid: z.int().min(2), path: z.string().max(200), name: z.string().max(200).optional() }),
  z.strictObject({ pass: z.string().max(64) }),
]);

/** Lets programs in that start the stdio bridge: each is asked for once, and then known by what the system says of it. */
export interface Admission {
  /**
   * Resolves once the person has allowed the program that started the bridge. `waits` is told the code of the question, if there is one.
   * Throws Failure('denied'), Failure('unavailable') where nobody can tell who started it, Failure('bad-input') for a wrong claim.
   */
  admit(input: unknown, waits: (code: string) => void, signal: AbortSignal): Promise<string>;
  /** From now on what comes over the connection is its program's. */
  bind(connection: object, pass: string): void;
  /** Undefined: it is no bridge's. Otherwise who its program is at an address; undefined where it may not, or no more, come in there. */
  bridged(connection: object): ((resource: string) => { name: string } | undefined) | undefined;
}

/** Milliseconds in which a program that was denied is not asked for again: agents start their servers anew whenever one fails. */
const deniedMs = 10 * 60_000;
const mostPasses = 1000;

export function openAdmission(options: {
  pipes: Pipes;
  grants: Agents['grants'];
  isAddress(path: string): boolean;
  now(): number;
  starter?: (pid: number) => Promise<Program | undefined>;
}): Admission {
  const { pipes, grants, now, starter = starterOf } = options;
  // In memory: after a restart of ours a bridge says anew who started it.
  const passes = new Map<string, { client: string; resource: string }>();
  const bound = new WeakMap<object, { client: string; resource: string }>();
  const denied = new Map<string, number>();

  async function allowed(program: Program, resource: string, name: string | undefined, waits: (code: string) => void, signal: AbortSignal) {
    const client = clientId(program);
    if (grants.holder(client, resource)) return client;
    if ((denied.get(client) ?? 0) > now()) throw no();
    const id = pipes.askFor({ id: client, name: name ?? nameOfProgram(program) }, inWords(program), resource);
    waits(id);
    const decision = await pipes.decided(id, signal);
    if (decision === 'allowed' && grants.holder(client, resource)) return client;
    if (decision === 'denied') denied.set(client, now() + deniedMs);
    throw no();
  }

  return {
    async admit(input, waits, signal) {
      const read = claim.safeParse(input);
      if (!read.success) throw new Failure('bad-input', 'That is not how a bridge begins.');
      if ('pass' in read.data) {
        if (passes.has(read.data.pass)) return read.data.pass;
        throw new Failure('denied', 'This pass is not known here.', 'Begin anew.');
      }
      const { pid, path: resource, name } = read.data;
      if (!options.isAddress(resource)) throw new Failure('not-found', `There is no address ${JSON.stringify(resource)} here.`);
      const program = await starter(pid);
      if (!program)
        throw new Failure(
          'unavailable',
          'The system does not say which program started this bridge.',
          'Let the agent itself start "gatehouse bridge"; it must run as the same user.',
        );
      const client = await allowed(program, resource, name, waits, signal);
      const pass = randomBytes(32).toString('base64url');
      for (const old of passes.keys()) if (passes.size >= mostPasses) passes.delete(old);
      passes.set(pass, { client, resource });
      return pass;
    },
    bind(connection, pass) {
      const whose = passes.get(pass);
      if (whose) bound.set(connection, whose);
    },
    bridged(connection) {
      const whose = bound.get(connection);
      return whose && ((resource) => (resource === whose.resource ? grants.holder(whose.client, resource) : undefined));
    },
  };
}

const no = () =>
  new Failure('denied', 'The person has not allowed this program in Gatehouse.', 'Ask the person to allow it there, then start it again.');
