import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { type Era, modernVersion } from '../../protocol/versions.ts';
import { agreedVersion, enveloped, eraOf } from '../connection/era.ts';
import type { Link, LinkContext } from '../connection/link.ts';
import { startChild } from '../local/child.ts';
import type { ProcessGuard } from '../local/process-guard.ts';
import { beginning, readMessage } from '../messages/reading.ts';
import { type Outcome, UpstreamError } from '../upstream.ts';
import { initialize, openPipe, type Pipe } from './pipe.ts';
import { openStdio } from './stdio.ts';

/** The process started, and ended before the handshake. */
class Exited extends UpstreamError {}

/** Starts the process and finds out its era on that same process: a second start would repeat its side effects. */
export async function connectStdio(
  context: LinkContext,
  processGuard: ProcessGuard,
  knownEra: Era | undefined,
  path: string | undefined,
  signal: AbortSignal,
): Promise<Link> {
  const { entry, limits, log } = context;

  async function start(assumedEra: Era | undefined): Promise<Link> {
    const child = startChild({
      entry,
      secrets: context.filled.environment,
      processGuard,
      log,
      path,
      output: context.output!,
      maxBytes: limits.messageBytes,
      onLine(line) {
        // Taken before the line is read: a long one is transferred to another thread.
        const begin = beginning(line);
        return readMessage(line, (message, error) => {
          // Many servers print what is no message: it is counted, and otherwise ignored.
          if (error)
            log.debug(
              { server: entry.id, err: error.message, line: context.output!.hide(begin).slice(0, 200) },
              'a local server wrote a line that is no message',
            );
          if (!pipe.take(message, error)) child.kill(new UpstreamError('closed', 'it flooded its output and was ended'));
        });
      },
      onEnd: (error) => pipe.onEnd(error),
    });
    const pipe: Pipe = openPipe(context, child);
    let ended: UpstreamError | undefined;
    pipe.onEnd = (error) => {
      ended = new (error.problem === 'closed' ? Exited : UpstreamError)('unreachable', `it did not start: ${error.message}`, {
        cause: error,
      });
      for (const pending of [...pipe.inbox.calls.values()]) pending.fail(ended);
    };
    try {
      const settled = await settle(pipe, context, assumedEra, signal);
      if (ended) throw ended;
      return openStdio(pipe, context, settled);
    } catch (error) {
      // The process runs, but does not answer as a server should. What it wrote to standard error explains most.
      const said = child.said();
      const why = ended;
      await child.close();
      if (why) throw why;
      if (said === '' || !(error instanceof UpstreamError)) throw error;
      const [problem, message] =
        error.problem === 'cancelled' ? (['unreachable', 'it did not answer'] as const) : [error.problem, error.message];
      throw new UpstreamError(problem, `${message}; it wrote: ${said}`, { cause: error });
    }
  }

  try {
    return await start(knownEra);
  } catch (error) {
    if (!(error instanceof Exited) || entry.era !== 'auto' || knownEra === 'legacy' || signal.aborted) throw error;
    // Some servers crash at a message before the handshake.
    log.info(
      { server: entry.id, err: error.message },
      'a local server ended before the handshake; it is started again and gets the handshake first',
    );
    return await start('legacy');
  }
}

interface Settled {
  era: Era;
  capabilities: JsonObject;
  about: JsonObject;
}

async function settle(pipe: Pipe, context: LinkContext, knownEra: Era | undefined, signal: AbortSignal): Promise<Settled> {
  const { limits, entry } = context;
  const discover = (timeoutMs: number) =>
    pipe.ask('server/discover', enveloped({}, { capabilities: {}, clientInfo: context.clientInfo }), signal, timeoutMs);
  const modern = (outcome: Outcome): Settled => ({
    era: 'modern',
    capabilities: 'result' in outcome ? ((outcome.result['capabilities'] ?? {}) as JsonObject) : {},
    about: {},
  });
  if (entry.era === 'modern' || knownEra === 'modern') {
    const outcome = await discover(context.startMs);
    if (eraOf(outcome) === 'modern') return modern(outcome);
    if (entry.era === 'modern') throw new UpstreamError('bad-answer', `it does not speak protocol ${modernVersion}`);
  } else if (knownEra === undefined) {
    // No answer is no proof: the server may only be slow to start. So the handshake follows on the same pipe; a server that answers it is legacy.
    const outcome = await discover(limits.probeMs).catch((error: unknown) => {
      if (!(error instanceof UpstreamError) || error.problem !== 'timed-out') throw error;
      return undefined;
    });
    if (outcome && eraOf(outcome) === 'modern') return modern(outcome);
  }
  const outcome = await initialize(pipe, context, signal);
  if ('error' in outcome && entry.era === 'auto') {
    const second = await discover(limits.probeMs);
    if (eraOf(second) === 'modern') return modern(second);
  }
  const { capabilities, about } = agreedVersion(outcome);
  pipe.send({ method: 'notifications/initialized' });
  return { era: 'legacy', capabilities, about };
}
