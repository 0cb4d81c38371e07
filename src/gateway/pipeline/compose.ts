import type { Outcome } from '../../upstreams/upstream.ts';
import { audit } from './audit.ts';
import { authorize } from './authorize.ts';
import type { Call, Next, Step } from './call.ts';
import type { CallContext } from './call-context.ts';
import { undecided } from './denial.ts';
import { equip } from './equip.ts';
import { forward } from './forward.ts';
import { limit } from './limit.ts';

/** From the outermost to the innermost: each sees all that happens inside of it. Audit comes first, so that nothing passes unrecorded. */
const steps: readonly Step[] = [audit, authorize, limit, equip, forward];

/** Never rejects: whatever happens inside becomes an answer and a record. A result comes with its text. */
export const pass = (call: Call, context: CallContext): Promise<Outcome> =>
  composed({ ...call, context, verdict: undecided, upstreamMs: 0 });

/** Composed once: closures for each call would cost more than most steps do. */
const composed = steps.reduceRight<Next>(
  (next, step) => (call) => step(call, next),
  () => Promise.reject(new Error('The last step passes the call on to nobody.')),
);
