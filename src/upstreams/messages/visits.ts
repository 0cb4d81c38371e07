import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { isObject, rpc } from '../../protocol/jsonrpc.ts';
import type { Outcome, UpstreamCall } from '../upstream.ts';

/** Who waits to hear that a URL elicitation is complete (protocol 2025-11-25): the notice may come when its call is long over. */
export interface Visits {
  /** The upstream asked for a visit, or ended a call because one is missing (-32042). */
  asked(params: JsonObject, call: UpstreamCall): void;
  ended(outcome: Outcome, call: UpstreamCall): void;
  /** False: nobody waits for this one. */
  complete(message: JsonObject): boolean;
}

const most = 256;

export function openVisits(): Visits {
  const waiting = new Map<string, NonNullable<UpstreamCall['onNotification']>>();
  const asked = ({ elicitationId: id }: JsonObject, { onNotification }: UpstreamCall) => {
    if (typeof id !== 'string' || id.length > 256 || !onNotification) return;
    if (waiting.size >= most) waiting.delete(waiting.keys().next().value as string);
    waiting.set(id, onNotification);
  };
  return {
    asked,
    ended(outcome, call) {
      if (!('error' in outcome) || outcome.error.code !== rpc.urlElicitationRequired || !isObject(outcome.error.data)) return;
      const { elicitations } = outcome.error.data;
      if (Array.isArray(elicitations))
        for (const elicitation of elicitations.slice(0, 32)) if (isObject(elicitation)) asked(elicitation, call);
    },
    complete({ params }) {
      const id = isObject(params) ? params['elicitationId'] : undefined;
      const tell = typeof id === 'string' ? waiting.get(id) : undefined;
      if (!tell) return false;
      waiting.delete(id as string);
      tell({ method: 'notifications/elicitation/complete', params: params as JsonObject });
      return true;
    },
  };
}
