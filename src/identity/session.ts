import { Failure } from '../base/errors.ts';
import { retryMs } from '../base/lifetime.ts';
import type { Tokens } from './tokens.ts';
import { type Trouble, troubleOf } from './trouble.ts';

/** The person's tokens while they are signed in. The only place that holds them. */
export interface TokenSession {
  /** A token that is good now. Waits for the network only when there is none. */
  token(forceRefresh?: boolean): Promise<string>;
  /** Ends it and gives the newest refresh token, so that it can be stored or revoked; waits for a refresh under way. */
  stop(): Promise<string | undefined>;
}

export interface SessionOptions {
  now(): number;
  tokens?: Tokens;
  refreshToken?: string;
  /** One refresh request (RFC 6749 section 6). */
  refresh(refreshToken: string): Promise<Tokens>;
  /** A refresh succeeded; resolves when the rotated refresh token is safe. Not called any more after `stop`. */
  renewed(tokens: Tokens, refreshToken: string): Promise<void>;
  /** A refresh failed. After `ended` the session is over. */
  failed(trouble: Trouble, failure: Failure): void;
  toFailure(error: unknown): Failure;
}

const signedOut = (): Failure => new Failure('signed-out', 'You are not signed in.', 'Sign in to Gatehouse first.');
// Two refreshes that fail are at least this far apart, however many callers ask for a token meanwhile.
const gap = 1_000;
const longestTimer = 2 ** 31 - 1;

export function openSession(options: SessionOptions): TokenSession {
  let current = options.tokens;
  let refreshToken = options.refreshToken;
  let running: Promise<Tokens> | undefined;
  let stopped = false;
  let over = false;
  let failures = 0;
  let last: { at: number; failure: Failure } | undefined;
  let timer: NodeJS.Timeout | undefined;

  const usable = (): Tokens | undefined => (current !== undefined && options.now() < current.expiresAt ? current : undefined);

  // INVARIANT: at most one refresh request is in flight. With rotation a second one would replay the first one's token, and
  // the provider would take that for theft and end the whole session (RFC 9700 section 4.14.2).
  function refresh(): Promise<Tokens> {
    running ??= attempt().finally(() => {
      running = undefined;
    });
    return running;
  }

  async function attempt(): Promise<Tokens> {
    clearTimeout(timer);
    try {
      if (refreshToken === undefined) throw signedOut();
      const tokens = await options.refresh(refreshToken);
      // Kept even when stop() came meanwhile: stop() hands the newest one out.
      refreshToken = tokens.refreshToken ?? refreshToken;
      if (stopped) throw signedOut();
      await options.renewed(tokens, refreshToken);
      current = tokens;
      failures = 0;
      last = undefined;
      schedule(tokens.refreshAt - options.now());
      return tokens;
    } catch (error) {
      if (stopped) throw signedOut();
      const trouble = refreshToken === undefined ? 'ended' : troubleOf(error);
      const failure = options.toFailure(error);
      if (trouble === 'ended') {
        over = true;
        current = refreshToken = undefined;
      } else {
        last = { at: options.now(), failure };
        schedule(retryMs(failures++));
      }
      options.failed(trouble, failure);
      throw trouble === 'ended' ? signedOut() : unavailable(failure);
    }
  }

  function schedule(ms: number): void {
    clearTimeout(timer);
    if (stopped) return;
    // A timer may fire early (capped) or late (sleep): what counts is the clock, here and in token().
    timer = setTimeout(
      () => {
        if (current !== undefined && last === undefined && options.now() < current.refreshAt) schedule(current.refreshAt - options.now());
        else refresh().catch(() => {});
      },
      Math.min(Math.max(ms, gap), longestTimer),
    ).unref();
  }

  // Without a refresh token (the provider gave none) the session lasts as long as its one access token.
  if (current !== undefined) schedule((refreshToken === undefined ? current.expiresAt : current.refreshAt) - options.now());

  return {
    async token(forceRefresh = false) {
      if (stopped || over) throw signedOut();
      const held = usable();
      if (held !== undefined && !forceRefresh) {
        if (options.now() >= held.refreshAt && refreshToken !== undefined && !justFailed()) refresh().catch(() => {});
        return held.accessToken;
      }
      if (running === undefined && justFailed()) throw unavailable(last!.failure);
      return (await refresh()).accessToken;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running?.catch(() => {});
      current = undefined;
      return refreshToken;
    },
  };

  function justFailed(): boolean {
    return last !== undefined && Math.abs(options.now() - last.at) < gap;
  }
}

function unavailable(failure: Failure): Failure {
  return failure.code === 'unavailable' ? failure : new Failure('unavailable', failure.message, failure.fix, { cause: failure });
}
