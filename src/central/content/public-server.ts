import type { ServerEntry } from '../../bundle/schema.ts';
import { usedRemote } from './remote.ts';
import { entryKey } from './server-json.ts';

type Json = Record<string, unknown>;

/**
 * A server.json as the registry API shows it: the address resolved, our `_meta` without launch (whose arguments and environment may hold secrets)
 * and without the catalogue, and no value of an input that is marked secret. Apps read all of that from the signed bundle.
 */
export function publicServerJson(raw: Json, entry: ServerEntry): Json {
  const { id, dataClass, trust, owner, era, timeoutMs, tools } = entry;
  const meta = raw['_meta'] as Json;
  const remotes = (raw['remotes'] as Json[] | undefined) ?? [];
  const remote = remotes[usedRemote(remotes)];
  return {
    ...(withoutSecrets(raw) as Json),
    ...(entry.url === undefined ? {} : { remotes: [{ ...(withoutSecrets(remote) as Json), url: entry.url }] }),
    _meta: {
      ...meta,
      [entryKey]: { id, kind: entry.url === undefined ? 'local' : 'remote', dataClass, trust, owner, era, timeoutMs, tools },
    },
  };
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  const { value: plain, default: fallback, ...rest } = value as Json;
  const secret = (value as Json)['isSecret'] === true;
  const kept = secret ? rest : (value as Json);
  void plain;
  void fallback;
  return Object.fromEntries(Object.entries(kept).map(([key, inner]) => [key, withoutSecrets(inner)]));
}
