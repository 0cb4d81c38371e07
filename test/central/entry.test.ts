import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionHash } from '../../src/central/content/definition-hash.ts';
import type { Checked } from '../../src/central/content/document.ts';
import { checkDocument } from '../../src/central/content/document.ts';
import { compileEntry } from '../../src/central/content/entry.ts';
import { type ServerJson, serverJson as schema } from '../../src/central/content/server-json.ts';
import { serverJson } from './company-folder.ts';

function compile(change: Record<string, unknown>, variables: Record<string, string> = {}, entry: Record<string, unknown> = {}) {
  const server = { ...serverJson('wiki'), ...change };
  Object.assign(server._meta['dev.gatehouse/entry'], entry);
  const source = { file: 'servers/wiki.json', text: JSON.stringify(server, null, 2) };
  return compileEntry(checkDocument(source, schema) as Checked<ServerJson>, variables);
}

test('a remote: given variables go over the defaults in server.json', () => {
  const remotes = [
    { type: 'streamable-http', url: 'https://{host}/{path}/mcp', variables: { host: { default: 'a.example' }, path: { value: 'p' } } },
  ];
  assert.equal(compile({ remotes }).entry?.url, 'https://a.example/p/mcp');
  assert.equal(compile({ remotes }, { host: 'b.example' }).entry?.url, 'https://b.example/p/mcp');
});

test('a launch: argv with variables, each where it stands; braces that are no variables stay', () => {
  const launch = { command: 'node', args: ['{dir}/server.js', '--json', '{"a":1}', 'a b;c'], env: { STATE: '{dir}/state' }, cwd: '{dir}' };
  const { entry, problems } = compile({ remotes: undefined }, { dir: '/srv/{x}' }, { launch });
  assert.deepEqual(problems, []);
  assert.deepEqual(entry?.launch, {
    command: 'node',
    args: ['/srv/{x}/server.js', '--json', '{"a":1}', 'a b;c'],
    env: { STATE: '/srv/{x}/state' },
    cwd: '/srv/{x}',
  });
  assert.match(
    compile({ remotes: undefined }, {}, { launch })
      .problems.map(({ message }) => message)
      .join(),
    /\{dir\} has no value/,
  );
});

test('packages become argv: npm by npx, pypi by uvx, others are refused in words', () => {
  const of = (spec: Record<string, unknown>) =>
    compile({ remotes: undefined, packages: [{ identifier: '@acme/wiki', version: '1.0.0', transport: { type: 'stdio' }, ...spec }] });
  const npm = of({
    registryType: 'npm',
    packageArguments: [
      { type: 'positional', value: '/data' },
      { type: 'named', name: '--mode', default: 'ro' },
    ],
    environmentVariables: [{ name: 'LEVEL', value: 'info' }],
  });
  assert.deepEqual(npm.entry?.launch, {
    command: 'npx',
    args: ['-y', '@acme/wiki@1.0.0', '/data', '--mode', 'ro'],
    env: { LEVEL: 'info' },
  });
  assert.deepEqual(of({ registryType: 'pypi', identifier: 'wiki' }).entry?.launch, { command: 'uvx', args: ['wiki==1.0.0'], env: {} });
  assert.match(of({ registryType: 'oci' }).problems[0]!.message, /type oci cannot be started/);
  assert.match(of({ registryType: 'npm', version: undefined }).problems[0]!.message, /no exact version/);
  assert.match(
    of({ registryType: 'npm', environmentVariables: [{ name: 'KEY', isRequired: true }] }).problems[0]!.message,
    /KEY is required/,
  );
});

test('what was blessed before definitions were checked is published without its faults, each with a warning', () => {
  const tools = [
    { name: 'list', inputSchema: { type: 'object' }, description: null },
    { name: 'bad', inputSchema: { anyOf: [{ type: 'object' }] } },
  ];
  const hashes = Object.fromEntries(tools.map((tool) => [`tool:${tool.name}`, definitionHash(tool)]));
  const leftOut = [{ what: 'prompts[0]', why: 'it has no name' }];
  const { entry, problems } = compile({}, { port: '1' }, { catalogue: { tools, hashes, leftOut }, tools: { bad: { readOnly: true } } });
  assert.deepEqual(
    problems.map(({ severity, message }) => `${severity} ${message}`),
    [
      'warning What the server wiki says is not passed on to agents: prompts[0]: it has no name.',
      'warning What the server wiki says is not passed on to agents: tools[1] bad: its inputSchema.type is missing.',
    ],
  );
  assert.notEqual(problems[0]!.line, problems[1]!.line, 'each at its own line');
  const kept = { name: 'list', inputSchema: { type: 'object' } };
  assert.deepEqual(entry?.catalogue.tools, [kept]);
  assert.deepEqual(entry?.catalogue.hashes, { 'tool:list': definitionHash(kept) });
  assert.deepEqual(Object.keys(entry!.tools), ['list']);
  assert.equal(entry?.catalogue.leftOut.length, 2);
});

test('facts of a tool: the company first, then the blessed annotations, then the careful default', () => {
  const { entry } = compile({}, { port: '1' }, { tools: { write: { destructive: false, tags: ['export'], recursive: false } } });
  assert.deepEqual(entry?.tools, {
    list: { readOnly: true, destructive: false, openWorld: true, tags: [] },
    write: { readOnly: false, destructive: false, openWorld: true, tags: ['export'], recursive: false },
  });
});

test('token exchange is for remote servers over TLS or on this machine, and Authorization has one source', () => {
  const auth = { type: 'exchange', resource: 'https://{host}/wiki' };
  const at = (url: string) => [{ type: 'streamable-http', url }];
  const said = (change: Record<string, unknown>, entry: Record<string, unknown> = { auth }) =>
    compile(change, { host: 'a.example' }, entry)
      .problems.map(({ message }) => message)
      .join(' ');
  const { entry, problems } = compile({ remotes: at('https://a.example/mcp') }, { host: 'a.example' }, { auth });
  assert.deepEqual(problems, []);
  assert.deepEqual(entry?.auth, { type: 'exchange', resource: 'https://a.example/wiki' });
  for (const url of ['http://127.0.0.1:1/mcp', 'http://localhost/mcp', 'http://[::1]:1/mcp']) assert.equal(said({ remotes: at(url) }), '');
  for (const url of ['http://a.example/mcp', 'http://127.0.0.1.a.example/mcp', 'http://localhost.a.example/mcp'])
    assert.match(said({ remotes: at(url) }), /in the clear/);
  const launch = { command: 'node', args: [] };
  assert.match(said({ remotes: undefined }, { auth, launch }), /A local server gets no token/);
  const headers = [{ name: 'AUTHORIZATION', value: 'Basic x' }];
  assert.match(said({ remotes: [{ ...at('https://a.example/mcp')[0], headers }] }), /what Authorization is/);
  assert.match(
    said({ remotes: at('https://a.example/mcp') }, { auth: { type: 'exchange', audience: '{nobody}' } }),
    /\{nobody\} has no value/,
  );
});
