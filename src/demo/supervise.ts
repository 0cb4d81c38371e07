import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type ErrorCode, Failure } from '../base/errors.ts';

export interface Ready {
  mcp: string;
  ui: string;
  pid: number;
}

export interface Supervised {
  readonly ready: Ready;
  /** Settles when the host will not come again: it was asked to end, or it failed too often. */
  readonly ended: Promise<Failure | undefined>;
  close(): Promise<void>;
}

const mostRestarts = 5;
/** A host that ran this long does not die at each start: the count of restarts begins again. */
const steadyMs = 60_000;

/**
 * Runs `gatehouse serve` as a child and starts it again when it dies. The child holds the other end of our pipe, so it ends when we do, even by
 * kill -9. `argsFor` gets the addresses of the first start: a restart keeps them, since agents and windows know them.
 */
export async function supervise(options: {
  command: string[];
  argsFor(before: Ready | undefined): string[];
  env: NodeJS.ProcessEnv;
  say(text: string): void;
}): Promise<Supervised> {
  const { command, argsFor, env, say } = options;
  let closing = false;
  let restarts = 0;
  let wake = () => {};
  const { promise: ended, resolve: end } = Promise.withResolvers<Failure | undefined>();
  let current = await start(undefined);
  const ready = current.ready;
  void follow();

  async function start(before: Ready | undefined) {
    const child = spawn(command[0]!, [...command.slice(1), ...argsFor(before)], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin!.on('error', () => {});
    return { child, exit: exitOf(child), since: Date.now(), ready: await readiness(child, say) };
  }

  async function follow(): Promise<void> {
    for (;;) {
      const { code, signal } = await current.exit;
      if (closing) return end(undefined);
      const how = signal ?? `exit code ${code}`;
      if (code === 0 || code === 130 || code === 143)
        return end(new Failure('not-running', `The host was asked to end (${how}).`, 'Start it again: npm start'));
      if (Date.now() - current.since > steadyMs) restarts = 0;
      for (;;) {
        restarts += 1;
        if (restarts > mostRestarts)
          return end(new Failure('unavailable', `The host died ${restarts} times (${how}).`, 'See logs/gatehouse.log in the data folder.'));
        const pause = 200 * 2 ** (restarts - 1);
        say(`The host died (${how}); it is started again in ${pause} ms (${restarts} of ${mostRestarts}).`);
        await new Promise<void>((done) => {
          wake = done;
          setTimeout(done, pause);
        });
        if (closing) return end(undefined);
        try {
          current = await start(ready);
          say(`The host is back (process ${current.ready.pid}).`);
          break;
        } catch (error) {
          if (closing) return end(undefined);
          say(`The host did not start: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    }
  }

  return {
    ready,
    ended,
    async close() {
      closing = true;
      wake();
      const { child, exit } = current;
      child.stdin!.end();
      const late = setTimeout(() => child.kill('SIGKILL'), 4000);
      await exit;
      clearTimeout(late);
      await ended;
    },
  };
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((done) => {
    child.once('error', () => done({ code: 1, signal: null }));
    child.once('close', (code, signal) => done({ code, signal }));
  });
}

/** The line that says "ready", or the failure that the host ended with. What else it says on standard error is passed on. */
function readiness(child: ChildProcess, say: (text: string) => void): Promise<Ready> {
  return new Promise((done, fail) => {
    let failure: Failure | undefined;
    createInterface({ input: child.stderr! }).on('line', (line) => {
      const told = failureFrom(line);
      if (told === undefined) say(line);
      else failure = told;
    });
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const value = JSON.parse(line) as Ready & { ready?: boolean };
      if (value.ready === true) done(value);
    });
    child.once('error', (cause) => fail(new Failure('unavailable', 'The host could not be started.', undefined, { cause })));
    child.once('close', (code) =>
      fail(
        failure ??
          new Failure('unavailable', `The host ended before it was ready (${code}).`, 'See logs/gatehouse.log in the data folder.'),
      ),
    );
  });
}

function failureFrom(line: string): Failure | undefined {
  try {
    const { error } = JSON.parse(line) as { error?: { code: ErrorCode; message: string; fix?: string } };
    return error === undefined ? undefined : new Failure(error.code, error.message, error.fix);
  } catch {
    return undefined;
  }
}
