import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { allowAll, entry, legacySession, makeBundle, modernRequest, openTestGateway, post } from '../support/gateway.ts';
import { openMatrixServer } from '../support/matrix-server.ts';
import { openRpcServer } from '../support/rpc-server.ts';

/** What one agent has is nobody else's, however well it is guessed; what is hidden stays hidden by every way in. */

let house: Awaited<ReturnType<typeof openTestGateway>>;
let server: Awaited<ReturnType<typeof openMatrixServer>>;
let plain: Awaited<ReturnType<typeof openRpcServer>>;

before(async () => {
  server = await openMatrixServer('legacy');
  plain = await openRpcServer({});
  const tools = [{ name: 'elicit', inputSchema: { type: 'object' } }];
  const hidden = {
    tools: [{ name: 'secret' }, { name: 'constructor' }],
    prompts: [{ name: 'secret' }],
    resources: [{ uri: 'x://secret', name: 's' }],
    resourceTemplates: [{ uriTemplate: 'x://rows/{id}', name: 'r' }],
    capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, completions: {} },
  };
  const policies = `${allowAll}\n@id("no") @reason("Hidden.") forbid(principal, action, resource in Server::"hid");\n@id("not") @reason("Hidden.") forbid(principal, action, resource == Server::"hid");`;
  house = await openTestGateway(
    makeBundle({
      servers: [entry({ id: 'm', url: server.url, tools }), entry({ id: 'hid', url: plain.url, catalogue: hidden })],
      policies,
    }),
  );
});
after(async () => {
  await house.close();
  await server.close();
  await plain.close();
});

/** A call that comes to a question, on the wire: what was said so far, the id of the question, the end. */
function elicited(session: Record<string, string>) {
  let said = '';
  const asked = Promise.withResolvers<string>();
  const ended = new Promise<void>((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${house.token}`,
      ...session,
    };
    const request = http.request(house.url, { method: 'POST', headers, agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
        const id = /"id":"(gatehouse-\d+)"/.exec(said)?.[1];
        if (id) asked.resolve(id);
      });
      response.on('end', resolve);
    });
    request.on('error', reject);
    request.end(JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'm__elicit', arguments: { text: 'a' } } }));
  });
  return { asked, ended, said: () => said };
}

test('an elicitation is answered by the session that was asked, not by one that guesses its id', async () => {
  const victim = await legacySession(house.url, house.token, { elicitation: {} });
  const { token } = await house.agents.add('Other');
  const other = await legacySession(house.url, token, { elicitation: {} });
  const sibling = await legacySession(house.url, house.token, { elicitation: {} });
  const { asked, ended, said } = elicited(victim.headers);
  const id = await asked.promise;
  const forged = { jsonrpc: '2.0', id, result: { action: 'accept', content: { sure: 'FORGED' } } };
  await post(house.url, token, forged, other.headers);
  await post(house.url, house.token, forged, sibling.headers);
  assert.equal((await post(house.url, token, forged, victim.headers)).status, 404);
  await post(house.url, token, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } }, other.headers);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(!said().includes('"result"'), 'still waiting');
  await post(house.url, house.token, { ...forged, result: { action: 'accept', content: { sure: true } } }, victim.headers);
  await ended;
  assert.ok(said().includes('"result"') && !said().includes('FORGED'));
});

test('what is hidden answers like what does not exist, by every way in', async () => {
  const session = await legacySession(house.url, house.token);
  const same = async (method: string, params: (name: string) => object, hidden: string, nowhere: string) => {
    for (const ask of [
      (params: object) => session.send(method, params),
      (params: object) => modernRequest(house.url, house.token, method, params as Record<string, unknown>),
    ]) {
      const [hiddenAnswer, absentAnswer] = [await ask(params(hidden)), await ask(params(nowhere))];
      const text = (answer: typeof hiddenAnswer, name: string) => answer.text.replace(/"id":\d+/, '').replaceAll(name, 'X');
      assert.equal(text(hiddenAnswer, hidden), text(absentAnswer, nowhere), `${method} ${hidden}`);
      assert.equal(hiddenAnswer.status, absentAnswer.status);
    }
  };
  const argument = { name: 'id', value: '7' };
  await same('tools/call', (name) => ({ name, arguments: {} }), 'hid__secret', 'hid__nothing');
  await same('tools/call', (name) => ({ name, arguments: {} }), 'hid__constructor', 'hid__toString');
  await same('prompts/get', (name) => ({ name }), 'hid__secret', 'hid__nothing');
  for (const uri of ['x://secret', 'hid+x://secret', 'x://rows/7', 'hid+x://rows/7', 'hid+y://z', 'X://secret', 'x://rows/{id}']) {
    await same('resources/read', (resourceUri) => ({ uri: resourceUri }), uri, 'none://nowhere');
    await same('resources/subscribe', (resourceUri) => ({ uri: resourceUri }), uri, 'none://nowhere');
    await same(
      'completion/complete',
      (resourceUri) => ({ ref: { type: 'ref/resource', uri: resourceUri }, argument }),
      uri,
      'none://nowhere',
    );
  }
  await same('completion/complete', (name) => ({ ref: { type: 'ref/prompt', name }, argument }), 'hid__secret', 'hid__nothing');
  for (const path of ['/s/hid', '/s/none', '/s/hid/']) {
    const answer = await post(`${house.url}${path}`, house.token, { jsonrpc: '2.0', id: 1, method: 'ping' });
    assert.equal(answer.status, 404);
  }
  assert.deepEqual(plain.seen, []);
});

test('a question that is open when its person signs out is taken back: the next one must not answer it', async () => {
  const session = await legacySession(house.url, house.token, { elicitation: {} });
  const { asked, ended, said } = elicited(session.headers);
  const id = await asked.promise;
  await house.apply(undefined);
  const late = { jsonrpc: '2.0', id, result: { action: 'accept', content: { sure: 'TOO LATE' } } };
  await post(house.url, house.token, late, session.headers);
  await ended;
  assert.ok(!said().includes('TOO LATE'), said());
});
