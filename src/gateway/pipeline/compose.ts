import type { Outcome } from '../../upstreams/upstream.ts';
import { audit } from './audit.ts';
import { authorize } from './authorize.ts';
import type { Call, Passage, Step } from './call.ts';
import type { CallContext } from './call-context.ts';
import { undecided } from './denial.ts';
import { forward } from './forward.ts';
import { limit } from './limit.ts';

/** From the outermost to the innermost: each sees all that happens inside of it. Audit comes first, so that nothing passes unrecorded. */
const steps: readonly Step[] = [audit, authorize, limit, forward];

/** Never rejects: whatever happens inside becomes an answer and a record. A result comes with its text. */
export const pass = (call: Call, context: CallContext): Promise<Outcome> =>
  runFrom(0, { ...call, context, verdict: undecided, upstreamMs: 0 });

const runFrom = (at: number, call: Passage): Promise<Outcome> => steps[at]!(call, () => runFrom(at + 1, call));
