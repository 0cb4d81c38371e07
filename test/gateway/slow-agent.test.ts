import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

const events = 40;
const megabyte = 'x'.repeat(1024 * 1024);

test('an agent that does not read stops the reading of its upstream; when it reads, nothing is missing', async () => {
  let written = 0;
  let stuck: () => void = () => {};
  const upstreamStuck = new Promise<void>((resolve) => {
    stuck = resolve;
  });
  const upstream = await openRpcServer({
    'tools/call': async (asked, { response }) => {
      const { progressToken } = asked.params['_meta'] as { progressToken: number };
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (; written < events; written++) {
        const message = {
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken, progress: written, message: megabyte },
        };
        if (response.write(`data: ${JSON.stringify(message)}\n\n`)) continue;
        // Whoever reads takes a megabyte over loopback in far less; only a socket that nobody reads stays full.
        const full = setTimeout(stuck, 1500);
        await once(response, 'drain');
        clearTimeout(full);
      }
      return { content: [] };
    },
  });
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools: [{ name: 'flood' }] })] }));
  try {
    const session = await legacySession(house.url, house.token);
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 7,
      method: 'tools/call',
      params: { name: 'one__flood', arguments: {}, _meta: { progressToken: 'mine' } },
    });
    const request = http.request(house.url, {
      method: 'POST',
      agent: false,
      headers: {
        ...session.headers,
        authorization: `Bearer ${house.token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
    });
    request.end(body);
    // Paused: without a reader the agent's socket fills up.
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await upstreamStuck;
    assert.ok(written < events / 2, `${written} of ${events} megabytes were taken from the upstream for an agent that read none`);
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await once(response, 'end');
    const messages = text
      .split('\n')
      .filter((line) => line.startsWith('data: {'))
      .map((line) => JSON.parse(line.slice(6)) as { id?: number; result?: unknown; params?: { progress: number; progressToken: string } });
    assert.deepEqual(
      messages.flatMap(({ params }) => (params ? [params.progress] : [])),
      Array.from({ length: events }, (_, at) => at),
    );
    assert.deepEqual([messages.at(-1)!.id, messages.at(-1)!.result], [7, { content: [] }]);
  } finally {
    await house.close();
    await upstream.close();
  }
});
