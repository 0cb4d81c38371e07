import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** What the browser shows at the end of a sign-in. Plain text: escaped here. */
export interface Page {
  status: number;
  title: string;
  text: string;
}

const style = `:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;background:#f7f7f5;color:#1c1c1a}
main{max-width:26rem;padding:2rem;text-align:center}
h1{margin:0 0 .5rem;font-size:1.25rem;font-weight:600}
p{margin:0;color:#5c5c57}
@media (prefers-color-scheme:dark){body{background:#191918;color:#ededeb}p{color:#a3a39e}}`;

const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Self-contained and without scripts. The page's address holds the authorization code, so nothing may be loaded or referred to from it. */
export function sendPage(response: ServerResponse, page: Page, headers: Record<string, string> = {}): void {
  const body = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(page.title)} - Gatehouse</title><style>${style}</style></head>
<body><main><h1>${escaped(page.title)}</h1><p>${escaped(page.text)}</p></main></body>
</html>
`;
  response.writeHead(page.status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Content-Security-Policy': policy,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    Connection: 'close',
    ...headers,
  });
  response.end(body);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
