// Conformance's client mode: `node adapter.mjs URL`. The suite's server at URL becomes the one upstream of a real gateway, and an agent in front
// of the gateway does what the scenario wants done; what the suite judges is what Gatehouse sends upstream.
import { strict as assert } from 'node:assert';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { entry, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { signingIn } from './auth.ts';
import { callingAsService } from './service.ts';

const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const url = process.argv.at(-1);

/** An agent of the 2025 era: the SDK that most of them are built on. */
async function legacyAgent(gateway) {
  const client = new Client({ name: 'agent', version: '1.0.0' }, { capabilities: { elicitation: { form: { applyDefaults: true } } } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
  const requestInit = { headers: { authorization: `Bearer ${gateway.token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${gateway.url}/s/fixture`), { requestInit }));
  return client;
}

/** Lists, then calls each tool that is listed: with the arguments that the scenario names, else with one of the right type each. */
async function callAll(gateway) {
  const client = await legacyAgent(gateway);
  const { tools } = await client.listTools();
  const calls = context.toolCalls ?? tools.map((tool) => ({ name: tool.name, arguments: argumentsFor(tool.inputSchema) }));
  for (const call of calls) assert.ok(!(await client.callTool(call)).isError, `${call.name} failed`);
  const { resources, prompts } = client.getServerCapabilities() ?? {};
  if (resources)
    for (const resource of (await client.listResources()).resources.slice(0, 1)) await client.readResource({ uri: resource.uri });
  if (prompts) for (const prompt of (await client.listPrompts()).prompts.slice(0, 1)) await client.getPrompt({ name: prompt.name });
  await client.close();
}

const samples = { string: 'us-west1', number: 2, integer: 3, boolean: true, array: [], object: {}, null: null };
const argumentsFor = ({ properties = {} }) =>
  Object.fromEntries(Object.entries(properties).map(([key, { type }]) => [key, samples[type] ?? 'x']));

async function echoSchema(gateway) {
  const client = await legacyAgent(gateway);
  const { tools } = await client.listTools();
  const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool').inputSchema;
  await client.callTool({ name: 'json_schema_echo', arguments: { schema } });
  await client.close();
}

/** SEP-2322 needs an agent that sees `input_required` itself: states go through the gateway's seal and come out as they were. */
async function answerRounds(gateway) {
  let id = 0;
  const call = async (name, more = {}) => {
    const capabilities = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
    const params = { name, arguments: {}, ...more };
    const answer = await modernRequest(`${gateway.url}/s/fixture`, gateway.token, 'tools/call', params, { meta: capabilities, id: ++id });
    return (answer.headers['content-type'].includes('event-stream') ? answer.events().at(-1) : answer.json()).result;
  };
  for (const name of ['test_mrtr_echo_state', 'test_mrtr_no_state', 'test_mrtr_no_result_type']) {
    const first = await call(name);
    if (first.resultType !== 'input_required') continue;
    await call('test_mrtr_unrelated');
    const answer = { action: 'accept', content: { confirmed: true } };
    const inputResponses = Object.fromEntries(Object.keys(first.inputRequests).map((key) => [key, answer]));
    const { requestState } = first;
    const second = await call(name, { inputResponses, ...(requestState === undefined ? {} : { requestState }) });
    assert.equal(second.resultType, 'complete', name);
  }
}

const listOnly = async (gateway) => {
  const client = await legacyAgent(gateway);
  assert.ok((await client.listTools()).tools.length > 0);
  await client.close();
};

const agents = {
  'json-schema-ref-no-deref': listOnly,
  'json-schema-2020-12-preservation': echoSchema,
  'sep-2322-client-request-state': answerRounds,
};

if (scenario.startsWith('auth/')) {
  await (/client-credentials|enterprise-managed|cross-app/.test(scenario) ? callingAsService : signingIn)(url, context);
  process.exit(0);
}

// Two scenarios judge the very first contact and offer nothing to list: the company knows of one tool, whatever the server says.
const unlisted = ['request-metadata', 'initialize'];
const catalogue = unlisted.includes(scenario)
  ? { tools: [{ name: 'anything', inputSchema: { type: 'object' } }] }
  : await fetchCatalogue({ id: 'fixture', url, era: 'auto' });
const gateway = await openTestGateway(makeBundle({ servers: [entry({ id: 'fixture', url, catalogue })] }));
try {
  // A server without any answer to the call still was spoken to as the scenario wants.
  if (scenario === 'initialize') await callAll(gateway).catch(() => {});
  else await (agents[scenario] ?? callAll)(gateway);
} finally {
  await gateway.close();
}
process.exit(0);
