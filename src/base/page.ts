import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** What the browser shows at the end of a sign-in. Plain text: escaped here. */
export interface Page {
  status: number;
  title: string;
  text: string;
}

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

const source = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const policy = (script: string | undefined) =>
  [
    "default-src 'none'",
    `style-src ${source(style)}`,
    ...(script === undefined ? [] : [`script-src ${source(script)}`, "connect-src 'self'"]),
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');

/** Headers of whatever a browser may show. The address of a page may hold a code, so nothing may refer to it. */
export const guarded = {
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

export const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** One or two sentences, and without scripts. */
export function sendPage(response: ServerResponse, { status, title, text }: Page, headers: Record<string, string> = {}): void {
  sendHtml(response, { status, title, main: `<h1>${escaped(title)}</h1><p>${escaped(text)}</p>` }, { connection: 'close', ...headers });
}

/** Self-contained: nothing is loaded but what stands in it. `main`: HTML, in which whatever comes from elsewhere is `escaped`. */
export function sendHtml(
  response: ServerResponse,
  { status, title, main, script }: { status: number; title: string; main: string; script?: string },
  headers: Record<string, string> = {},
): void {
  const scripted = script === undefined ? '' : `<script>${script}</script>`;
  const body = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)} - Gatehouse</title><style>${style}</style></head><body><main>${main}</main>${scripted}</body></html>`;
  response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'content-security-policy': policy(script),
      ...guarded,
      ...headers,
    })
    .end(body);
}
