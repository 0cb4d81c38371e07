import type { TestContext } from 'node:test';
import { silent } from '../../../src/base/log.ts';
import { type ServerEntry, serverEntry } from '../../../src/bundle/schema.ts';
import type { JsonObject } from '../../../src/protocol/jsonrpc.ts';
import type { UpstreamLimits } from '../../../src/upstreams/connection/link.ts';
import { openUpstreams, type Upstreams, type UpstreamsOptions } from '../../../src/upstreams/pool.ts';
import type { Outcome, Peer, Upstream, UpstreamCall, UpstreamStatus } from '../../../src/upstreams/upstream.ts';
import { wholeCatalogue } from '../gateway.ts';

export function entry(
  fields: { id?: string } & Partial<Omit<ServerEntry, 'catalogue'>> & { catalogue?: Partial<ServerEntry['catalogue']> },
): ServerEntry {
  return serverEntry.parse({
    id: 'one',
    name: 'com.example/one',
    title: 'One',
    description: 'A server for tests',
    version: '1.0.0',
    tools: {},
    ...fields,
    catalogue: wholeCatalogue({ ...fields.catalogue }),
  });
}

export interface Opened {
  upstreams: Upstreams;
  upstream: Upstream;
  statuses: UpstreamStatus[];
  updates: JsonObject[];
}

/** One upstream, closed when the test ends. */
export function open(
  t: Pick<TestContext, 'after'>,
  server: ServerEntry,
  limits: Partial<UpstreamLimits> = {},
  more: Partial<UpstreamsOptions> = {},
): Opened {
  const statuses: UpstreamStatus[] = [];
  const updates: JsonObject[] = [];
  const upstreams = openUpstreams({
    entries: [server],
    log: silent,
    clientInfo: { name: 'gatehouse', version: '0.0.0' },
    events: { onStatus: (_server, status) => statuses.push(status), onResourceUpdated: (_server, params) => updates.push(params) },
    limits,
    ...more,
  });
  t.after(() => upstreams.close());
  return { upstreams, upstream: upstreams.get(server.id)!, statuses, updates };
}

export const peer = (more: Partial<Peer> = {}): Peer => ({
  id: 'agent-1',
  era: 'legacy',
  capabilities: {},
  clientInfo: { name: 'test-agent', version: '1.0.0' },
  ...more,
});

export const tool = (name: string, args: JsonObject = {}, more: Partial<UpstreamCall> = {}): UpstreamCall => ({
  method: 'tools/call',
  params: { name, arguments: args },
  peer: peer(),
  signal: new AbortController().signal,
  ...more,
});

/** The first text of a tool's result. */
export function text(outcome: Outcome): string {
  if ('error' in outcome) throw new Error(`${outcome.error.code} ${outcome.error.message}`);
  return (outcome.result['content'] as { text: string }[])[0]!.text;
}

/** Resolves once `condition` holds; the test runner's own time limit ends it otherwise. */
export async function until<T>(condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
