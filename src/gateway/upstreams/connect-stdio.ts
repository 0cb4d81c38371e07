import { type Child, startChild } from './child.ts';
import { agreedVersion, enveloped, eraOf, legacyVersions, modernVersion } from './era.ts';
import { type Inbox, openInbox } from './inbox.ts';
import type { Leash } from './leash.ts';
import type { Link, LinkContext } from './link.ts';
import { openPending } from './pending.ts';
import { openStdio } from './stdio.ts';
import { type Era, type JsonObject, type Outcome, type UpstreamCall, UpstreamError } from './upstream.ts';

/** One process with its pipe, shared by all agents. Exactly one request id is ever in use for one message. */
export interface Pipe {
  child: Child;
  inbox: Inbox;
  nextId(): number;
  send(message: JsonObject): boolean;
  /** Gatehouse's own request on the pipe. */
  ask(method: string, params: JsonObject, signal: AbortSignal, timeoutMs: number): Promise<Outcome>;
  /** Set by the link once it stands. */
  onEnd(error: UpstreamError): void;
  /** A message that the link wants to see first; true: it was taken. */
  onMessage(message: JsonObject): boolean;
}

/**
 * What Gatehouse says it can do for a local server that all agents share. Questions to a person or a model are put to the agent whose call is
 * running. Roots are not offered: one agent's folders would become what the server lets every other agent touch.
 */
const offered = { sampling: {}, elicitation: { form: {}, url: {} } };

/** Starts the process and finds out its era on that same process: a second start would do twice what starting does. */
export async function connectStdio(context: LinkContext, leash: Leash, known: Era | undefined, signal: AbortSignal): Promise<Link> {
  const pipe = openPipe(context, leash);
  let ended: UpstreamError | undefined;
  pipe.onEnd = (error) => {
    ended = new UpstreamError('unreachable', `it did not start: ${error.message}`, { cause: error });
    for (const pending of [...pipe.inbox.calls.values()]) pending.fail(ended);
  };
  try {
    const era = await settle(pipe, context, known, signal);
    if (ended) throw ended;
    return openStdio(pipe, context, era);
  } catch (error) {
    await pipe.child.close();
    throw ended ?? error;
  }
}

function openPipe(context: LinkContext, leash: Leash): Pipe {
  const { entry, limits, log } = context;
  let lastId = 0;
  const send = (message: JsonObject) => pipe.child.write(JSON.stringify({ jsonrpc: '2.0', ...message }));
  const inbox = openInbox(context, send, ['roots/list']);
  const pipe: Pipe = {
    inbox,
    nextId: () => ++lastId,
    send,
    onEnd() {},
    onMessage: () => false,
    child: startChild({
      entry,
      leash,
      log,
      maxBytes: limits.messageBytes,
      onLine(line) {
        let message: unknown;
        try {
          message = JSON.parse(line);
        } catch {
          // Many servers print what is no message: it is counted, and otherwise ignored.
          log.debug({ server: entry.id, line: line.slice(0, 200) }, 'a local server wrote a line that is no message');
        }
        if (typeof message === 'object' && message !== null && pipe.onMessage(message as JsonObject)) return;
        if (!inbox.receive(message)) pipe.child.kill(new UpstreamError('closed', 'it flooded its output and was ended'));
      },
      onEnd: (error) => pipe.onEnd(error),
    }),
    ask(method, params, signal, timeoutMs) {
      return new Promise((resolve, reject) => {
        const peer = { id: '', era: 'legacy' as const, capabilities: {}, clientInfo: context.clientInfo };
        const call: UpstreamCall = { method, params, signal, peer };
        const pending = openPending(
          pipe.nextId(),
          call,
          { timeoutMs, messages: 1000 },
          { onGone() {}, onEnd: inbox.ended },
          { resolve, reject },
        );
        inbox.calls.set(pending.id, pending);
        if (!send({ id: pending.id, method, params })) pending.fail(new UpstreamError('closed', 'it does not read what it is sent'));
      });
    },
  };
  return pipe;
}

interface Settled {
  era: Era;
  capabilities: JsonObject;
}

async function settle(pipe: Pipe, context: LinkContext, known: Era | undefined, signal: AbortSignal): Promise<Settled> {
  const { limits, entry } = context;
  const discover = (timeoutMs: number) =>
    pipe.ask('server/discover', enveloped({}, { capabilities: {}, clientInfo: context.clientInfo }), signal, timeoutMs);
  const modern = (outcome: Outcome): Settled => ({
    era: 'modern',
    capabilities: 'result' in outcome ? ((outcome.result['capabilities'] ?? {}) as JsonObject) : {},
  });
  if (entry.era === 'modern' || known === 'modern') {
    const outcome = await discover(limits.connectMs);
    if (eraOf(outcome) === 'modern') return modern(outcome);
    if (entry.era === 'modern') throw new UpstreamError('bad-answer', `it does not speak protocol ${modernVersion}`);
  } else if (known === undefined) {
    // Silence is no proof: it may only be slow to start. So the handshake follows on the same pipe, and who answers it is legacy.
    const outcome = await discover(limits.probeMs).catch((error: unknown) => {
      if (!(error instanceof UpstreamError) || error.problem !== 'timed-out') throw error;
      return undefined;
    });
    if (outcome && eraOf(outcome) === 'modern') return modern(outcome);
  }
  const params = { protocolVersion: legacyVersions[0], capabilities: offered, clientInfo: context.clientInfo };
  const outcome = await pipe.ask('initialize', params, signal, limits.connectMs);
  if ('error' in outcome && entry.era === 'auto') {
    const second = await discover(limits.probeMs);
    if (eraOf(second) === 'modern') return modern(second);
  }
  const { capabilities } = agreedVersion(outcome);
  pipe.send({ method: 'notifications/initialized' });
  return { era: 'legacy', capabilities };
}
