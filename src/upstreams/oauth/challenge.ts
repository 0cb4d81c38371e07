/** What a server says with its 401 or 403 (RFC 6750 section 3, RFC 9728 section 5.1). */
export interface Challenge {
  error?: string;
  scope?: string;
  resourceMetadata?: string;
}

const longest = 8192;

/** The first `Bearer` challenge of a WWW-Authenticate header; empty where there is none that can be read. */
export function readChallenge(header: string | string[] | undefined): Challenge {
  const text = (Array.isArray(header) ? header.join(', ') : (header ?? '')).slice(0, longest);
  const start = /(?:^|,)[ \t]{0,8}bearer(?=[\s,]|$)/i.exec(text);
  if (!start) return {};
  const found: Record<string, string> = {};
  const parameter = /[\s,]{0,8}([\w-]{1,64}) ?= ?(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))/y;
  parameter.lastIndex = start.index + start[0].length;
  for (let match = parameter.exec(text); match; match = parameter.exec(text)) {
    const name = match[1]!.toLowerCase();
    if (!Object.hasOwn(found, name)) found[name] = match[2]?.replace(/\\(.)/g, '$1') ?? match[3]!;
  }
  const { error, scope, resource_metadata: resourceMetadata } = found;
  return {
    ...(error === undefined ? {} : { error }),
    ...(scope === undefined || scopesOf(scope).length === 0 ? {} : { scope }),
    ...(resourceMetadata === undefined ? {} : { resourceMetadata }),
  };
}

/** The scope tokens of RFC 6749 section 3.3, each once; what is none is left out, and there are never more than fifty. */
export const scopesOf = (scope: string | undefined): string[] =>
  [...new Set((scope ?? '').split(' '))].filter((token) => /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(token)).slice(0, 50);

export const union = (...scopes: (string | undefined)[]): string => scopesOf(scopes.join(' ')).join(' ');
