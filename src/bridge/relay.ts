import type { IncomingMessage } from 'node:http';
import { backOff, pause, someJitter } from '../base/backoff.ts';
import { Failure } from '../base/errors.ts';
import { openSse } from '../base/sse.ts';
import { idKey } from '../protocol/exact.ts';
import { errorText, rpc } from '../protocol/jsonrpc.ts';
import { type Link, Unsent } from './link.ts';
import { asLine, type Told, told } from './message.ts';

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

const longestAnswer = 256 * 1024 * 1024;
const mostAtOnce = 1024;
const closeMs = 1_000;
/** These change nothing, or nothing twice: where a connection broke they are simply sent again. */
const repeatable = new Set(
  'ping tools/list prompts/list resources/list resources/templates/list resources/read prompts/get server/discover completion/complete logging/setLevel resources/subscribe resources/unsubscribe initialize subscriptions/listen'.split(
    ' ',
  ),
);
const acknowledged = 'notifications/subscriptions/acknowledged';

export function openRelay(options: { link: Link; write: (line: string) => Promise<void>; log: (text: string) => void }): Relay {
  const { link, write, log } = options;
  const closing = new AbortController();
  const flights = new Map<string | number, Flight>();
  let session: Session | undefined;
  let beginning: Buffer | undefined;
  let reopening: Promise<void> | undefined;
  let listening: AbortController | undefined;
  let wake = () => {};

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
  async function hand(response: IncomingMessage, seen?: (id: string) => void, keep: (line: string) => boolean = () => true) {
    const answered = new Set<string | number>();
    const pass = async (text: string) => {
      const message = asLine(text);
      if (!message) return log('the host sent something that is no message');
      for (const id of message.answers) answered.add(idKey(id) ?? '');
      if (keep(message.line)) await write(message.line);
    };
    const type = response.headers['content-type'] ?? '';
    if (/^text\/event-stream\b/.test(type)) {
      let waiting: string[] = [];
      const feed = openSse(longestAnswer, ({ id, event, data }) => {
        if (id !== undefined) seen?.(id);
        const text = typeof data === 'string' ? data : Buffer.concat(data).toString('utf8');
        if (event === undefined && text !== '') waiting.push(text);
      });
      for await (const chunk of response) {
        if (!feed(chunk as Buffer)) throw new Error('an event of the host is too long');
        const now = waiting;
        waiting = [];
        for (const text of now) await pass(text);
      }
    } else {
      const pieces: Buffer[] = [];
      let length = 0;
      for await (const chunk of response) {
        length += (chunk as Buffer).length;
        if (length > longestAnswer) throw new Error('an answer of the host is too long');
        pieces.push(chunk as Buffer);
      }
      const text = Buffer.concat(pieces).toString('utf8');
      if (/^application\/json\b/.test(type)) {
        // What the gateway says before it has looked at a message is in the words of HTTP.
        const why = (response.statusCode ?? 0) >= 400 && !asLine(text) ? worded(text) : undefined;
        if (why !== undefined) throw new Failure('unavailable', why);
        if (text !== '') await pass(text);
      }
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
  function reopen(old: Session): Promise<void> {
    if (session !== old || !beginning) return Promise.resolve();
    const line = beginning;
    reopening ??= (async () => {
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
    const stop = new AbortController();
    listening = stop;
    const signal = AbortSignal.any([stop.signal, closing.signal]);
    let last: string | undefined;
    for (let failures = 0; !signal.aborted && session === mine; failures++) {
      try {
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

  async function fly(line: Buffer, flight: Flight): Promise<void> {
    const { message, stop } = flight;
    const signal = AbortSignal.any([stop.signal, closing.signal]);
    try {
      const answered = message.begins ? await begin(line, message, false) : await carry(line, message, signal);
      if (!flight.cancelled)
        await refuse(message, answered, 'Gatehouse ended this request without an answer. Look at its activity before you try again.');
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
      if (message.begins || keys.length === 0) await done;
      if (message.method === 'notifications/initialized' && session) void listen(session);
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

/** The sentence in an error of HTTP. */
function worded(text: string): string | undefined {
  try {
    const { message: why } = JSON.parse(text) as { message?: unknown };
    return typeof why === 'string' ? why.slice(0, 1000) : undefined;
  } catch {
    return undefined;
  }
}

function reason(error: unknown): string {
  const failure = error instanceof Unsent ? error.cause : error;
  if (failure instanceof Failure) return [failure.message, failure.fix].filter(Boolean).join(' ');
  return 'The connection to Gatehouse broke before there was an answer. Whether the request was carried out is not known: look before you try again.';
}
