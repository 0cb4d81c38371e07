import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Page, sendPage } from '../base/page.ts';

/** The loopback redirect of RFC 8252 section 7.3, open for one answer. */
export interface RedirectListener {
  readonly uri: string;
  /** Ends at once, also in the middle of an answer. */
  close(): void;
}

/**
 * Listens on an ephemeral port of 127.0.0.1. Any program and any web page may send requests here: only a GET to the exact
 * path and Host that carries our `state` is handed to `answer`, once; everything else is turned away and changes nothing.
 */
export async function openRedirectListener(options: {
  state: string;
  /** Gets the full address that the browser was sent to; the page is shown when it resolves, and the listener closes. */
  answer(url: URL): Promise<Page>;
}): Promise<RedirectListener> {
  let taken = false;
  const server = createServer(
    { maxHeaderSize: 65_536, headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 },
    (request, response) => void handle(request, response),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // DNS rebinding: a page under a name that resolves to 127.0.0.1 has that name in Host.
    if (`http://${request.headers.host}` !== origin) return sendPage(response, notHere(403));
    const target = `${origin}${request.url}`;
    const url = request.url?.startsWith('/') && URL.canParse(target) ? new URL(target) : undefined;
    if (url?.pathname !== '/callback') return sendPage(response, notHere(404));
    if (request.method !== 'GET') return sendPage(response, notHere(405), { Allow: 'GET' });
    const states = url.searchParams.getAll('state');
    if (states.length !== 1 || states[0] !== options.state) return sendPage(response, notHere(400));
    if (taken) return sendPage(response, notHere(409));
    taken = true;
    const page = await options.answer(url);
    response.once('close', close);
    sendPage(response, page);
  }

  function close(): void {
    server.close();
    server.closeAllConnections();
  }
  return { uri: `${origin}/callback`, close };
}

const notHere = (status: number): Page => ({
  status,
  title: 'This page does not belong to a sign-in',
  text: 'Nothing was changed. Go back to Gatehouse and start the sign-in there.',
});
