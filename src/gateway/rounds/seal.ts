import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import { roundMs } from './suspended-calls.ts';
import type { UsedStates } from './used-states.ts';

/** To what a state belongs. A state that comes back is good for the same agent, person, upstream, method, name and arguments only. */
export interface Binding {
  agent: string;
  person: string;
  server: string;
  method: string;
  name: string;
  /** SHA-256 over the arguments. */
  digest: string;
}

/** What is inside: the upstream's own state, the number of a call that waits here, or that the call is to be made anew, after a sign-in of ours where one is named. */
export type State = { inner: unknown } | { parked: string } | { anew: true | string };

export interface Seal {
  seal(binding: Binding, state: State, now: number): string;
  /** A string says why it is refused, in words for the agent. Each state is good for one use. */
  open(text: unknown, binding: Binding, now: number): State | string;
}

const lifeMs = roundMs;

/** The same arguments in another order are the same call: agents may build them anew for each round. */
export const digestOf = (params: JsonObject): string =>
  hash('sha256', JSON.stringify([params['arguments'] ?? {}, params['uri'] ?? null], inOrder), 'base64url');

const inOrder = (_key: string, value: unknown): unknown =>
  isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;

/**
 * `requestState` goes through the agent's hands, so it is sealed (AES-256-GCM, SP 800-38D) and bound; what the upstream put in it is neither
 * shown nor trusted to be what comes back (specification 2026-07-28, multi-round-trip requests, "Security").
 */
export function openSeal(key: Uint8Array, used: UsedStates): Seal {
  return {
    seal(binding, state, now) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      cipher.setAAD(Buffer.from(JSON.stringify(binding)));
      const body = Buffer.concat([cipher.update(JSON.stringify({ ...state, until: now + lifeMs })), cipher.final()]);
      return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url');
    },
    open(text, binding, now) {
      const raw = typeof text === 'string' ? Buffer.from(text, 'base64url') : Buffer.alloc(0);
      if (raw.length < 29) return 'requestState is not one of this gateway.';
      let state: State & { until: number };
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, raw.subarray(0, 12));
        decipher.setAAD(Buffer.from(JSON.stringify(binding)));
        decipher.setAuthTag(raw.subarray(-16));
        state = JSON.parse(Buffer.concat([decipher.update(raw.subarray(12, -16)), decipher.final()]).toString('utf8'));
      } catch {
        return 'requestState was changed, or belongs to another call.';
      }
      if (now >= state.until) return 'requestState has expired. Make the call anew.';
      const id = raw.subarray(0, 12).toString('base64url');
      if (used.has(id)) return 'requestState was used already. Make the call anew.';
      if (state.until - lifeMs < used.since)
        return 'requestState is from before a restart, and whether it was used is not known. Make the call anew.';
      try {
        used.add(id, state.until, now);
      } catch {
        return 'requestState cannot be marked as used, so it is not taken: the disk may be full. Tell the person, then make the call anew.';
      }
      const { until: _until, ...rest } = state;
      return rest;
    },
  };
}
