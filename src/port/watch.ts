import { type ErrorValue, Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Exposure } from '../contract/agents.ts';
import { type Credential, openExposures } from './exposure.ts';
import { findHolder, inWords, type Loopback } from './holder.ts';

/** The result of trying an address. */
interface AddressState {
  address: Loopback;
  hold: 'ours' | 'foreign' | 'closed' | 'unknown';
  code?: string;
}

export interface PortWatch {
  /** Tries the port now. Undefined: what agents send to it arrives here, whichever loopback address they use. */
  check(): Promise<ErrorValue | undefined>;
  /** As of the last check. `on`: agents reach us on the address that they are given. */
  state(): { on: boolean; error?: ErrorValue; exposure?: Exposure };
  /** A credential was revoked. */
  prune(): void;
  /** The person has dealt with it, or will not. Throws Failure('conflict') while another program has the port. */
  dismiss(): void;
  close(): Promise<void>;
}

const everyMs = 30_000;
/** While it is not ours: whoever holds it may end at any time. */
const soonMs = 5_000;
const free = 'End that program, or have the port changed in the settings ("port"); agents must then be given the new address.';

/** Looks after the port: asks in intervals whether it is ours, says who else has it, and remembers whose credentials were at stake. */
export function watchPort(options: {
  port: number;
  /** The file that keeps what a restart must not forget. */
  file: string;
  probe(): Promise<AddressState[]>;
  /** The credentials that are good at present. */
  live(): Credential[];
  /** For the record. */
  note(reason: string): void;
  changed(): void;
  log: Log;
  now(): number;
}): PortWatch {
  const { port, probe, note, changed, log, live, now } = options;
  const exposures = openExposures({ file: options.file, live, now, log });
  let on = false;
  let error: ErrorValue | undefined = {
    code: 'unavailable',
    message: `Port ${port} has not been checked yet.`,
    fix: 'Try again in a moment.',
  };
  let running: Promise<ErrorValue | undefined> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function look(): Promise<ErrorValue | undefined> {
    const states = await probe();
    const was = JSON.stringify([on, error, exposures.current()]);
    on = states.some(({ address, hold }) => address === '127.0.0.1' && hold === 'ours');
    // Another program matters most, so it is told first; then the address that agents are given.
    const worst = states.find(({ hold }) => hold === 'foreign') ?? states.find(({ hold }) => hold !== 'ours');
    if (worst?.hold === 'foreign') {
      const at = `${worst.address === '::1' ? '[::1]' : worst.address}:${port}`;
      const holder = inWords(await findHolder(worst.address, port));
      error = { code: 'conflict', ...taken(worst.address, port, holder) };
      if (exposures.begin(at, holder)) {
        const agents = exposures.current()?.agents ?? [];
        log.error({ address: at, holder, agents }, 'another program has the port');
        note(
          `${at} was held by ${holder}. ${agents.length === 0 ? 'There was no agent.' : `May have been sent the credentials of: ${agents.join(', ')}.`}`,
        );
      }
    } else {
      error = worst && { code: 'unavailable', ...troubled(worst, port) };
      if (!worst) exposures.end();
    }
    if (was !== JSON.stringify([on, error, exposures.current()])) changed();
    return error;
  }

  function check(): Promise<ErrorValue | undefined> {
    clearTimeout(timer);
    running ??= look()
      .catch((cause: unknown) => {
        log.error({ err: cause }, 'the port could not be checked');
        error = { code: 'unavailable', ...troubled({ address: '127.0.0.1', hold: 'unknown' }, port) };
        return error;
      })
      .finally(() => {
        running = undefined;
        clearTimeout(timer);
        if (!closed) timer = setTimeout(() => void check(), error ? soonMs : everyMs).unref();
      });
    return running;
  }

  return {
    check,
    state() {
      const exposure = exposures.current();
      return { on, ...(error ? { error } : {}), ...(exposure ? { exposure } : {}) };
    },
    prune: () => exposures.prune(),
    dismiss() {
      const exposure = exposures.current();
      if (exposure === undefined) return;
      if (exposure.until === undefined)
        throw new Failure('conflict', `${exposure.address} is still held by ${exposure.holder}.`, `${free} Then dismiss this.`);
      exposures.dismiss();
      note(`The notice of credentials that may have leaked through ${exposure.address} was dismissed: ${exposure.agents.join(', ')}.`);
      changed();
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function taken(address: Loopback, port: number, holder: string): { message: string; fix: string } {
  if (address === '127.0.0.1')
    return { message: `Port ${port} on 127.0.0.1 is held by ${holder}, which gets what agents send there.`, fix: free };
  return {
    message: `Port ${port} on [::1] is held by ${holder}, which gets what agents send to "localhost".`,
    fix: `${free} Agents that are configured with 127.0.0.1 reach Gatehouse.`,
  };
}

function troubled({ address, hold, code }: AddressState, port: number): { message: string; fix: string } {
  const at = `port ${port} on ${address === '::1' ? '[::1]' : address}`;
  if (hold === 'unknown') return { message: `It could not be checked whether ${at} is Gatehouse's own.`, fix: 'Try again in a moment.' };
  return {
    message: `Gatehouse cannot listen at ${at}${code === undefined ? '' : ` (${code})`}.`,
    fix: 'Have the port changed in the settings ("port"); agents must then be given the new address.',
  };
}
