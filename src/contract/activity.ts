import { z } from 'zod';
import type { DecisionEffect } from './explanation.ts';
import { server, tool } from './fields.ts';

/** What passed, as the ledger has it. */
export const activityCommands = {
  'activity-list': z.strictObject({
    /** Records before this sequence number (from `next` of the page before). */
    before: z.int().min(1).optional(),
    /** Records after this one, for live lists. The newest still comes first. */
    after: z.int().min(0).optional(),
    limit: z.int().min(1).max(500).default(100),
    agent: z.string().max(64).optional(),
    server: server.optional(),
    tool: tool.optional(),
    decision: z.enum(['allow', 'ask', 'deny']).optional(),
    outcome: z.enum(['ok', 'error']).optional(),
    text: z.string().max(200).optional(),
    since: z.iso.datetime().optional(),
  }),
  'activity-get': z.strictObject({ seq: z.int().min(1) }),
  'usage-get': z.strictObject({ range: z.enum(['day', 'week', 'month']).default('day'), server: server.optional() }),
  'ledger-verify': z.strictObject({}),
  'ledger-accept-loss': z.strictObject({}),
  'ledger-export': z.strictObject({
    format: z.enum(['jsonl', 'csv']).default('jsonl'),
    before: z.int().min(1).optional(),
    limit: z.int().min(1).max(5000).default(1000),
  }),
};

export interface ActivityOutputs {
  'activity-list': { items: Activity[]; next?: number };
  'activity-get': Activity;
  'usage-get': Usage;
  'ledger-verify': Verified;
  'ledger-accept-loss': { seq: number };
  'ledger-export': { text: string; next?: number };
}

export interface Activity {
  seq: number;
  at: string;
  person: string;
  agent: string;
  server: string;
  /** `tools/call`, `prompts/get`, `resources/read`, `skills/get`, `completion/complete` ... */
  method: string;
  /** Tool or prompt name, or URI. */
  target: string;
  decision: DecisionEffect;
  rule: string;
  reason: string;
  bundleVersion: number;
  outcome: 'ok' | 'error';
  error?: string;
  totalMs: number;
  upstreamMs: number;
  requestBytes: number;
  responseBytes: number;
  argumentHash: string;
  /** Groups the calls of one conversation: the legacy session, or for modern agents one that the gateway keeps for them. */
  session?: string;
  hash: string;
  previousHash: string;
}

export interface UsageBucket {
  at: string;
  calls: number;
  denied: number;
  errors: number;
}
export interface Usage {
  range: 'day' | 'week' | 'month';
  /** Hours for a day, days otherwise; oldest first; empty ones included. */
  buckets: UsageBucket[];
  byTool: { server: string; tool: string; calls: number; denied: number }[];
  byAgent: { agent: string; calls: number }[];
}

type Finding = { seq: number; message: string };

/** The last record that the vault or the central API knows of, or why the ledger could not be compared with it. */
export type Compared = { upTo: number } | { why: string };

/**
 * What verification found. Not `ok` and no `problem`: the ledger is whole in itself, but nothing outside of its folder confirms that it is
 * complete. `loss`: missing records whose loss a person accepted.
 */
export interface Verified {
  ok: boolean;
  records: number;
  problem?: Finding;
  loss?: Finding;
  vault: Compared;
  central: Compared;
}
