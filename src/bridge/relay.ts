import type { IncomingMessage } from 'node:http';
import { backOff, pause, someJitter } from '../base/backoff.ts';
import { Failure } from '../base/errors.ts';
import { idKey } from '../protocol/exact.ts';
import { errorText, rpc } from '../protocol/jsonrpc.ts';
import { messagesIn } from './answer.ts';
import { type Link, Unsent } from './link.ts';
import { meanwhile } from './meanwhile.ts';
import { type Told, told } from './message.ts';

/** MCP over standard input and output on one side, streamable HTTP on the other. Bytes of messages pass as they are, in both directions. */
export interface Relay {
  /** A line of the agent's. Resolves when the next may be taken: what begins a session, and what needs no answer, has an order. */
  take(line: Buffer): Promise<void>;
  /** The line was too long to be kept. */
  tooLong(): void;
  /** Resolves when nothing is under way, or when the signal says so. */
  idle(signal: AbortSignal): Promise<void>;
  /** Ends the session at the host, if there is time. */
  close(): Promise<void>;
}

interface Session {
  id: string;
  version: string;
}

interface Flight {
  message: Told;
  stop: AbortController;
  /** The agent wants no answer any more. */
  cancelled: boolean;
}

const mostAtOnce = 1024;
const closeMs = 1_000;
const lookMs = 250;
/** These change nothing, or nothing twice: where a connection broke they are simply sent again. */
const repeatable = new Set(
  'ping tools/list prompts/list resources/list resources/templates/list resources/read prompts/get server/discover completion/complete logging/setLevel resources/subscribe resources/unsubscribe initialize subscriptions/listen'.split(
    ' ',
  ),
);
const acknowledged = 'notifications/subscriptions/acknowledged';

export function openRelay(options: {
  link: Link;
  version: string;
  /** Milliseconds after which an agent gets an answer that needs no host. */
  earlyMs: number;
  write: (line: string) => Promise<void>;
  log: (text: string) => void;
}): Relay {
  const { link, write, log } = options;
  const closing = new AbortController();
  const flights = new Map<string | number, Flight>();
  let session: Session | undefined;
  let beginning: Buffer | undefined;
  let reopening: Promise<void> | undefined;
  let listening: AbortController | undefined;
  let listeningTo: Session | undefined;
  let wake = () => {};
  /** An `initialize` was answered before there was a session; whoever comes now waits for it. */
  const isEarly = () => session === undefined && beginning !== undefined;

  const headers = (message?: Told): Record<string, string> => ({
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    ...(message?.modern !== undefined
      ? { 'mcp-protocol-version': message.modern }
      : session && !message?.begins
        ? { 'mcp-session-id': session.id, 'mcp-protocol-version': session.version }
        : {}),
  });
  async function post(body: Buffer, message: Told | undefined, signal: AbortSignal): Promise<IncomingMessage> {
    const send = () => link.send({ method: 'POST', headers: headers(message), body, signal });
    const response = await send();
    if (response.statusCode !== 401) return response;
    // Revoked, or its time is over: nothing was done, so it may be sent again once the person has allowed it anew.
    drop(response);
    await link.renew();
    return await send();
  }

  /** Hands each message of an answer to the agent. Returns the keys of what was answered. */
  async function hand(response: IncomingMessage, seen: (id: string) => void = () => {}, keep: (line: string) => boolean = () => true) {
    const answered = new Set<string | number>();
    for await (const { line, answers } of messagesIn(response, { log, seen })) {
      for (const id of answers) answered.add(idKey(id) ?? '');
      if (keep(line)) await write(line);
    }
    return answered;
  }

  const drop = (response: IncomingMessage) => void response.resume().on('error', () => {});

  /** Begins a session with the agent's own words, at first and whenever the host has forgotten it. */
  async function begin(line: Buffer, message: Told, silent: boolean): Promise<Set<string | number>> {
    const response = await post(line, message, closing.signal);
    const id = response.headers['mcp-session-id'];
    let version = '';
    const answered = await hand(response, undefined, (text) => {
      version = (JSON.parse(text) as { result?: { protocolVersion?: string } }).result?.protocolVersion ?? version;
      return !silent;
    });
    if (response.statusCode === 200 && typeof id === 'string') {
      session = { id, version };
      beginning = line;
    } else if (silent) throw new Failure('unavailable', 'Gatehouse began no new session.', 'Start the agent anew.');
    return answered;
  }

  /** The agent does not notice, but for being told to list anew. */
  function reopen(old: Session | undefined): Promise<void> {
    if (session !== old || !beginning) return Promise.resolve();
    const line = beginning;
    reopening ??= (async () => {
      await link.ready();
      await begin(line, told(line)!, true);
      drop(await post(Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}'), undefined, closing.signal));
      void listen(session!);
      for (const list of ['tools', 'prompts', 'resources']) await write(`{"jsonrpc":"2.0","method":"notifications/${list}/list_changed"}`);
    })().finally(() => {
      reopening = undefined;
    });
    return reopening;
  }

  /** The stream on which the host speaks first, for as long as the session lasts. */
  async function listen(mine: Session): Promise<void> {
    listening?.abort();
    listeningTo = mine;
    const stop = new AbortController();
    listening = stop;
    const signal = AbortSignal.any([stop.signal, closing.signal]);
    let last: string | undefined;
    for (let failures = 0; !signal.aborted && session === mine; failures++) {
      try {
        // A host that the person has ended is not started again for the sake of a stream.
        if (!(await link.isThere())) {
          failures = 0;
          await pause(lookMs, signal);
          continue;
        }
        const more = last === undefined ? {} : { 'last-event-id': last };
        const response = await link.send({ method: 'GET', headers: { ...headers(), accept: 'text/event-stream', ...more }, signal });
        if (response.statusCode === 404) {
          drop(response);
          return await reopen(mine);
        }
        if (response.statusCode === 200) failures = 0;
        await hand(response, (id) => {
          last = id;
        });
      } catch (error) {
        if (!signal.aborted) log(`the stream of the session broke: ${String(error)}`);
      }
      await pause(someJitter(backOff(failures, 100, 10_000)), signal);
    }
  }

  /** Sends a message until it is answered; which of its requests were. */
  async function carry(line: Buffer, message: Told, signal: AbortSignal): Promise<Set<string | number>> {
    const again = message.ids.length === 0 || (message.method !== undefined && repeatable.has(message.method));
    let acks = 0;
    const firstAck = (text: string) => message.method !== 'subscriptions/listen' || !text.includes(acknowledged) || acks++ === 0;
    for (let attempt = 0; ; attempt++) {
      const mine = session;
      try {
        const response = await post(line, message, signal);
        if (response.statusCode === 404 && mine && message.modern === undefined && attempt < 3) {
          drop(response);
          await reopen(mine);
          continue;
        }
        const answered = await hand(response, undefined, firstAck);
        if (answered.size > 0 || message.method !== 'subscriptions/listen') return answered;
      } catch (error) {
        if (signal.aborted || error instanceof Failure) throw error;
        if (error instanceof Unsent && error.cause instanceof Failure) throw error.cause;
        if (!(error instanceof Unsent || again) || attempt >= 20) throw error;
      }
      await pause(someJitter(backOff(attempt, 100, 2_000)), signal);
      if (signal.aborted) throw new Error('stopped');
    }
  }

  async function refuse(message: Told, answered: Set<string | number>, why: string): Promise<void> {
    for (const id of message.ids) if (!answered.has(idKey(id) ?? '')) await write(errorText(id, { code: rpc.internalError, message: why }));
  }

  /** What to say instead of waiting longer; undefined: it was not needed, or there is nothing to say. Throws as `wait` does. */
  async function tooLate(message: Told, wait: Promise<void>): Promise<string | undefined> {
    const early = meanwhile(message, options.version);
    if (early === undefined) return void (await wait);
    const stop = new AbortController();
    const late = pause(options.earlyMs, AbortSignal.any([stop.signal, closing.signal])).then(() => early);
    try {
      return await Promise.race([wait.then(() => undefined), late]);
    } finally {
      stop.abort();
    }
  }

  /** Waits for the host and the person where that must be; true: the message was answered without them. */
  async function early(line: Buffer, message: Told): Promise<boolean> {
    if (link.admitted && !isEarly()) {
      // Whether we are there asks nobody else; a host that the person has ended stays so.
      const answer = message.method === 'ping' && !(await link.isThere()) ? meanwhile(message, options.version) : undefined;
      if (answer !== undefined) await write(answer);
      return answer !== undefined;
    }
    const before = message.begins || message.modern !== undefined;
    const wait = before ? link.ready() : reopen(undefined);
    const answer = await tooLate(message, wait);
    if (answer === undefined) return false;
    wait.catch((error: unknown) => log(reason(error)));
    if (message.begins) {
      beginning = line;
      session = undefined;
    }
    await write(answer);
    if (message.begins) void wait.then(() => reopen(undefined)).catch((error: unknown) => log(reason(error)));
    return true;
  }

  async function fly(line: Buffer, flight: Flight): Promise<void> {
    const { message, stop } = flight;
    const signal = AbortSignal.any([stop.signal, closing.signal]);
    try {
      if (await early(line, message)) return;
      const answered = message.begins ? await begin(line, message, false) : await carry(line, message, signal);
      const why = 'Gatehouse ended this request without an answer. Look at its activity before you try again.';
      if (!flight.cancelled) await refuse(message, answered, why);
    } catch (error) {
      if (flight.cancelled || closing.signal.aborted) return;
      await refuse(message, new Set(), reason(error));
    }
  }

  return {
    async take(line) {
      const message = told(line);
      if (!message) {
        if (line.toString('utf8').trim() !== '')
          await write(errorText(null, { code: rpc.parseError, message: 'This line is not JSON in UTF-8.' }));
        return;
      }
      if (message.name !== undefined) link.named(message.name);
      const cancelled = message.cancels === undefined ? undefined : flights.get(idKey(message.cancels) ?? '');
      if (cancelled) {
        cancelled.cancelled = true;
        // Over HTTP a modern request is cancelled by closing its answer.
        if (cancelled.message.modern !== undefined) return cancelled.stop.abort();
      }
      const flight: Flight = { message, stop: new AbortController(), cancelled: false };
      const keys = message.ids.map((id) => idKey(id) ?? '');
      if (keys.length > 0 && flights.size >= mostAtOnce) return await refuse(message, new Set(), 'Too many requests are open at once.');
      for (const key of keys) flights.set(key, flight);
      const done = fly(line, flight).finally(() => {
        for (const key of keys) if (flights.get(key) === flight) flights.delete(key);
        if (flights.size === 0) wake();
      });
      // While a session waits for its beginning, what needs no answer waits beside the rest, which may not.
      if (message.begins || (keys.length === 0 && !isEarly())) await done;
      if (message.method === 'notifications/initialized' && session && listeningTo !== session) void listen(session);
    },
    tooLong() {
      void write(errorText(null, { code: rpc.invalidRequest, message: 'This line is too long.' }));
    },
    idle: (signal) =>
      new Promise((resolve) => {
        if (flights.size === 0 || signal.aborted) return resolve();
        wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    async close() {
      const mine = session;
      session = undefined;
      closing.abort();
      if (!mine || !link.admitted) return;
      const ended = { 'mcp-session-id': mine.id, 'mcp-protocol-version': mine.version };
      await link.send({ method: 'DELETE', headers: ended, signal: AbortSignal.timeout(closeMs) }).then(drop, () => {});
    },
  };
}

function reason(error: unknown): string {
  const failure = error instanceof Unsent ? error.cause : error;
  if (failure instanceof Failure) return [failure.message, failure.fix].filter(Boolean).join(' ');
  return 'The connection to Gatehouse broke before there was an answer. Whether the request was carried out is not known: look before you try again.';
}
