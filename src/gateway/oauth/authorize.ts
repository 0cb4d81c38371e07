import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuseHttp } from '../http/refuse.ts';
import { gonePage, goTo, json, refusedPage, sentHerePage, waitingPage } from './page.ts';
import type { SignIn } from './sign-in.ts';

const waitAt = '/authorize/wait/';

/** Paths below /authorize that are ours. */
export const isAuthorizePath = (path: string): boolean => path === '/authorize' || path.startsWith(waitAt);

/** What a browser is sent to. Everything here is GET, and changes nothing but that a request comes to wait for the person. */
export async function authorize(signIn: SignIn, path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET') return refuseHttp(response, 405, 'method_not_allowed', 'Send GET.', { allow: 'GET' });
  const { headers, url = '/' } = request;
  if (path !== '/authorize') return await wait(signIn, path.slice(waitAt.length), request, response);
  // Fetch metadata (W3C): a browser says what a request is for, and a web page cannot change that. An image, a frame or a script is no sign-in. A program
  // without pages, such as a test of agents, may send a mode alone.
  const [mode, dest, site] = [headers['sec-fetch-mode'], headers['sec-fetch-dest'], headers['sec-fetch-site']];
  if (dest !== undefined && (dest !== 'document' || mode !== 'navigate'))
    return refusedPage(response, 'An agent is signed in on a page of its own, not inside of another.', 403);
  if (headers['sec-purpose'] !== undefined || headers['purpose'] !== undefined)
    return refusedPage(response, 'This page was opened ahead of its time; open it again.', 403);
  if (site === 'cross-site' || site === 'same-site') return sentHerePage(response, url);
  const question = url.indexOf('?');
  const { remoteAddress: address, remotePort: port } = request.socket;
  // A browser that a program opened says "none". One that says nothing, and a link on a page of ours, is a question to the person.
  const opened = site === 'none' && dest === 'document' && address !== undefined && port !== undefined ? { address, port } : undefined;
  const begun = await signIn.begin(new URLSearchParams(question < 0 ? '' : url.slice(question + 1)), headers.host!, opened);
  if ('wait' in begun) return goTo(response, `${waitAt}${begun.wait}`);
  if (begun.to !== undefined) return goTo(response, begun.to);
  refusedPage(response, begun.refused);
}

async function wait(signIn: SignIn, rest: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, secret, wantsOutcome] = /^([A-Za-z0-9_-]{43})(\/outcome)?$/.exec(rest) ?? [];
  if (secret === undefined) return gonePage(response);
  if (wantsOutcome === undefined) {
    const waiting = signIn.look(secret);
    return waiting ? waitingPage(response, waiting.id) : gonePage(response);
  }
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return refuseHttp(response, 403, 'forbidden', 'Only the page that waits may ask.');
  // An answer that nobody reads must not use up the outcome.
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const outcome = await signIn.outcome(secret, gone.signal);
  if (gone.signal.aborted) return;
  if (outcome === undefined) return json(response, 404, { state: 'over' });
  json(response, 200, outcome === 'waiting' ? { state: 'waiting' } : { state: 'decided', ...outcome });
}
