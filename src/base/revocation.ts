import type { Vault } from './host.ts';
import { retryMs } from './lifetime.ts';
import type { Log } from './log.ts';

/**
 * Tokens that must still be revoked (RFC 7009). They wait in the vault until the authorization server has confirmed, so that a
 * sign-out on a plane ends the session too, a little later.
 */
export interface Revocations {
  /** Remembers the tokens, then tries at once; resolves when tried. */
  add(...tokens: string[]): Promise<void>;
  /** Tries what is left over, as after a start. */
  flush(): Promise<void>;
  close(): void;
}

/** `most`: how many may wait; the oldest are given up first. */
export function openRevocations(options: {
  vault: Vault;
  name: string;
  revoke(token: string): Promise<void>;
  log: Log;
  most?: number;
}): Revocations {
  const { vault, name, log, most = 10 } = options;
  let waiting: string[] | undefined;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let turn: Promise<void> = Promise.resolve();

  // One change at a time: reading, trying and writing back must not interleave.
  function inTurn(work: () => Promise<void>): Promise<void> {
    turn = turn.then(work).catch((error: unknown) => {
      log.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'a sign-out could not be passed on');
    });
    return turn;
  }

  async function load(): Promise<string[]> {
    if (waiting !== undefined) return waiting;
    const text = await vault.get(name);
    let read: unknown;
    try {
      read = JSON.parse(text ?? '[]');
    } catch {
      read = [];
    }
    waiting = Array.isArray(read) ? read.filter((item): item is string => typeof item === 'string') : [];
    return waiting;
  }

  async function save(tokens: string[]): Promise<void> {
    waiting = tokens;
    if (tokens.length === 0) await vault.delete(name);
    else await vault.set(name, JSON.stringify(tokens));
  }

  /** Each for itself: one server that is away holds up no other. */
  async function attempt(): Promise<void> {
    clearTimeout(timer);
    const tried = await load();
    const tries = await Promise.allSettled(tried.map(options.revoke));
    if (closed) return;
    const left = tried.filter((_token, at) => tries[at]!.status === 'rejected');
    if (left.length < tried.length) {
      failures = 0;
      await save(left);
    }
    if (left.length === 0) return;
    log.info({ left: left.length }, 'a sign-out was not taken yet; it is tried again');
    timer = setTimeout(() => void inTurn(attempt), retryMs(failures++)).unref();
  }

  return {
    add: (...tokens) =>
      inTurn(async () => {
        if (tokens.length === 0) return;
        const before = await load().catch(() => undefined);
        // The waiting tokens cannot be read, so they must not be overwritten either: these are tried now and only now.
        if (before === undefined) return void (await Promise.allSettled(tokens.map(options.revoke)));
        await save([...before, ...tokens].slice(-most)).catch(() => {});
        await attempt();
      }),
    flush: () => inTurn(attempt),
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
