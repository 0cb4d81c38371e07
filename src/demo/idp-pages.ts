import { createHash } from 'node:crypto';
import type { Account } from './accounts.ts';

/** The demo identity provider's pages: no scripts, nothing loaded from elsewhere. */

const style = `:root{color-scheme:light dark;--ink:#1c1c1a;--soft:#5c5c57;--line:#deded9;--paper:#fff;--ground:#f7f7f5;--accent:#0b57d0}
@media (prefers-color-scheme:dark){:root{--ink:#ededeb;--soft:#a3a39e;--line:#3a3a37;--paper:#222220;--ground:#191918;--accent:#8ab4f8}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;font:16px/1.5 system-ui,sans-serif;background:var(--ground);color:var(--ink)}
main{width:100%;max-width:26rem;padding:2rem;background:var(--paper);border:1px solid var(--line);border-radius:12px}
h1{margin:0 0 .25rem;font-size:1.25rem;font-weight:600}
p{margin:0 0 1.25rem;color:var(--soft)}
.brand{margin:0 0 1.5rem;font-size:.8125rem;letter-spacing:.02em}
.note{margin:1.25rem 0 0;font-size:.8125rem}
button,input{font:inherit;color:inherit;width:100%;padding:.75rem 1rem;border:1px solid var(--line);border-radius:8px;background:transparent}
button{display:block;margin:0 0 .5rem;text-align:left;cursor:pointer}
button:hover{border-color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
button b{display:block;font-weight:600}
button span{display:block;font-size:.875rem;color:var(--soft)}
button.plain{margin:.5rem 0 0;border-color:transparent;text-align:center;color:var(--soft)}
button.main{margin-top:1rem;text-align:center;background:var(--accent);border-color:var(--accent);color:var(--paper);font-weight:600}
input{text-transform:uppercase;letter-spacing:.1em;text-align:center}
output{display:block;margin:0 0 1.25rem;font:600 1.5rem ui-monospace,monospace;letter-spacing:.1em;text-align:center}`;

/** `form-action` names loopback, as browsers apply it to the redirect that follows a form too. */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "form-action 'self' http://127.0.0.1:* http://localhost:*",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const company = 'Lanternworks · demo identity provider';

export function page(title: string, content: string, brand = company): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)} - ${escaped(brand)}</title><style>${style}</style></head>
<body><main><p class="brand">${escaped(brand)}</p>
<h1>${escaped(title)}</h1>
${content}
</main></body>
</html>
`;
}

export function chooseAccountPage(action: string, accounts: Account[], brand?: string): string {
  const cards = accounts.map(
    (account) =>
      `<button name="account" value="${escaped(account.sub)}"><b>${escaped(account.name)}</b><span>${escaped(account.title)}</span></button>`,
  );
  return page(
    'Choose an account',
    `<p>to continue to Gatehouse</p>
<form method="post" action="${escaped(action)}">
${cards.join('\n')}
<button class="plain" name="cancel" value="yes">Cancel</button>
</form>
<p class="note">This is a demo: no password is asked.</p>`,
    brand,
  );
}

export function enterCodePage(action: string, secret: string, problem?: string): string {
  return page(
    'Connect a device',
    `<p>${escaped(problem ?? 'Enter the code that Gatehouse shows.')}</p>
<form method="post" action="${escaped(action)}">
<input type="hidden" name="xsrf" value="${escaped(secret)}">
<input type="text" name="user_code" aria-label="Code" autocomplete="off" autofocus>
<button class="main">Continue</button>
</form>`,
  );
}

export function confirmCodePage(action: string, secret: string, code: string): string {
  return page(
    'Is this your code?',
    `<p>Continue only if Gatehouse shows this code, on a machine of yours.</p>
<output>${escaped(code)}</output>
<form method="post" action="${escaped(action)}">
<input type="hidden" name="xsrf" value="${escaped(secret)}">
<input type="hidden" name="user_code" value="${escaped(code)}">
<input type="hidden" name="confirm" value="yes">
<button class="main">Continue</button>
<button class="plain" name="abort" value="yes">This is not my code</button>
</form>`,
  );
}

export function signOutPage(action: string, secret: string): string {
  return page(
    'Sign out?',
    `<p>This ends your session with Lanternworks in this browser.</p>
<form method="post" action="${escaped(action)}">
<input type="hidden" name="xsrf" value="${escaped(secret)}">
<button class="main" name="logout" value="yes">Sign out</button>
<button class="plain">Stay signed in</button>
</form>`,
  );
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
