import { openCompany as open } from '../../src/company/bundles.ts';
import type { CompanyTiming } from '../../src/company/renewal.ts';
import type { SmallCentral } from '../support/central.ts';
import { testHost } from '../support/host.ts';

export const person = { sub: 'ann', issuer: 'https://idp.example.com' };

/** Rhythms that let a test pass in a moment; what it waits for are events, not times. */
export const quick: CompanyTiming = {
  requestMs: 5_000,
  heartbeatMs: 5_000,
  reconnectMs: 10,
  reconnectMaxMs: 40,
  pollMs: 3_600_000,
  retryMs: 3_600_000,
  retryMaxMs: 3_600_000,
  tickMs: 10,
};

/** A client of the little central API, with its own data folder and clock unless given. */
export function client(
  central: SmallCentral,
  options: Partial<Parameters<typeof open>[0]> & {
    dataDir?: string;
    timing?: Partial<CompanyTiming>;
    token?: (force: boolean) => string;
  } = {},
) {
  const clock = { ahead: 0 };
  const { dataDir, timing, token, ...rest } = options;
  const host = testHost({ ...(dataDir === undefined ? {} : { dataDir }), now: () => Date.now() + clock.ahead });
  const company = open({
    host,
    bootstrap: central.bootstrap(),
    accessToken: async (tokenOptions) => token?.(tokenOptions?.forceRefresh === true) ?? 't1',
    log: host.log,
    ...rest,
    timing: { ...quick, ...timing },
  });
  return {
    ...company,
    host,
    clock,
    dataDir: host.dataDir,
    /** Resolves as soon as it holds: now, or after a change that the client tells of. */
    until(holds: () => boolean): Promise<void> {
      return new Promise((resolve) => {
        if (holds()) return resolve();
        const stop = company.watch(() => {
          if (!holds()) return;
          stop();
          resolve();
        });
      });
    },
  };
}
