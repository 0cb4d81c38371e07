import type { Bundle, CompiledPolicy } from '../../bundle/schema.ts';

/**
 * Servers whose visibility depends on more than groups: on the hour, the device, the agent or one named person. One bundle serves a whole
 * audience for days, so it must hold them; whether this person may see one now is decided on the laptop, by the same policies.
 */
export function undecidedServers(bundle: Pick<Bundle, 'servers' | 'policies'>): string[] {
  const open = bundle.policies.filter((policy) => policy.effect === 'permit' && speaksOfDiscover(policy) && hangsOnMore(policy));
  return bundle.servers.map(({ id }) => id).filter((id) => open.some(({ json }) => mayName(json['resource'], id)));
}

// Searches Cedar's JSON form as text. It must never miss a server; one too many does no harm, since the policies themselves still refuse it.
const speaksOfDiscover = ({ json }: CompiledPolicy) => isAll(json['action']) || JSON.stringify(json['action']).includes('"discover"');
const hangsOnMore = ({ json }: CompiledPolicy) =>
  /"(Var)":"context"/.test(JSON.stringify(json['conditions'] ?? [])) ||
  /"type":"User"/.test(JSON.stringify([json['principal'], json['conditions']]));
const mayName = (resource: unknown, server: string) =>
  !JSON.stringify(resource ?? {}).includes('"id"') || JSON.stringify(resource).includes(JSON.stringify({ id: server }).slice(1, -1));
const isAll = (constraint: unknown) => (constraint as { op?: string } | undefined)?.op === 'All';
