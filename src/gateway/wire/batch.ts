import { openPace } from '../../base/pace.ts';
import { idKey } from '../../protocol/exact.ts';
import { errorText, type Message, type NoMessage, type RpcError, rpc } from '../../protocol/jsonrpc.ts';
import { Answer } from '../http/answer.ts';
import { BatchAnswer } from '../http/batch-answer.ts';
import { answerOf, begun, heard, type Request, request } from './legacy.ts';
import { isModern } from './modern.ts';
import { received } from './received.ts';
import type { Incoming, WireContext } from './request.ts';

/** The only revision that has batches. */
const batching = '2025-03-26';
const mostMessages = 100;

/** Each message of a batch as if it had come alone, all at once. `refused`: why nothing new is begun for this agent now. */
export async function legacyBatch(
  incoming: Incoming,
  bodies: unknown[],
  wire: WireContext,
  refused: () => RpcError | undefined,
): Promise<void> {
  const no = (message: string) => new Answer(incoming.response, false).end(errorText(null, { code: rpc.invalidRequest, message }), 400);
  const without = `Batches are part of protocol ${batching} only: send one message per request.`;
  if (incoming.headers['mcp-session-id'] === undefined) return no(without);
  const session = begun(incoming, wire, null);
  if (!session) return;
  if (session.version !== batching) return no(without);
  if (bodies.length === 0) return no('A batch needs a message.');
  if (bodies.length > mostMessages) return no(`A batch has at most ${mostMessages} messages here. Send the rest in another one.`);

  const messages: (Message | NoMessage)[] = [];
  const breathe = openPace();
  for (const body of bodies) {
    await breathe();
    messages.push(received(body));
  }
  const asking = messages.filter((message) => message.kind === 'request' || message.kind === 'none');
  const ids = new Set(asking.flatMap(({ kind, id }) => (kind === 'request' ? [idKey(id)] : [])));
  if (ids.size < asking.filter(({ kind }) => kind === 'request').length)
    return no('Two requests of the batch have the same id, so nobody could tell their answers apart. Give each its own.');

  const answers = asking.length > 0 ? new BatchAnswer(answerOf(incoming, session), asking.length) : undefined;
  const going: Promise<void>[] = [];
  for (const [at, message] of messages.entries()) {
    await breathe();
    if (message.kind === 'response' || message.kind === 'notification') {
      heard(session, message);
      continue;
    }
    const own = answers!.share();
    const error = message.kind === 'none' ? message.error : (misplaced(message, incoming) ?? ended(session) ?? refused());
    if (error || message.kind === 'none') {
      own.end(errorText(message.id, error!));
      continue;
    }
    const bytes = Buffer.byteLength(JSON.stringify(bodies[at]));
    const failed = (reason: unknown) => {
      own.end(errorText(message.id, { code: rpc.internalError, message: 'Something went wrong inside Gatehouse. See its log file.' }));
      throw reason;
    };
    going.push(request({ ...incoming, bytes }, session, message, own, wire).catch(failed));
  }
  if (!answers) return void incoming.response.writeHead(202).end();
  const defect = (await Promise.allSettled(going)).find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
  if (defect) throw defect.reason;
}

/** The way through a long batch has pauses, in which its agent may be revoked. */
const ended = (session: { over: boolean }): RpcError | undefined =>
  session.over ? { code: rpc.invalidRequest, message: 'The session has ended.' } : undefined;

/** Why a message must not be part of a batch; undefined: it may. */
function misplaced(message: Request, { headers }: Incoming): RpcError | undefined {
  if (message.method === 'initialize')
    return { code: rpc.invalidRequest, message: '"initialize" must not be part of a batch: send it alone.' };
  if (isModern(message, headers))
    return {
      code: rpc.invalidRequest,
      message: `"${message.method}" in the form of a later protocol revision has no place in a batch: send it alone.`,
    };
  return undefined;
}
