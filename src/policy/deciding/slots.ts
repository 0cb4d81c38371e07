import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { Failure } from '../../base/errors.ts';
import { type Cedar, loadCedar } from './cedar.ts';

/**
 * Policy sets that Cedar holds parsed, least recently used first. Cedar cannot forget a parsed set, only replace it under the same name,
 * so names are a fixed supply and the oldest one is used again.
 */
export interface Slots {
  readonly size: number;
  /** The name under which Cedar holds the set of this key now. Not to be kept: a later call may give the name to another set. */
  use(key: string, policies: () => Record<string, PolicyJson>): string;
}

export function openSlots(cedar: Cedar, capacity: number, prefix: string): Slots {
  const names = new Map<string, string>();
  const free: string[] = [];
  let made = 0;
  const take = (): string => {
    const spare = free.pop();
    if (spare !== undefined) return spare;
    if (made < capacity) return `${prefix}${made++}`;
    const [oldest, name] = names.entries().next().value!;
    // INVARIANT: the entry goes before its name is used again; an entry that stayed would answer with another set's policies.
    names.delete(oldest);
    return name;
  };
  return {
    get size() {
      return names.size;
    },
    use(key, policies) {
      const heldName = names.get(key);
      if (heldName !== undefined) {
        names.delete(key);
        names.set(key, heldName);
        return heldName;
      }
      const staticPolicies = policies();
      const name = take();
      let answer: ReturnType<Cedar['preparsePolicySet']>;
      try {
        answer = cedar.preparsePolicySet(name, { staticPolicies });
      } catch (cause) {
        free.push(name);
        throw new Failure('integrity', 'The policy engine could not read the company policy.', 'Publish the policy again.', { cause });
      }
      if (answer.type === 'failure') {
        free.push(name);
        throw new Failure('integrity', `The company policy cannot be read: ${answer.errors[0]?.message}`, 'Publish the policy again.');
      }
      names.set(key, name);
      return name;
    },
  };
}

let shared: Slots | undefined;

/** One supply for all policies of this thread, so that bundles which come and go do not grow Cedar's memory. */
export function sharedSlots(): Slots {
  shared ??= openSlots(loadCedar(), 512, 'slice-');
  return shared;
}
