import type { Activity, Usage } from '../../src/contract/activity.ts';

const hash = (seed: string) =>
  Array.from({ length: 64 }, (_, index) => ((seed.charCodeAt(index % seed.length) * 7 + index * 13) % 16).toString(16)).join('');

const kinds: Pick<Activity, 'agent' | 'server' | 'method' | 'target' | 'decision' | 'rule' | 'reason' | 'outcome' | 'error'>[] = [
  {
    agent: 'claude-code',
    server: 'tickets',
    method: 'tools/call',
    target: 'search_tickets',
    decision: 'allow',
    rule: 'R-01',
    reason: 'Engineers may read tickets of every project',
    outcome: 'ok',
  },
  {
    agent: 'claude-code',
    server: 'files',
    method: 'tools/call',
    target: 'read_text_file',
    decision: 'allow',
    rule: 'R-04',
    reason: 'Project files may be read',
    outcome: 'ok',
  },
  {
    agent: 'cursor',
    server: 'tickets',
    method: 'tools/call',
    target: 'delete_ticket',
    decision: 'deny',
    rule: 'R-20',
    reason: 'Tickets are records: nobody removes them by machine',
    outcome: 'ok',
  },
  {
    agent: 'claude-code',
    server: 'crm',
    method: 'tools/call',
    target: 'find_customer',
    decision: 'allow',
    rule: 'R-09',
    reason: 'Engineers may look up customers',
    outcome: 'ok',
  },
  {
    agent: 'vscode',
    server: 'releases',
    method: 'tools/call',
    target: 'publish_release',
    decision: 'allow',
    rule: 'R-12',
    reason: 'On-call may publish',
    outcome: 'error',
    error: 'The server closed the connection: 502 Bad Gateway.',
  },
  {
    agent: 'cursor',
    server: 'tickets',
    method: 'resources/read',
    target: 'tickets://PLAT/1043',
    decision: 'allow',
    rule: 'R-01',
    reason: 'Engineers may read tickets of every project',
    outcome: 'ok',
  },
  {
    agent: 'claude-code',
    server: 'tickets',
    method: 'prompts/get',
    target: 'triage',
    decision: 'allow',
    rule: 'R-01',
    reason: 'Engineers may read tickets of every project',
    outcome: 'ok',
  },
  {
    agent: 'vscode',
    server: 'tickets',
    method: 'tools/call',
    target: 'assign_ticket',
    decision: 'ask',
    rule: 'R-11',
    reason: 'Giving work to others needs your approval',
    outcome: 'ok',
  },
  {
    agent: 'cursor',
    server: 'tickets',
    method: 'tools/call',
    target: 'export_all',
    decision: 'deny',
    rule: 'gatehouse:no-permit',
    reason: 'No rule allows this',
    outcome: 'ok',
  },
];

/** Record `seq` of a ledger whose newest is `newest`: always the same for the same numbers. The newest is an allowed call. */
export function record(seq: number, newest: number): Activity {
  const kind = kinds[(newest - seq) % kinds.length]!;
  const upstreamMs = kind.decision === 'allow' ? 12 + ((seq * 37) % 90) : 0;
  return {
    ...kind,
    seq,
    at: new Date(Date.now() - (newest - seq) * 47_000 - 3000).toISOString(),
    person: 'ada.quist@northwind.example',
    bundleVersion: 42,
    totalMs: upstreamMs + 0.4 + (seq % 9) / 10,
    upstreamMs,
    requestBytes: 180 + (seq % 400),
    responseBytes: kind.decision === 'allow' ? 1900 + ((seq * 91) % 40_000) : 210,
    argumentHash: hash(`a${seq}`),
    hash: hash(`h${seq}`),
    previousHash: hash(`h${seq - 1}`),
  };
}

/** `activity-list` over a ledger of `newest` records, without holding them. */
export function list(newest: number, input: Record<string, unknown>): { items: Activity[]; next?: number } {
  const limit = Number(input['limit']);
  const items: Activity[] = [];
  for (let seq = Math.min(newest, Number(input['before'] ?? newest + 1) - 1); seq > Number(input['after'] ?? 0); seq--) {
    const activity = record(seq, newest);
    const fits =
      ['agent', 'server', 'decision', 'outcome'].every((key) => input[key] === undefined || input[key] === activity[key as 'agent']) &&
      (input['text'] === undefined || `${activity.target} ${activity.reason}`.includes(String(input['text'])));
    if (!fits) continue;
    if (items.length === limit) return { items, next: items.at(-1)!.seq };
    items.push(activity);
  }
  return { items };
}

export function usage(range: Usage['range'], server?: string): Usage {
  const [length, step] = range === 'day' ? [24, 3_600_000] : [range === 'week' ? 7 : 30, 86_400_000];
  const start = Math.floor(Date.now() / step) * step;
  const buckets = Array.from({ length }, (_, index) => {
    const calls = Math.max(0, Math.round(26 * Math.sin((index / length) * Math.PI * 1.4 - 0.6) + ((index * 7) % 11) - 2));
    return {
      at: new Date(start - (length - 1 - index) * step).toISOString(),
      calls,
      denied: Math.floor(calls / 14),
      errors: index % 6 === 5 ? Math.floor(calls / 12) : 0,
    };
  });
  const tools = ['search_tickets', 'get_ticket', 'add_comment', 'close_ticket', 'delete_ticket'];
  return {
    range,
    buckets,
    byTool: tools.map((tool, index) => ({ server: server ?? 'tickets', tool, calls: 96 - index * 21, denied: index === 4 ? 12 : 0 })),
    byAgent: ['claude-code', 'cursor', 'vscode'].map((agent, index) => ({ agent, calls: 120 - index * 44 })),
  };
}
