import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/**
 * The pages of the authorization server. They show and wait; none can allow anything: no form, no button, nothing that a program which drives a browser
 * could press. The person decides in the window.
 */

const style = `
:root { color-scheme: light dark; --ink: #1c1a17; --quiet: #5d5850; --ground: #faf9f7; --card: #fff; --line: #e4e0d9; --accent: #0b7a75; }
@media (prefers-color-scheme: dark) { :root { --ink: #f1eee9; --quiet: #b3ada3; --ground: #171614; --card: #201e1c; --line: #383530; --accent: #4fc2b8; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; width: min(26rem, calc(100vw - 2rem)); padding: 2rem; border: 1px solid var(--line); border-radius: 10px;
  background: var(--card); }
h1 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.4; font-weight: 600; }
p { margin: .5rem 0 0; color: var(--quiet); overflow-wrap: anywhere; }
strong { display: block; margin: 1.25rem 0; color: var(--ink); font: 600 1.75rem/1.2 ui-monospace, monospace; letter-spacing: .06em; }
a { color: var(--accent); }
[hidden] { display: none; }
`;

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

const source = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const policy = (scripts: boolean) =>
  [
    "default-src 'none'",
    `style-src ${source(style)}`,
    ...(scripts ? [`script-src ${source(script)}`, "connect-src 'self'"] : []),
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');

/** Headers of every answer that a browser may show. */
const guarded = {
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function page(response: ServerResponse, status: number, title: string, main: string, scripts = false): void {
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${style}</style></head><body><main>${main}</main>${scripts ? `<script>${script}</script>` : ''}</body></html>`;
  response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'content-security-policy': policy(scripts),
      ...guarded,
    })
    .end(body);
}

/** Shows the code that the window shows too, and goes on once the person has decided. */
export function waitingPage(response: ServerResponse, id: string): void {
  page(
    response,
    200,
    'Open Gatehouse to allow',
    `<div id="waiting" role="status"><h1>Open Gatehouse to allow this agent</h1><p>An agent wants to use your tools. Gatehouse asks you about it, under this code:</p><strong>${escaped(id)}</strong><p>Allow it only if you have just started the sign-in yourself. This page goes on by itself.</p></div>
<div id="done" role="status" hidden><h1>Back to the agent</h1><p>If nothing happens, <a id="on" href="#">go on</a>. Then you can close this page.</p></div>
<div id="over" role="status" hidden><h1>Nothing waits here any more</h1><p>It was decided already, or it took too long. Start the sign-in in the agent again.</p></div>
<noscript><p>This page cannot go on by itself without scripts.</p></noscript>`,
    true,
  );
}

/** A web page sent the browser here. So it may not fill the window with questions, a person has to follow the link. */
export function sentHerePage(response: ServerResponse, path: string): void {
  page(
    response,
    200,
    'Sign in an agent?',
    `<h1>A web page wants to sign in an agent</h1><p>If you have just started that, <a href="${escaped(path)}">go on</a>; Gatehouse then asks you about it. Otherwise close this page: nothing has happened.</p>`,
  );
}

export const refusedPage = (response: ServerResponse, why: string, status = 400): void =>
  page(
    response,
    status,
    'The sign-in cannot go on',
    `<h1>The sign-in cannot go on</h1><p>${escaped(why)}</p><p>You can close this page.</p>`,
  );

export const gonePage = (response: ServerResponse): void =>
  page(
    response,
    404,
    'Nothing waits here any more',
    '<h1>Nothing waits here any more</h1><p>It was decided already, or it took too long. Start the sign-in in the agent again.</p>',
  );

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
