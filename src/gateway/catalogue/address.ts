/** What an agent connects to. The path is its name: the same over restarts, and what surfaces and sessions are kept by. */
export type Address =
  | { readonly kind: 'merged'; readonly path: string }
  | { readonly kind: 'server'; readonly server: string; readonly path: string };

/** All servers together, each thing under its server's name. */
export const merged: Address = { kind: 'merged', path: '/mcp' };

/** One server under its own names. */
export const ofServer = (server: string): Address => ({ kind: 'server', server, path: `${merged.path}/s/${server}` });

/** Undefined: no agent can connect there. */
export function addressAt(path: string): Address | undefined {
  if (path === '/mcp' || path === '/mcp/') return merged;
  const server = /^\/mcp\/s\/([a-z][a-z0-9-]{0,30})\/?$/.exec(path)?.[1];
  return server === undefined ? undefined : ofServer(server);
}

/** The address that a `resource` of OAuth names (RFC 8707), however it spells loopback: its whole URL, on our port. */
export function addressOf(resource: string, port: number): Address | undefined {
  const [, host, path] = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d{1,5}(\/[^?#]*)$/i.exec(resource) ?? [];
  if (host === undefined || !resource.toLowerCase().startsWith(`http://${host.toLowerCase()}:${port}/`)) return undefined;
  return addressAt(path!);
}
