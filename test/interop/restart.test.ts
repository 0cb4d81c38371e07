// A host that ends and comes again, and agents that were there before. What happens in which order is asserted, never how long it takes.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { signInAs } from '../../src/demo/sign-in.ts';
import { eventually } from '../support/demo.ts';
import { legacySession, modernRequest, type RawAnswer } from '../support/gateway.ts';
import { ownHost } from '../support/own-host.ts';

let house: Awaited<ReturnType<typeof ownHost>>;
let token: string;
before(async () => {
  house = await ownHost('engineer');
  ({ token } = await house.json<{ token: string }>('agents', 'add', 'Patient'));
});
after(() => house?.close());

const toolsOf = (answer: RawAnswer): string => {
  const { result, error } = answer.json() as { result?: { tools: unknown[] }; error?: { message: string } };
  return result ? `${result.tools.length} tools` : `${answer.status} ${error?.message ?? answer.text}`;
};

/** What each request came to, until one is answered after the host was gone: "refused" where there was no connection, or it broke. */
async function knock(send: () => Promise<RawAnswer>, gone: () => boolean): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const since = gone();
    const outcome = await send().then(toolsOf, () => 'refused');
    if (seen.at(-1) !== outcome) seen.push(outcome);
    if (since && outcome !== 'refused') return seen;
    await pause(5);
  }
}

/** As GitHub Copilot CLI does it: a stream that breaks is opened anew after 1, 1.5 and 2.25 seconds; then it goes on without us, for good. */
async function openStandingStream(url: string, headers: Record<string, string>) {
  const heard: string[] = [];
  let lastId: string | undefined;
  const open = () =>
    new Promise<{ status: number; over: Promise<void> }>((resolve, reject) => {
      const requestHeaders = { ...headers, accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
      const request = http.get(url, { headers: requestHeaders, agent: false }, (response) => {
        const over = new Promise<void>((done) => response.on('error', () => {}).on('close', done));
        response.setEncoding('utf8').on('data', (text: string) => {
          for (const line of text.split('\n')) {
            if (line.startsWith('id: ')) lastId = line.slice(4);
            if (line.startsWith('data: {')) heard.push(String((JSON.parse(line.slice(6)) as { method?: string }).method));
          }
        });
        resolve({ status: response.statusCode ?? 0, over });
      });
      request.on('error', reject);
    });
  const first = await open();
  assert.equal(first.status, 200);
  const again = (async () => {
    await first.over;
    const tries: string[] = [];
    for (const wait of [1000, 1500, 2250]) {
      await pause(wait);
      const opened = await open().catch(() => undefined);
      tries.push(opened === undefined ? 'refused' : String(opened.status));
      if (opened) return tries;
    }
    return tries;
  })();
  return { heard, again };
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} and a start: agents of both eras, an SDK's client and one that gives up soon go on in their sessions`, async () => {
    const legacy = await legacySession(house.mcp, token);
    const all = toolsOf(await legacy.send('tools/list'));
    assert.match(all, /^[1-9]\d+ tools$/);
    const copilot = await openStandingStream(house.mcp, { authorization: `Bearer ${token}`, ...legacy.headers });
    const client = new Client({ name: 'sdk', version: '1' });
    const transport = new StreamableHTTPClientTransport(new URL(house.mcp), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    client.onerror = () => {};
    await client.connect(transport);
    const session = transport.sessionId;
    // Kept a moment after they began: who is killed before that loses them.
    const file = join(house.dataDir, 'sessions.json');
    const kept = (id: string) => existsSync(file) && readFileSync(file, 'utf8').includes(id);
    while (!kept(legacy.id) || !kept(session!)) await pause(10);

    let gone = false;
    const knocking = [
      knock(
        () => legacy.send('tools/list'),
        () => gone,
      ),
      knock(
        () => modernRequest(house.mcp, token, 'tools/list'),
        () => gone,
      ),
    ];
    await house.end(signal);
    gone = true;
    await assert.rejects(client.listTools(), 'nobody answers while nobody runs');
    const ready = house.start();

    for (const seen of await Promise.all(knocking)) {
      // Nothing else in between: no other status, no shorter list, no word of signing in.
      assert.deepEqual(seen.slice(-2), ['refused', all]);
      assert.deepEqual(new Set(seen), new Set(['refused', all]));
    }
    assert.equal((await copilot.again).at(-1), '200', 'it came back before it gave up');
    await ready;
    assert.equal((await client.listTools()).tools.length, Number.parseInt(all, 10));
    const called = await client.callTool({ name: 'tickets__list_tickets', arguments: {} });
    assert.ok(!called.isError, JSON.stringify(called));
    assert.equal(transport.sessionId, session, 'in the session of before');
    await client.close();
    assert.ok(copilot.heard.includes('notifications/tools/list_changed'), 'and hears that lists may have changed');
  });
}

test('what the company changed meanwhile takes the place of what a start began with, and its rules go with it', async () => {
  const own = await ownHost('engineer');
  try {
    const agent = await own.json<{ token: string }>('agents', 'add', 'Moved');
    const list = () => modernRequest(own.mcp, agent.token, 'tools/list').then(toolsOf);
    assert.match(await list(), /^[1-9]\d+ tools$/);
    await own.end('SIGTERM');
    await own.moveIssuer();
    await own.start();
    await eventually(async () => (await list()) === '0 tools' || undefined, 'nobody is signed in there', 30_000);
    const { identity, company } = await own.json<{ identity: { state: string }; company: { state: string } }>('status');
    assert.deepEqual([identity.state, company.state], ['signed-out', 'online']);
    await signInAs(own.dataDir, 'engineer');
    await eventually(async () => /^[1-9]\d+ tools$/.test(await list()) || undefined, 'a sign-in there brings them back', 30_000);
  } finally {
    await own.close();
  }
});

test('a central API that takes requests and says nothing keeps no agent from what is on the disk', async () => {
  const legacy = await legacySession(house.mcp, token);
  const all = toolsOf(await legacy.send('tools/list'));
  await house.end('SIGTERM');
  const mute = await house.silence();
  const ready = house.start();
  const seen = await knock(
    () => legacy.send('tools/list'),
    () => true,
  );
  assert.deepEqual(seen, ['refused', all]);
  assert.equal(mute.givenUp(), 0, 'answered while it still waits for the central API');
  await ready;
  while (mute.asked() === 0) await pause(10);
});
