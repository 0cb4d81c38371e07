import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { rawAgent } from '../support/raw-agent.ts';
import { json, legacy, sse, startRaw } from '../support/upstreams/raw.ts';

type Json = Record<string, unknown>;

/** Results as JSON text, since some of it no JavaScript object literal can say. */
const payloads: Record<string, string> = {
  'unknown content types and unknown fields at every level':
    '{"content":[{"type":"hologram","data":{"x":1,"list":[{"deep":null}]},"annotations":{"priority":0.5,"vendor":true}},{"type":"text","text":"t","x":1}],"x-top":{"a":[[]]},"isError":false,"_meta":{"com.example/a":{"b":[1,2]},"io.modelcontextprotocol/vendor-like":1}}',
  'numbers at the edges':
    '{"content":[],"structuredContent":{"big":1e21,"small":1e-7,"minusZero":-0,"max":1.7976931348623157e308,"tiny":5e-324,"safe":9007199254740991,"third":0.3333333333333333,"exp":1E+2}}',
  'keys that objects have by nature':
    '{"content":[],"__proto__":{"polluted":true},"constructor":{"prototype":{"x":1}},"toString":"text","structuredContent":{"__proto__":1,"hasOwnProperty":2,"":3," ":4},"_meta":{"__proto__":{"a":1},"com.example/k":5}}',
  'unicode to the ends':
    '{"content":[{"type":"text","text":"grüße 👩‍👩‍👧‍👦 \\u0000 \\u001f \\ud800 \\u2028 \\u2029 \\ufeff ﷽ 𝒳"},{"type":"text","text":"","🔑":"ключ"}]}',
  'empty content': '{"content":[]}',
  'no content at all': '{}',
  'content of another shape': '{"content":"just text","structuredContent":[1,"two",null]}',
  'null here and there': '{"content":[null,{"type":null}],"structuredContent":null,"isError":null}',
  'huge text': `{"content":[{"type":"text","text":${JSON.stringify('0123456789abcdef'.repeat(200_000))}}]}`,
  'deep nesting': `{"content":[],"structuredContent":${'{"a":['.repeat(200)}1${']}'.repeat(200)}}`,
  'links that look like nothing known':
    '{"content":[{"type":"resource_link","uri":"weird+scheme://a b/%zz?q#f","name":"n","x":[1]},{"type":"resource","resource":{"uri":"urn:x","blob":"AA==","x":{"y":null}}}]}',
  'an error inside a result': '{"content":[{"type":"text","text":"no"}],"isError":true,"errorCode":{"x":1}}',
};
const errors: Record<string, string> = {
  'an error with data': '{"code":-32050,"message":"grüße","data":{"__proto__":{"x":1},"list":[1e21,-0,null]},"x-extra":true}',
  'an error with a code of its own': '{"code":7,"message":"","data":"just text"}',
};

const definition =
  '{"name":"NAME","title":"T 🙂","x-vendor":{"__proto__":{"a":1},"n":1e21},"annotations":{"readOnlyHint":true,"x":null},"icons":[{"src":"data:,","x":[{}]}],"execution":{"taskSupport":"optional","y":1},"inputSchema":{"type":"object","properties":{"__proto__":{"type":"string"},"a":{"const":-1.5e-9}},"x-keyword":[]},"outputSchema":{"type":"array","z":1},"_meta":{"com.example/t":{"__proto__":2}}}';

for (const streamed of [false, true])
  test(`odd payloads come through as they are, ${streamed ? 'streamed' : 'as one JSON answer'}, in both eras`, async (t) => {
    const all: Record<string, string> = { ...payloads, ...errors };
    const names = Object.keys(all);
    const tools = names.map((_, index) => JSON.parse(definition.replace('NAME', `t${index}`)) as { name: string; outputSchema: unknown });
    const received: Json[] = [];
    const upstream = await startRaw(
      t,
      legacy((message, response) => {
        if (message === undefined) return void response.writeHead(405).end();
        const { id, method, params } = message;
        if (method === 'tools/list')
          return json(response, `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":${JSON.stringify(tools)},"x-list":1}}`);
        if (method !== 'tools/call') return false;
        received.push(params);
        const name = names[Number(params.name.slice(1))]!;
        const text = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"${name in errors ? 'error' : 'result'}":${all[name]}}`;
        if (!streamed) return json(response, text);
        sse(response).end(`event: message\ndata: ${text}\n\n`);
      }),
    );
    const gateway = await openTestGateway(makeBundle({ servers: [entry({ id: 'odd', url: upstream.url, tools })] }));
    t.after(() => gateway.close());
    const scoped = gateway.url.replace(/\/mcp$/, '/mcp/s/odd');
    const direct = await rawAgent(upstream.url, { capabilities: {} });
    const agent = await rawAgent(scoped, { token: gateway.token, capabilities: {} });
    t.after(() => {
      direct.close();
      agent.close();
    });

    const args = JSON.parse('{"__proto__":{"x":1},"n":[1e21,-0,0.1],"s":"\\u0000\\ud800 👋","deep":{"a":[{"b":null}]},"":[]}') as Json;
    for (const [index, name] of names.entries()) {
      const params = { name: `t${index}`, arguments: args };
      const own = await direct.ask('tools/call', params);
      assert.deepEqual((await agent.ask('tools/call', params)).answer, own.answer, name);
      const modern = await modernRequest(scoped, gateway.token, 'tools/call', params);
      const message = String(modern.headers['content-type']).startsWith('application/json') ? modern.json() : modern.events().at(-1)!;
      const { jsonrpc: _, id: __, ...answer } = message;
      const expected = name in errors ? own.answer : { result: { resultType: 'complete', ...(own.answer['result'] as Json) } };
      assert.deepEqual(answer, expected, `${name}, modern`);
    }
    // What reached the upstream is what the agent sent: the same from all three.
    for (const params of received) assert.deepEqual(params['arguments'], received[0]!['arguments']);
    const listed = (await agent.ask('tools/list')).answer['result'] as Json;
    // A schema of a list is a word of the modern era alone.
    assert.deepEqual(
      listed['tools'],
      tools.map(({ outputSchema: _, ...rest }) => rest),
    );
    const modern = await modernRequest(scoped, gateway.token, 'tools/list');
    assert.deepEqual((modern.json()['result'] as Json)['tools'], tools);
  });
