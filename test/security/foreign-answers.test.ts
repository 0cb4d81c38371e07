import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';
import { event, json, legacy, type Message, result, sse, startRaw } from '../support/upstreams/raw.ts';

// Two agents that cannot be asked anything share one legacy session, and so one row of ids.
const a = { peer: peer({ id: 'agent-a' }) };
const b = { peer: peer({ id: 'agent-b' }) };

const ways: Record<string, (response: ServerResponse, foreign: Message, own: Message) => void> = {
  'as JSON': (response, foreign) => json(response, result(foreign.id, 'poison')),
  'as a batch': (response, foreign, own) => json(response, [result(foreign.id, 'poison'), result(own.id, 'late')]),
  'on its stream': (response, foreign) => void sse(response).write(event(result(foreign.id, 'poison'))),
  'on its stream, resumed': (response) => void sse(response).end('retry: 1\nid: e1\ndata: \n\n'),
};

for (const [way, answer] of Object.entries(ways))
  test(`an answer to one agent's call on another agent's request (${way}) fails the latter and leaves the former alone`, async (t) => {
    let first: { message: Message; response: ServerResponse } | undefined;
    const raw = await startRaw(
      t,
      legacy((message, response, request) => {
        if (request.method === 'GET' && request.headers['last-event-id'] === 'e1')
          return sse(response).write(event(result(first!.message.id, 'poison')));
        if (message?.method !== 'tools/call') return false;
        if (message.params.name === 'hers') answer(response, first!.message, message);
        else first = { message, response };
      }),
    );
    const { upstream } = open(t, entry({ url: raw.url, era: 'legacy' }));
    const his = upstream.call(tool('his', {}, a));
    await until(() => first);
    await assert.rejects(upstream.call(tool('hers', {}, b)), { problem: 'bad-answer', message: /something else/ });
    json(first!.response, result(first!.message.id, 'his own'));
    assert.equal(text(await his), 'his own');
  });

test("the session's own stream goes on bringing answers, as servers that resume there need", async (t) => {
  const raw = await startRaw(
    t,
    legacy(
      (message, response, _request, self) => {
        if (message?.method !== 'tools/call') return false;
        void until(() => [...self.streams][0]).then((stream) => stream.write(event(result(message.id, 'by the other way'))));
        sse(response);
      },
      { stream: true },
    ),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy' }));
  assert.equal(text(await upstream.call(tool('x', {}, a))), 'by the other way');
});
