import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser } from 'playwright';
import { makeBundle, openTestGateway } from '../support/gateway.ts';
import { oauthAgent, pkce } from '../support/oauth-agent.ts';
import { launch, noChromium, openPage } from './browser.ts';

/** A page of somebody else's in a real browser, and what it can do to the sign-in of agents. */
describe('a hostile page', { skip: noChromium }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  /** The gateway, a client that the attacker registered, and a page of the attacker's on another site (`localhost` is not 127.0.0.1 to a browser). */
  async function open(t: TestContext, page: (authorize: string, origin: string) => string) {
    const gateway = await openTestGateway(makeBundle({ servers: [] }));
    t.after(() => gateway.close());
    const { origin } = new URL(gateway.url);
    const agent = oauthAgent(origin);
    const client_id = await agent.registered();
    const authorize = agent.authorizeUrl({ client_id, code_challenge: pkce().challenge });
    const server = createServer((request, response) => {
      if (request.url === '/redirect') return void response.writeHead(302, { location: authorize }).end();
      response.writeHead(200, { 'content-type': 'text/html' }).end(page(authorize, origin));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const opened = await openPage(browser);
    t.after(opened.close);
    return {
      ...opened,
      authorize,
      origin,
      url: `http://localhost:${(server.address() as AddressInfo).port}/`,
      pending: () => gateway.authorization.pending().length,
    };
  }
  const attribute = (text: string) => text.replaceAll('&', '&amp;');

  for (const [how, page] of Object.entries({
    'leads there itself': (authorize: string) => `<script>location.href = ${JSON.stringify(authorize)}</script>`,
    'leads there by refreshing': (authorize: string) => `<meta http-equiv="refresh" content="0; url=${attribute(authorize)}">`,
    'leads there through a redirect of its own': () => `<script>location.href = '/redirect'</script>`,
    'sends a form there': (authorize: string) =>
      `<form action="${attribute(authorize.split('?')[0]!)}">${[...new URL(authorize).searchParams]
        .map(([name, value]) => `<input name="${name}" value="${attribute(value)}">`)
        .join('')}</form><script>document.forms[0].submit()</script>`,
  }))
    test(`that ${how}: the person is asked by nobody before they follow a link themselves`, async (t) => {
      const { page: tab, url, pending } = await open(t, page);
      await tab.goto(url);
      await tab.getByRole('heading', { name: 'A web page wants to sign in an agent' }).waitFor();
      assert.equal(pending(), 0);
      await tab.getByRole('link', { name: 'go on' }).click();
      await tab.getByRole('heading', { name: 'Open Gatehouse to allow this agent' }).waitFor();
      assert.equal(pending(), 1);
    });

  test('that leads to the address of an agent which the company allows without a click: only a browser that a program opened goes on by itself', {
    skip: process.platform !== 'linux',
  }, async (t) => {
    const clientId = 'https://claude.ai/oauth/claude-code-client-metadata';
    const gateway = await openTestGateway(makeBundle({ servers: [], clients: [{ clientId, decision: 'allow' }] }));
    t.after(() => gateway.close());
    const { origin } = new URL(gateway.url);
    const went: string[] = [];
    const answers = createServer((request, response) => {
      if (request.url?.startsWith('/callback')) went.push(request.url);
      response.writeHead(200, { 'content-type': 'text/html' }).end(`<title>there</title><a href="${attribute(authorize)}">go</a>`);
    }).listen(0, '127.0.0.1');
    await once(answers, 'listening');
    t.after(() => {
      answers.closeAllConnections();
      answers.close();
    });
    const at = `http://localhost:${(answers.address() as AddressInfo).port}`;
    const fields = { client_id: clientId, redirect_uri: `${at}/callback`, code_challenge: pkce().challenge };
    const authorize = oauthAgent(origin).authorizeUrl(fields);
    const { page: tab, close } = await openPage(browser);
    t.after(close);
    await tab.goto(`${at}/page`);
    await tab.getByRole('link', { name: 'go' }).click();
    await tab.getByRole('link', { name: 'go on' }).click();
    await tab.getByRole('heading', { name: 'Open Gatehouse to allow this agent' }).waitFor();
    assert.equal(gateway.authorization.pending().length, 1);
    assert.deepEqual(went, []);
    await tab.goto(authorize);
    await tab.waitForURL(`${at}/callback?*`);
    assert.match(went[0]!, /[?&]code=ghc_/);
    assert.equal(gateway.authorization.pending().length, 1, 'nobody was asked about that one');
  });

  test('that opens it over and over, in frames, images, scripts, workers and windows: nothing is filed, framed, read or allowed', async (t) => {
    const {
      page: tab,
      url,
      pending,
      origin,
    } = await open(
      t,
      (authorize, at) => `<body><script>
        const address = ${JSON.stringify(authorize)};
        globalThis.read = [];
        for (let time = 0; time < 10; time++) {
          for (const tag of ['iframe', 'img', 'script', 'embed', 'object', 'link']) {
            const part = document.createElement(tag);
            if (tag === 'link') part.rel = 'prefetch';
            part[tag === 'link' ? 'href' : tag === 'object' ? 'data' : 'src'] = address + '&n=' + time;
            document.body.append(part);
          }
          navigator.sendBeacon(address);
          fetch(address, { mode: 'no-cors', credentials: 'include' }).then((answer) => answer.text()).then((text) => read.push(text), () => {});
          fetch(address).then((answer) => answer.text()).then((text) => read.push(text), () => {});
          for (const path of ['/register', '/token', '/.well-known/oauth-authorization-server', '/mcp'])
            fetch(${JSON.stringify(at)} + path, { method: time % 2 ? 'POST' : 'GET', body: time % 2 ? '{}' : undefined })
              .then((answer) => answer.text()).then((text) => read.push(text), () => {});
          window.open(address);
        }
      </script></body>`,
    );
    await tab.goto(url);
    await tab.waitForTimeout(2_000);
    assert.deepEqual(
      ((await tab.evaluate('globalThis.read')) as string[]).filter((text) => text !== ''),
      [],
      'it read nothing',
    );
    assert.equal(pending(), 0);
    for (const frame of tab.frames().slice(1)) {
      const text = await frame
        .locator('body')
        .innerText()
        .catch(() => '');
      assert.doesNotMatch(text, /Gatehouse|agent/, 'nothing of ours is shown in it');
    }
    assert.ok(origin.startsWith('http://127.0.0.1'));
  });
});
