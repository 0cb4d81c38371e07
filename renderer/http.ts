import type { ErrorValue } from '../src/base/errors.ts';
import type { Gatehouse, Reply } from '../src/contract/contract.ts';
import type { View } from '../src/contract/view.ts';
import type { Link } from './link.ts';

const gone: ErrorValue = {
  code: 'not-running',
  message: 'Gatehouse is not answering.',
  fix: 'Start it again with `npm start` or `gatehouse serve`; this window reconnects by itself.',
};
const locked: ErrorValue = {
  code: 'signed-out',
  message: 'This window has no access to Gatehouse.',
  fix: 'Run `gatehouse open` in a terminal to open it again.',
};

/** Where the key that goes with the cookie is stored. Storage is per port, cookies are not: no other web server on this machine can read it. */
const keyName = 'gatehouse-key';

/** Browser carrier: POST /call for commands, server-sent events for the view; an HttpOnly cookie and the key beside it for access. */
export async function openHttp(onLink: (link: Link) => void): Promise<Gatehouse> {
  await exchangeToken();

  const call: Gatehouse['call'] = async (command, input) => {
    let response: Response;
    try {
      response = await post('/call', { command, input });
    } catch {
      return { ok: false, error: gone };
    }
    const body = (await response.json().catch(() => undefined)) as Reply<typeof command> | { ok?: never; error?: ErrorValue } | undefined;
    // A refusal of the core's is a Reply; one of the carrier's has no `ok`.
    if (typeof body?.ok === 'boolean') return body;
    if (response.status === 401) {
      onLink('locked');
      return { ok: false, error: locked };
    }
    return { ok: false, error: body?.error ?? { code: 'unavailable', message: `Gatehouse answered with status ${response.status}.` } };
  };

  return { call, watch: (listener) => watch(listener, onLink) };
}

/** The token leaves the address bar before anything else happens, so that it is in no history and no screenshot. */
async function exchangeToken(): Promise<void> {
  const params = new URLSearchParams(location.hash.slice(1));
  const token = params.get('token');
  if (!token) return;
  history.replaceState(null, '', `${location.pathname}#/`);
  // A refused token is not yet the end: an earlier session may still be valid. The watch finds out.
  const response = await post('/session', { token }).catch(() => undefined);
  const session = (await response?.json().catch(() => undefined)) as { key?: string } | undefined;
  if (session?.key !== undefined) localStorage.setItem(keyName, session.key);
}

/** Read each time: another tab may have got a newer one, and the cookie belongs to the newest. */
const key = () => localStorage.getItem(keyName) ?? '';

const post = (path: string, body: unknown) =>
  fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-gatehouse-key': key() },
    body: JSON.stringify(body),
  });

function watch(listener: (view: View) => void, onLink: (link: Link) => void): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;
  let stopped = false;

  const open = () => {
    source = new EventSource(`/watch?key=${encodeURIComponent(key())}`);
    source.onmessage = (event: MessageEvent<string>) => {
      tries = 0;
      onLink('live');
      listener(JSON.parse(event.data) as View);
    };
    source.onerror = () => {
      source?.close();
      void retry();
    };
  };
  // EventSource does not tell a refusal from a broken line, so a plain request asks.
  const retry = async () => {
    const status = await post('/call', { command: 'status', input: {} }).then(
      (response) => response.status,
      () => 0,
    );
    if (stopped) return;
    if (status === 401) return onLink('locked');
    onLink('lost');
    timer = setTimeout(open, Math.min(10_000, 500 * 2 ** tries++));
  };

  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
  };
}
