import { ownRules } from '../../contract/rule-ids.ts';
import { lackWords } from '../../upstreams/secrets/source.ts';
import type { Outcome, Upstream } from '../../upstreams/upstream.ts';
import type { Next, Passage, Step } from './call.ts';
import { builtIn, denied } from './denial.ts';

/** Stops calls to a server for which a secret is not there: nothing is sent to it, and it is not started. */
export const equip: Step = (call, next) => {
  const upstream = call.context.upstream(call.target!.owner.id);
  return upstream && upstream.entry.secrets.length > 0 ? equipped(call, next, upstream) : next(call);
};

async function equipped(call: Passage, next: Next, upstream: Upstream): Promise<Outcome> {
  const lack = await upstream.lacking();
  if (!lack) return next(call);
  call.verdict =
    lack.kind === 'missing'
      ? builtIn(ownRules.secretMissing, `${lackWords(lack).replace(/^it/, 'It')}.`)
      : builtIn(ownRules.secretUnavailable, `What it needs cannot be opened: ${lack.what}.`);
  return denied(call);
}
