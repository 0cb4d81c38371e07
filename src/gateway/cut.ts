import type { Log } from '../base/log.ts';
import { Reply } from '../base/reply.ts';
import type { Cut, Outgoing } from '../base/unread.ts';
import { ownRules } from '../contract/rule-ids.ts';
import type { CallContext } from './pipeline/call-context.ts';

/** The call itself was recorded when its answer was there; this says that the agent never read it. */
export function recordCut({ reader, bytes, why }: Cut, to: Outgoing, context: CallContext, log: Log): void {
  log.warn({ agent: reader, bytes }, `a connection was cut: its agent ${why}`);
  const { server = '', method = 'gatehouse/unread', target = '', session } = to instanceof Reply ? (to.about ?? {}) : {};
  context.ledger.append({
    at: context.now(),
    person: context.person,
    agent: reader,
    server,
    method,
    target: target.slice(0, 512),
    decision: 'deny',
    rule: ownRules.unread,
    reason: 'An agent has to read what it asked for.',
    bundleVersion: context.policy?.version ?? 0,
    outcome: 'error',
    error: `connection cut: the agent ${why}`,
    totalMs: 0,
    upstreamMs: 0,
    requestBytes: 0,
    responseBytes: bytes,
    argumentHash: '',
    session,
  });
}
