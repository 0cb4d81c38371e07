import type { ServerResponse } from 'node:http';
import { escaped, guarded, sendHtml, sendPage } from '../../base/page.ts';

/**
 * The pages of the authorization server. They show and wait; none can allow anything: no form, no button, nothing that a program which drives a browser
 * could press. The person decides in the window.
 */

const script = `
const part = (id) => document.getElementById(id);
const show = (id) => { for (const each of ['waiting', 'done', 'over']) part(each).hidden = each !== id; };
const pause = () => new Promise((again) => setTimeout(again, 1000));
async function wait() {
  for (;;) {
    try {
      const answer = await fetch(location.pathname + '/outcome', { cache: 'no-store' });
      if (answer.status === 404) return show('over');
      const { to } = answer.ok ? await answer.json() : {};
      if (to) {
        part('on').href = to;
        show('done');
        return location.replace(to);
      }
      if (!answer.ok) await pause();
    } catch { await pause(); }
  }
}
wait();
`;

/** Shows the code that the window shows too, and goes on once the person has decided. */
export function waitingPage(response: ServerResponse, id: string): void {
  sendHtml(response, {
    status: 200,
    title: 'Open Gatehouse to allow',
    main: `<div id="waiting" role="status"><h1>Open Gatehouse to allow this agent</h1><p>An agent wants to use your tools. Gatehouse asks you about it, under this code:</p><strong>${escaped(id)}</strong><p>Allow it only if you have just started the sign-in yourself. This page goes on by itself.</p></div>
<div id="done" role="status" hidden><h1>Back to the agent</h1><p>If nothing happens, <a id="on" href="#">go on</a>. Then you can close this page.</p></div>
<div id="over" role="status" hidden><h1>Nothing waits here any more</h1><p>It was decided already, or it took too long. Start the sign-in in the agent again.</p></div>
<noscript><p>This page cannot go on by itself without scripts.</p></noscript>`,
    script,
  });
}

/** A web page sent the browser here. So it may not fill the window with questions, a person has to follow the link. */
export function sentHerePage(response: ServerResponse, path: string): void {
  sendHtml(response, {
    status: 200,
    title: 'Sign in an agent?',
    main: `<h1>A web page wants to sign in an agent</h1><p>If you have just started that, <a href="${escaped(path)}">go on</a>; Gatehouse then asks you about it. Otherwise close this page: nothing has happened.</p>`,
  });
}

export const refusedPage = (response: ServerResponse, why: string, status = 400): void =>
  sendPage(response, { status, title: 'The sign-in cannot go on', text: `${why} You can close this page.` });

export const gonePage = (response: ServerResponse): void =>
  sendPage(response, {
    status: 404,
    title: 'Nothing waits here any more',
    text: 'It was decided already, or it took too long. Start the sign-in in the agent again.',
  });

/** To another place of ours, or back to the agent. */
export function goTo(response: ServerResponse, location: string): void {
  response.writeHead(303, { location, 'content-length': 0, ...guarded }).end();
}

/** JSON for the waiting page or for an agent; never kept by anybody (RFC 6749 section 5.1). */
export function json(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...guarded,
      pragma: 'no-cache',
      ...(status === 429 || status === 503 ? { 'retry-after': '60' } : {}),
    })
    .end(body);
}
