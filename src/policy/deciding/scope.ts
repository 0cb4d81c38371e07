import type { ActionConstraint, EntityUidJson, PolicyJson, PrincipalConstraint, ResourceConstraint } from '@cedar-policy/cedar-wasm/web';

export interface Uid {
  type: string;
  id: string;
}

export type Action = 'discover' | 'call' | 'get' | 'read';

/** What each action is done to. */
export const resourceType = { discover: 'Server', call: 'Tool', get: 'Prompt', read: 'Resource' } as const;

export function uid(json: EntityUidJson): Uid {
  return '__entity' in json ? json.__entity : json;
}

/** The one entity that a scope constraint names, if any. A template's slot names none. */
export function named(constraint: PrincipalConstraint | ResourceConstraint): Uid | undefined {
  const holder = constraint.op === 'is' ? constraint.in : constraint.op === 'All' ? undefined : constraint;
  return holder && 'entity' in holder ? uid(holder.entity) : undefined;
}

/** Scope constraints are conjuncts, so a policy whose scope cannot match cannot decide: leaving it out is sound. */
export function entityMatches(
  constraint: PrincipalConstraint | ResourceConstraint,
  entity: Uid,
  isIn: (ancestor: Uid) => boolean,
): boolean {
  if (constraint.op === 'All') return true;
  if (constraint.op === 'is' && constraint.entity_type !== entity.type) return false;
  const other = named(constraint);
  if (other === undefined) return constraint.op === 'is' && constraint.in === undefined;
  if (other.type === entity.type && other.id === entity.id) return true;
  return constraint.op !== '==' && isIn(other);
}

export function actionMatches(constraint: ActionConstraint, action: Action): boolean {
  if (constraint.op === 'All') return true;
  if (constraint.op === '==') return 'entity' in constraint && isAction(constraint.entity, action);
  return 'entities' in constraint ? constraint.entities.some((entity) => isAction(entity, action)) : isAction(constraint.entity, action);
}

const isAction = (entity: EntityUidJson, action: Action): boolean => uid(entity).type === 'Action' && uid(entity).id === action;

/** Whether a policy can apply to this person (`undefined`: to anybody) who is in exactly these groups. */
export function principalMatches(constraint: PrincipalConstraint, person: string | undefined, groups: ReadonlySet<string>): boolean {
  const other = named(constraint);
  if (person === undefined && other?.type === 'User') return constraint.op !== 'is' || constraint.entity_type === 'User';
  return entityMatches(constraint, { type: 'User', id: person ?? '' }, (ancestor) => ancestor.type === 'Group' && groups.has(ancestor.id));
}

export function resourceMatches(constraint: ResourceConstraint, entity: Uid, server: string): boolean {
  return entityMatches(constraint, entity, (ancestor) => entity.type !== 'Server' && ancestor.type === 'Server' && ancestor.id === server);
}

/** Whether the policy can apply to anything that this action is done to on this server. */
export function serverMatches(json: PolicyJson, action: Action, server: string): boolean {
  if (!actionMatches(json.action, action)) return false;
  const type = resourceType[action];
  const other = named(json.resource);
  if (other?.type === type && type !== 'Server') return other.id.startsWith(`${server}/`) && resourceMatches(json.resource, other, server);
  return resourceMatches(json.resource, { type, id: type === 'Server' ? server : '' }, server);
}
