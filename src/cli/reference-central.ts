import type { Log } from '../base/log.ts';
import { type Central, openCentral } from '../central/api/server.ts';
import { hashRecord, type LedgerRecord } from '../ledger/record.ts';
import { policyTools } from './policy-tools.ts';

/** The reference central API with Cedar and the ledger's own hash: what `central` and `demo` run. */
export function openReferenceCentral(options: {
  folder: string;
  dataDir: string;
  port: number;
  variables: Record<string, string>;
  log: Log;
  host?: string;
  publicUrl?: string;
}): Promise<Central> {
  return openCentral({
    ...options,
    deps: { policy: policyTools, hashRecord: (record) => hashRecord(record as unknown as Omit<LedgerRecord, 'hash'>) },
  });
}
