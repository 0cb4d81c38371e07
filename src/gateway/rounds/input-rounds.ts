import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { type Outcome, type UpstreamCall, UpstreamError } from '../../upstreams/upstream.ts';
import { questionsOf, visitsOf } from './questions.ts';

/** Whom the questions are put to. */
type Asker = Pick<UpstreamCall, 'onRequest' | 'signal'>;

const maxRounds = 8;
const firstPauseMs = 100;
const mostPauseMs = 2000;

/** For a modern upstream that needs input and a legacy agent: its questions become requests to the agent (SEP-2322 in reverse). */
export async function untilComplete(call: Asker, params: JsonObject, ask: (params: JsonObject) => Promise<Outcome>): Promise<Outcome> {
  let pauseMs = firstPauseMs;
  for (let round = 0; round < maxRounds; round++) {
    const outcome = await ask(params);
    if ('error' in outcome) visitsOf(outcome.error);
    if ('error' in outcome || outcome.result['resultType'] !== 'input_required') return outcome;
    const responses = await answers(call, outcome.result);
    // A state without a question means "come back". Without a pause all rounds would be over before a server could get ready.
    if (Object.keys(responses).length === 0) {
      await pause(pauseMs, undefined, { signal: call.signal }).catch(() => {
        throw new UpstreamError('cancelled', 'the call was cancelled');
      });
      pauseMs = Math.min(2 * pauseMs, mostPauseMs);
    }
    const { requestState } = outcome.result;
    params = { ...params, inputResponses: responses, ...(requestState === undefined ? {} : { requestState }) };
  }
  throw new UpstreamError('bad-answer', `it asked for input more than ${maxRounds} times`);
}

async function answers(call: Asker, result: JsonObject): Promise<JsonObject> {
  const responses: JsonObject = {};
  for (const [key, question] of questionsOf(result)) {
    if (!call.onRequest) throw new UpstreamError('bad-answer', 'it asks for input that this agent cannot give');
    const outcome = await call.onRequest(question, call.signal);
    if ('error' in outcome)
      throw new UpstreamError('bad-answer', `the agent did not answer what the server asked: ${outcome.error.message}`);
    responses[key] = outcome.result;
  }
  return responses;
}
