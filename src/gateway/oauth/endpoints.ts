import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, readBytes } from '../http/body.ts';
import { refuseHttp } from '../http/refuse.ts';
import { json } from './page.ts';
import type { SignIn } from './sign-in.ts';

/** Bytes; metadata and token requests of agents have a few hundred. */
const largest = 16 * 1024;

/** What agents post to. No web page comes through: a browser sends its Origin with every POST, and the guard refuses foreign ones. */
export const posted: Record<string, (signIn: SignIn, request: IncomingMessage, response: ServerResponse) => Promise<void> | void> = {
  '/register': postOnly(async (signIn, request, response) => {
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
      return json(response, 415, { error: 'invalid_client_metadata', error_description: 'Content-Type must be application/json.' });
    const body = await readBody(request, largest, 8);
    if ('refused' in body) return refuseBody(response, body.refused, 'invalid_client_metadata');
    const { status, body: answer } = signIn.register(body.value);
    json(response, status, answer);
  }),
  '/token': postOnly(async (signIn, request, response) => {
    const form = await readForm(request, response);
    if (!form) return;
    const { status, body } = signIn.token(form);
    json(response, status, body);
  }),
  '/revoke': postOnly(async (signIn, request, response) => {
    const form = await readForm(request, response);
    if (!form) return;
    const { status, body } = signIn.revoke(form);
    json(response, status, body);
  }),
};

type Handler = (signIn: SignIn, request: IncomingMessage, response: ServerResponse) => Promise<void>;

function postOnly(handler: Handler): Handler {
  return async (signIn, request, response) =>
    request.method === 'POST'
      ? await handler(signIn, request, response)
      : refuseHttp(response, 405, 'method_not_allowed', 'Send POST.', { allow: 'POST' });
}

/** Undefined: it was refused. */
async function readForm(request: IncomingMessage, response: ServerResponse): Promise<URLSearchParams | undefined> {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    json(response, 415, { error: 'invalid_request', error_description: 'Content-Type must be application/x-www-form-urlencoded.' });
    return undefined;
  }
  const body = await readBytes(request, largest);
  if (typeof body !== 'string') return new URLSearchParams(body.toString('utf8'));
  refuseBody(response, body, 'invalid_request');
  return undefined;
}

function refuseBody(response: ServerResponse, why: string, error: string): void {
  if (why === 'broken-off') return void response.destroy();
  if (why === 'too-large') {
    response.setHeader('connection', 'close');
    return json(response, 413, { error, error_description: `The body is larger than ${largest} bytes.` });
  }
  json(response, 400, { error, error_description: 'The body is not JSON of a client, with each member once.' });
}
