import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Page, sendPage } from '../../base/page.ts';
import type { Flow } from './flows.ts';

/** What the browser is to do next. */
export type Next = Page | { to: Flow };

export interface BrowserSteps {
  /** A browser comes with the id of a ticket. */
  begin(ticket: string): Promise<Next>;
  /** A browser comes back with the answer to an authorization request. */
  callback(server: string, state: string, browser: string | undefined, query: string): Promise<Page>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export const ticketPath = '/sign-in/';
export const callbackPath = '/oauth/callback/';

/**
 * The two addresses of a sign-in on the gateway's port, by path. Any page and any program may send requests to them: a ticket and a state are unguessable,
 * and the answer is taken from the browser alone that began. A page that is not opened as a page (an image, a frame, a prefetch) begins nothing.
 */
export function endpoints({ begin, callback }: BrowserSteps): (path: string) => Handler | undefined {
  return (path) => {
    if (path.startsWith(ticketPath))
      return async (request, response) => {
        if (!opened(request)) return sendPage(response, nothing(405));
        const next = await begin(path.slice(ticketPath.length));
        if (!('to' in next)) return sendPage(response, next);
        const { to } = next;
        response.writeHead(302, {
          location: to.url.href,
          'set-cookie': `${cookieOf(to.state)}=${to.browser}; Path=${new URL(to.redirectUri).pathname}; Max-Age=600; HttpOnly; SameSite=Lax`,
          'cache-control': 'no-store',
          'referrer-policy': 'no-referrer',
          'content-length': 0,
        });
        response.end();
      };
    if (path.startsWith(callbackPath))
      return async (request, response) => {
        if (!opened(request)) return sendPage(response, nothing(405));
        const query = request.url!.includes('?') ? request.url!.slice(request.url!.indexOf('?')) : '';
        const states = new URLSearchParams(query).getAll('state');
        if (states.length !== 1) return sendPage(response, nothing(400));
        const cookie = readCookie(request.headers.cookie, cookieOf(states[0]!));
        sendPage(response, await callback(path.slice(callbackPath.length), states[0]!, cookie, query));
      };
    return undefined;
  };
}

/** As a page of its own, by a person or by a redirect (Fetch Metadata). Programs send no such header. */
function opened({ method, headers }: IncomingMessage): boolean {
  const destination = headers['sec-fetch-dest'];
  const ahead = `${headers['sec-purpose'] ?? ''}${headers['purpose'] ?? ''}`;
  return method === 'GET' && (destination === undefined || destination === 'document') && ahead === '';
}

/** Each request has a cookie of its own: cookies know no ports, and several sign-ins may be under way. */
const cookieOf = (state: string): string => `gatehouse-sign-in-${state.replace(/[^\w-]/g, '').slice(0, 12)}`;

function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

export const nothing = (status: number): Page => ({
  status,
  title: 'This page does not belong to a sign-in',
  text: 'Nothing was changed. Go back to Gatehouse and start the sign-in there.',
});
