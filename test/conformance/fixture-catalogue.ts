/** What the conformance suites expect a server to offer: their names, their texts (suite 0.1.16 and 0.2.0-alpha.12, "Server Implementation Requirements"). */

export type Json = Record<string, unknown>;

/** One request as a handler sees it, whichever era it came in. */
export interface Exchange {
  args: Json;
  /** Client capabilities as declared. */
  capabilities: Json;
  log(data: string): void;
  progress(progress: number, message?: string): void;
  progressToken: unknown;
  /** Puts questions to the client: real requests in the legacy era, `input_required` in the modern one. `keep` adds a signed requestState. */
  ask(requests: Record<string, { method: string; params: Json }>, keep?: boolean): Promise<Record<string, Json>>;
  /** Legacy only: ends the answer's stream, so that the client has to come back for the rest (SEP-1699). */
  breakOff(): void;
  /** The list of this kind is another one from now on. */
  change(kind: 'tools' | 'prompts'): void;
}

export class Refused extends Error {
  readonly code: number;
  readonly data: unknown;
  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export interface Tool {
  name: string;
  description: string;
  inputSchema: Json;
  run(exchange: Exchange): Json | Promise<Json>;
}

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const wav = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

const text = (value: string) => ({ type: 'text', text: value });
export const said = (value: string): Json => ({ content: [text(value)] });
export const object = (properties: Json = {}, required: string[] = []): Json => ({ type: 'object', properties, required });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export const elicit = (message: string, properties: Json, required: string[] = []) => ({
  method: 'elicitation/create',
  params: { message, requestedSchema: object(properties, required) },
});
const sample = (prompt: string, maxTokens = 100) => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: text(prompt) }], maxTokens },
});
const roots = { method: 'roots/list', params: {} };
const content = (answer: Json | undefined): Json => (answer?.['content'] ?? {}) as Json;

const tool = (name: string, run: Tool['run'], inputSchema: Json = object()): Tool => ({
  name,
  description: `Conformance tool ${name}`,
  inputSchema,
  run,
});

/** Needs a capability of the client: a stateless server has no other way to say so (specification 2026-07-28, -32021). */
function need(exchange: Exchange, capability: string): void {
  if (exchange.capabilities[capability] === undefined)
    throw new Refused(-32021, `This needs the client capability ${capability}.`, { requiredCapabilities: { [capability]: {} } });
}

/** SEP-1330: each way to write an enumeration. */
const enums = {
  untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
  titledSingle: {
    type: 'string',
    oneOf: ['First', 'Second', 'Third'].map((title, index) => ({ const: `value${index + 1}`, title: `${title} Option` })),
  },
  legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
  untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
  titledMulti: {
    type: 'array',
    minItems: 1,
    maxItems: 3,
    items: { anyOf: ['First', 'Second', 'Third'].map((title, index) => ({ const: `value${index + 1}`, title: `${title} Choice` })) },
  },
};
/** SEP-1034: a default for each primitive type. */
const defaults = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};
const schema2020 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword.
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

const asked = async (exchange: Exchange, key: string, request: { method: string; params: Json }) =>
  (await exchange.ask({ [key]: request }))[key] ?? {};
const completed = (answer: Json) =>
  said(`Elicitation completed: action=${String(answer['action'])}, content=${JSON.stringify(content(answer))}`);

const resourceOf = (uri: string, mimeType: string, value: string) => ({ type: 'resource', resource: { uri, mimeType, text: value } });

export const tools: Tool[] = [
  tool('test_simple_text', () => said('This is a simple text response for testing.')),
  tool('test_image_content', () => ({ content: [{ type: 'image', data: png, mimeType: 'image/png' }] })),
  tool('test_audio_content', () => ({ content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }] })),
  tool('test_embedded_resource', () => ({
    content: [resourceOf('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  })),
  tool('test_multiple_content_types', () => ({
    content: [
      text('Multiple content types test:'),
      { type: 'image', data: png, mimeType: 'image/png' },
      resourceOf('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  })),
  tool('test_tool_with_logging', async (exchange) => {
    for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      exchange.log(line);
      await pause(50);
    }
    return said('Tool with logging executed successfully');
  }),
  tool('test_tool_with_progress', async (exchange) => {
    for (const step of [0, 50, 100]) {
      exchange.progress(step, `Completed step ${step} of 100`);
      await pause(50);
    }
    return said(String(exchange.progressToken));
  }),
  tool('test_error_handling', () => ({ ...said('This tool intentionally returns an error for testing'), isError: true })),
  tool('test_reconnection', async (exchange) => {
    exchange.breakOff();
    await pause(100);
    return said('Reconnection test completed successfully');
  }),
  tool(
    'test_sampling',
    async (exchange) => {
      need(exchange, 'sampling');
      const answer = await asked(exchange, 'sample', sample(String(exchange.args['prompt'])));
      return said(`LLM response: ${String(content(answer)['text'])}`);
    },
    object({ prompt: { type: 'string' } }, ['prompt']),
  ),
  tool(
    'test_elicitation',
    async (exchange) => {
      need(exchange, 'elicitation');
      const question = elicit(String(exchange.args['message']), { response: { type: 'string', description: 'The response' } }, [
        'response',
      ]);
      const answer = await asked(exchange, 'response', question);
      return said(`User response: action=${String(answer['action'])}, content=${JSON.stringify(content(answer))}`);
    },
    object({ message: { type: 'string' } }, ['message']),
  ),
  tool('test_elicitation_sep1034_defaults', async (exchange) =>
    completed(await asked(exchange, 'form', elicit('Please review the defaults', defaults))),
  ),
  tool('test_elicitation_sep1330_enums', async (exchange) =>
    completed(await asked(exchange, 'form', elicit('Please select options', enums))),
  ),
  tool('json_schema_2020_12_tool', (exchange) => said(`Called with ${JSON.stringify(exchange.args)}`), schema2020),
  tool('test_missing_capability', (exchange) => {
    need(exchange, 'sampling');
    return said('Success');
  }),
  tool('test_streaming_elicitation', async (exchange) => {
    exchange.progress(50);
    await exchange.ask({ go_on: elicit('Go on?', { ok: { type: 'boolean' } }) });
    return said('Streaming complete');
  }),
  tool('test_logging_tool', (exchange) => {
    exchange.log('Diagnostic');
    return said('Logging evaluated');
  }),
  tool(
    'test_x_mcp_header',
    (exchange) => said(`Region: ${String(exchange.args['region'])}`),
    object({
      region: { type: 'string', 'x-mcp-header': 'Region' },
      priority: { type: 'integer', 'x-mcp-header': 'Priority' },
      verbose: { type: 'boolean', 'x-mcp-header': 'Verbose' },
      query: { type: 'string' },
    }),
  ),
  tool('test_input_required_result_elicitation', async (exchange) => {
    const answer = await asked(exchange, 'user_name', elicit('What is your name?', { name: { type: 'string' } }, ['name']));
    return said(`Hello, ${String(content(answer)['name'])}!`);
  }),
  tool('test_input_required_result_sampling', async (exchange) => {
    const answers = await exchange.ask({ capital_question: sample('What is the capital of France?') });
    return said(`Sampling result: ${String(content(answers['capital_question'])['text'])}`);
  }),
  tool('test_input_required_result_list_roots', async (exchange) => {
    const answers = await exchange.ask({ client_roots: roots });
    return said(`Roots: ${JSON.stringify(answers['client_roots']?.['roots'])}`);
  }),
  tool('test_input_required_result_request_state', async (exchange) => {
    await exchange.ask({ confirm: elicit('Please confirm', { ok: { type: 'boolean' } }, ['ok']) }, true);
    return said('state-ok: requestState validated');
  }),
  tool('test_input_required_result_multiple_inputs', async (exchange) => {
    const question = elicit('What is your name?', { name: { type: 'string' } }, ['name']);
    const answers = await exchange.ask({ user_name: question, greeting: sample('Generate a greeting', 50), client_roots: roots }, true);
    return said(`${String(content(answers['greeting'])['text'])} ${String(content(answers['user_name'])['name'])}`);
  }),
  tool('test_input_required_result_multi_round', async (exchange) => {
    const first = await exchange.ask({ step1: elicit('Step 1: What is your name?', { name: { type: 'string' } }, ['name']) }, true);
    const question = elicit('Step 2: What is your favorite color?', { color: { type: 'string' } }, ['color']);
    const second = await exchange.ask({ step2: question }, true);
    return said(`${String(content(first['step1'])['name'])} likes ${String(content(second['step2'])['color'])}`);
  }),
  tool('test_input_required_result_tampered_state', async (exchange) => {
    await exchange.ask({ confirm: elicit('Please confirm', { ok: { type: 'boolean' } }, ['ok']) }, true);
    return said('integrity-ok: state verified');
  }),
  tool('test_input_required_result_capabilities', async (exchange) => {
    const may = (kind: string) => exchange.capabilities[kind] !== undefined;
    const answers = await exchange.ask({
      ...(may('elicitation') ? { elicit_input: elicit('Input?', { value: { type: 'string' } }) } : {}),
      ...(may('sampling') ? { sample_input: sample('Sample request', 50) } : {}),
    });
    return said(`capabilities-ok: ${Object.keys(answers).join(',')}`);
  }),
  tool('test_trigger_tool_change', (exchange) => {
    exchange.change('tools');
    return said('The list of tools is another one now');
  }),
  tool('test_trigger_prompt_change', (exchange) => {
    exchange.change('prompts');
    return said('The list of prompts is another one now');
  }),
];

const prompt = (name: string, args: string[], run: (exchange: Exchange) => Json[] | Promise<Json[]>) => ({
  name,
  description: `Conformance prompt ${name}`,
  arguments: args.map((argument) => ({ name: argument, description: `The argument ${argument}`, required: true })),
  run: async (exchange: Exchange): Promise<Json> => ({
    messages: (await run(exchange)).map((content) => ({ role: 'user', content })),
  }),
});

export const prompts = [
  prompt('test_simple_prompt', [], () => [text('This is a simple prompt for testing.')]),
  prompt('test_prompt_with_arguments', ['arg1', 'arg2'], ({ args }) => [
    text(`Prompt with arguments: arg1='${String(args['arg1'])}', arg2='${String(args['arg2'])}'`),
  ]),
  prompt('test_prompt_with_embedded_resource', ['resourceUri'], ({ args }) => [
    resourceOf(String(args['resourceUri']), 'text/plain', 'Embedded resource content for testing.'),
    text('Please process the embedded resource above.'),
  ]),
  prompt('test_prompt_with_image', [], () => [
    { type: 'image', data: png, mimeType: 'image/png' },
    text('Please analyze the image above.'),
  ]),
  prompt('test_input_required_result_prompt', [], async (exchange) => {
    const question = elicit('What context should the prompt use?', { context: { type: 'string' } }, ['context']);
    return [text(`Prompt with context: ${String(content(await asked(exchange, 'user_context', question))['context'])}`)];
  }),
];

export const resources = [
  { uri: 'test://static-text', name: 'Static text', description: 'A static text', mimeType: 'text/plain' },
  { uri: 'test://static-binary', name: 'Static binary', description: 'A static image', mimeType: 'image/png' },
  { uri: 'test://watched-resource', name: 'Watched resource', description: 'One to subscribe to', mimeType: 'text/plain' },
];
export const resourceTemplates = [
  { uriTemplate: 'test://template/{id}/data', name: 'Template', description: 'Data by id', mimeType: 'application/json' },
];

/** Undefined: there is no such resource. */
export function readResource(uri: string): Json | undefined {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id !== undefined)
    return { uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) };
  if (uri === 'test://static-binary') return { uri, mimeType: 'image/png', blob: png };
  return resources.some((resource) => resource.uri === uri)
    ? { uri, mimeType: 'text/plain', text: `This is the content of ${uri}.` }
    : undefined;
}
