import type { Vault } from '../../src/base/host.ts';
import type { ServerEntry } from '../../src/bundle/schema.ts';
import { openCredentials } from '../../src/upstreams/credentials/by-type.ts';
import { companyHeaders } from '../../src/upstreams/credentials/credentials.ts';
import type { Upstreams } from '../../src/upstreams/pool.ts';
import { openSecrets } from '../../src/upstreams/secrets/secrets.ts';
import type { Scope } from '../../src/upstreams/secrets/stored.ts';
import { memoryVault } from './host.ts';

/** A secret of an entry, in a header, a query parameter or a variable of the environment. */
export const wants = (
  name: string,
  where: Partial<ServerEntry['secrets'][number]['where'][number]> & { in: 'header' | 'query' | 'environment'; name: string },
  required = true,
): ServerEntry['secrets'][number] => ({ name, description: `The ${name}`, required, where: [{ before: '', after: '', ...where }] });

export const ann: Scope = ['https://central.example', 'acme', 'https://idp.example', 'ann'];

/** The secrets over a vault, as the core opens them. `upstreams` may be given later. */
export function secretsOver(vault: Vault = memoryVault(), options: { now?: () => number } = {}) {
  const whose: { scope: Scope | undefined; upstreams: Upstreams | undefined } = { scope: ann, upstreams: undefined };
  const secrets = openSecrets({
    vault,
    now: options.now ?? Date.now,
    scope: () => whose.scope,
    changed: (server) => server !== undefined && whose.upstreams?.get(server)?.renew(),
  });
  const credentials = openCredentials({
    oauth: companyHeaders,
    'enterprise-managed': companyHeaders,
    'client-credentials': companyHeaders,
    exchange: { headers: () => Promise.reject(new Error('none')) },
  });
  return { secrets, credentials, whose };
}
