import type { CompiledPolicy } from '../../bundle/schema.ts';
import type { CompiledCompany } from '../content/compile.ts';

/**
 * The protections that `before` has and `after` lacks, in words for people; empty where nothing is lost. A file that is being written, copied or moved
 * looks like one whose end was removed on purpose. What only takes something away from people, such as a removed permit or server, is no loss.
 */
export function loosened(before: CompiledCompany, after: CompiledCompany): string[] {
  const lost: string[] = [];
  const say = (isLost: boolean, loss: string) => void (isLost && lost.push(loss));
  const bodies = new Set(after.policies.map(bodyOf));
  for (const policy of before.policies) {
    say(policy.effect === 'forbid' && !bodies.has(bodyOf(policy)), `the forbid ${policy.id}`);
    const obligations = obligationsOf(policy);
    if (obligations === '') continue;
    const successors = after.policies.filter((successor) => successor.id === policy.id || bodyOf(successor) === bodyOf(policy));
    say(
      successors.some((successor) => obligationsOf(successor) !== obligations),
      `what ${policy.id} asks for (${obligations})`,
    );
  }
  const [was, is] = [before.limits, after.limits];
  say(is.concurrentCalls > was.concurrentCalls, 'the limit concurrentCalls');
  say(perMinute(is) > perMinute(was), 'the limit callsPerMinute');
  const others = after.agents && new Set(before.agents?.otherServers.map((each) => JSON.stringify(each)));
  say(
    before.agents !== undefined && !after.agents?.otherServers.every((each) => others?.has(JSON.stringify(each))),
    'which servers agents may have',
  );
  const clients = new Map(after.clients.map((rule) => [rule.clientId, rule]));
  for (const { clientId, decision, servers } of before.clients) {
    const rule = clients.get(clientId);
    say(decision === 'block' && rule?.decision !== 'block', `that ${clientId} is blocked`);
    say(servers !== undefined && rule?.decision === 'allow' && rule.servers === undefined, `the servers of ${clientId}`);
  }
  // How people are recognized, and what their apps must be: a file that ends early gives the defaults.
  say(JSON.stringify(before.identity) !== JSON.stringify(after.identity), 'how people sign in');
  say(before.minimumVersion !== undefined && before.minimumVersion !== after.minimumVersion, 'minimum_app_version');
  say(
    after.freshness.stale > before.freshness.stale || after.freshness.expires > before.freshness.expires,
    'how soon a bundle is outdated',
  );
  return lost;
}

const bodyOf = ({ json: { annotations: _, ...body } }: CompiledPolicy) => JSON.stringify(body);
const perMinute = ({ callsPerMinute }: CompiledCompany['limits']) => (callsPerMinute === 0 ? Number.POSITIVE_INFINITY : callsPerMinute);

/** Annotations that bind; the rest is for people. */
const binding = ['approval', 'limit', 'redact'];
const obligationsOf = ({ annotations }: CompiledPolicy) =>
  binding.flatMap((name) => (annotations[name] === undefined ? [] : [`@${name}("${annotations[name]}")`])).join(' ');
