import tls from 'node:tls';

/** Node's own roots and the system's: companies that inspect TLS put theirs there. */
export const trusted = (): string[] => (roots ??= [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])]);
let roots: string[] | undefined;

/** Whether the environment names a proxy for what is outside of this machine. */
export const proxied = (): boolean => ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'].some((name) => process.env[name]);
