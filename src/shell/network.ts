import http from 'node:http';
import tls from 'node:tls';
import type { Log } from '../base/log.ts';

/**
 * `fetch` as a company's network needs it: the operating system's certificate authorities beside Node's own, and the proxy the
 * environment names. Both are process-wide in Node and must be set before the first connection, so the first request sets them. Reading the
 * authorities takes a tenth of a second: requests to this machine without TLS do without.
 */
export function systemFetch(log: Log, env: NodeJS.ProcessEnv = process.env): typeof fetch {
  let proxied = false;
  let trusting = false;
  return (input, init) => {
    if (!proxied) {
      proxied = true;
      heedProxy(log, env);
    }
    if (!trusting && !plainLoopback(input instanceof Request ? input.url : String(input))) {
      trusting = true;
      trustSystem(log);
    }
    return fetch(input, init);
  };
}

/** Loopback is never reached through a proxy, so nothing on the way speaks TLS either. */
const plainLoopback = (url: string): boolean => /^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?=[:/])/.test(url);

function trustSystem(log: Log): void {
  try {
    tls.setDefaultCACertificates([...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])]);
  } catch (error) {
    log.warn({ error: String(error) }, "the system's certificate authorities could not be read; Node's own apply");
  }
}

function heedProxy(log: Log, env: NodeJS.ProcessEnv): void {
  try {
    const proxy = proxyFromEnv(env);
    if (proxy !== undefined) http.setGlobalProxyFromEnv(proxy);
  } catch (error) {
    log.warn({ error: String(error) }, 'the proxy in the environment could not be used');
  }
}

/** The proxy variables as Node wants them; loopback never goes through a proxy, whatever NO_PROXY says. */
export function proxyFromEnv(env: NodeJS.ProcessEnv): { HTTP_PROXY?: string; HTTPS_PROXY?: string; NO_PROXY: string } | undefined {
  // Lower case first, as curl reads them: HTTP_PROXY may be set by a remote party where a program runs under CGI.
  const httpProxy = env.http_proxy ?? env.HTTP_PROXY;
  const httpsProxy = env.https_proxy ?? env.HTTPS_PROXY;
  if (!httpProxy && !httpsProxy) return undefined;
  const direct = [env.no_proxy ?? env.NO_PROXY, 'localhost', '127.0.0.1', '::1'].filter(Boolean).join(',');
  return { ...(httpProxy ? { HTTP_PROXY: httpProxy } : {}), ...(httpsProxy ? { HTTPS_PROXY: httpsProxy } : {}), NO_PROXY: direct };
}
