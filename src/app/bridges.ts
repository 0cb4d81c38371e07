import type { Socket } from 'node:net';
import type { Admission } from '../agents/bridged/admission.ts';
import { cliFile } from '../base/entry.ts';
import { Failure } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import type { Gateway } from '../gateway/gateway.ts';

/** What lets bridges in, on the user-only socket that a shell opens. */
export interface Bridges {
  /**
   * Resolves once the person has allowed the program that started the bridge. `value` is for the bridge; `serve` hands its connection to the gateway.
   * Throws Failure as `Admission.admit` does, and Failure('unavailable') where there is no gateway.
   */
  bridge(input: unknown, waits: (code: string) => void, signal: AbortSignal): Promise<{ value: object; serve(socket: Socket): void }>;
}

export const bridges = (admission: Admission, gatewayNow: () => Gateway | undefined): Bridges => ({
  async bridge(input, waits, signal) {
    const gateway = gatewayNow();
    if (!gateway) throw new Failure('unavailable', 'The gateway is not running.', 'Look at its state in the Gatehouse window.');
    const pass = await admission.admit(input, waits, signal);
    return {
      value: { origin: new URL(gateway.url).origin, pass },
      serve(socket) {
        admission.bind(socket, pass);
        gateway.accept(socket);
      },
    };
  },
});

/** The command that starts a bridge to this host, for agents' configurations. The app cannot be one itself: there it is the command line's. */
export const bridgeOf = ({ shell, dataDir }: Pick<Host, 'shell' | 'dataDir'>): [string, ...string[]] => [
  ...(shell === 'headless' ? ([process.execPath, cliFile()] as const) : (['gatehouse'] as const)),
  'bridge',
  '--data',
  dataDir,
];
