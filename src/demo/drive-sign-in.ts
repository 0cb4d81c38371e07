import { Failure } from '../base/errors.ts';

interface Cookie {
  name: string;
  value: string;
  path: string;
  origin: string;
}

/**
 * Goes through a sign-in page of the demo identity provider as a browser would, without one: follows redirects, keeps cookies,
 * presses the account's button (or "Cancel" with `deny`), and ends at Gatehouse's own redirect listener. Loopback only.
 */
export async function driveSignIn(url: string, account: string, options: { deny?: boolean } = {}): Promise<void> {
  const jar: Cookie[] = [];
  let at = loopback(url);
  let body: URLSearchParams | undefined;
  for (let step = 0; step < 20; step++) {
    const response = await fetch(at, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: cookiesFor(jar, at) },
      ...(body === undefined ? {} : { body }),
    }).catch((error: unknown) => {
      throw new Failure('unavailable', `${at.origin} does not answer.`, 'Check that the demo is running.', { cause: error });
    });
    keep(jar, response, at);
    const html = await response.text();
    const location = response.headers.get('location');
    if (location !== null) {
      at = loopback(location, at);
      body = undefined;
      continue;
    }
    const form = readForm(html);
    if (form === undefined || response.status >= 400) {
      if (response.ok) return;
      throw new Failure('denied', `The sign-in ended with "${heading(html)}" (${response.status}).`, 'Start it again.');
    }
    body = fill(form, account, options.deny === true);
    at = loopback(form.action, at);
  }
  throw new Failure('unavailable', 'The sign-in goes round in circles.', 'Is this the demo identity provider?');
}

interface Form {
  action: string;
  hidden: [string, string][];
  buttons: [string, string][];
}

function readForm(html: string): Form | undefined {
  const [, attributes, content] = /<form([^>]*)>([\s\S]*?)<\/form>/.exec(html) ?? [];
  if (attributes === undefined || content === undefined) return undefined;
  const fields = (tag: string): [string, string][] =>
    [...content.matchAll(new RegExp(`<${tag}([^>]*)>`, 'g'))].map(([, text = '']) => [attribute(text, 'name'), attribute(text, 'value')]);
  return { action: attribute(attributes, 'action'), hidden: fields('input'), buttons: fields('button') };
}

function fill(form: Form, account: string, deny: boolean): URLSearchParams {
  const body = new URLSearchParams(form.hidden);
  if (deny) {
    const refusal = form.buttons.find(([name]) => name === 'cancel' || name === 'abort');
    if (refusal !== undefined) body.append(...refusal);
    return body;
  }
  const offered = form.buttons.filter(([name]) => name === 'account').map(([, value]) => value);
  if (offered.length === 0) return body;
  if (!offered.includes(account)) {
    throw new Failure('not-found', `The demo has no account "${account}".`, `Use one of: ${offered.join(', ')}.`);
  }
  body.append('account', account);
  return body;
}

/** A demo's pages lead nowhere else; a mistake here must not send cookies or codes into the network. */
function loopback(address: string, base?: URL): URL {
  const url = URL.canParse(address, base?.href) ? new URL(address, base?.href) : undefined;
  if (url?.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)) return url;
  throw new Failure('bad-input', 'Sign-in without a browser works with the demo on this machine only.', 'Sign in with the browser.');
}

function cookiesFor(jar: Cookie[], url: URL): string {
  return jar
    .filter((cookie) => cookie.origin === url.origin && url.pathname.startsWith(cookie.path))
    .map((cookie) => `${cookie.name}=${cookie.value}`)
    .join('; ');
}

function keep(jar: Cookie[], response: Response, url: URL): void {
  for (const line of response.headers.getSetCookie()) {
    const [pair = '', ...rest] = line.split(';').map((part) => part.trim());
    const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const path = rest.find((part) => /^path=/i.test(part))?.slice(5) ?? '/';
    const old = jar.findIndex((cookie) => cookie.name === name && cookie.path === path && cookie.origin === url.origin);
    if (old >= 0) jar.splice(old, 1);
    if (value !== '') jar.push({ name, value, path, origin: url.origin });
  }
}

const heading = (html: string): string => unescaped(/<h1>([^<]*)<\/h1>/.exec(html)?.[1] ?? 'an unknown page');
const attribute = (text: string, name: string): string => unescaped(new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? '');

const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
const unescaped = (text: string): string => text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity);
