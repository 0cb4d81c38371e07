// What is secret is named in the company folder and in bundles; its value never stands there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../../src/base/errors.ts';
import { bundleFormat, bundle as bundleSchema, serverEntry } from '../../src/bundle/schema.ts';
import { type Checked, checkDocument } from '../../src/central/content/document.ts';
import { compileEntry } from '../../src/central/content/entry.ts';
import { publicServerJson } from '../../src/central/content/public-server.ts';
import { type ServerJson, serverJson as schema } from '../../src/central/content/server-json.ts';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { smallBundle } from '../support/central.ts';
import { json, legacy, startRaw } from '../support/upstreams/raw.ts';
import { serverJson } from './company-folder.ts';
import { openAcme } from './open.ts';

const url = 'https://a.example/mcp';

function compile(change: object, entry: object = {}, variables: Record<string, string> = {}) {
  const { remotes: _, ...server } = { ...serverJson('wiki'), ...change };
  Object.assign(server._meta['dev.gatehouse/entry'], entry);
  if ('remotes' in change) Object.assign(server, { remotes: change.remotes });
  const source = checkDocument({ file: 'servers/wiki.json', text: JSON.stringify(server, null, 2) }, schema) as Checked<ServerJson>;
  if (!source.value) return { entry: undefined, told: source.problems.map(({ message }) => message), source };
  const made = compileEntry(source, variables);
  return { entry: made.entry, told: made.problems.map(({ message, fix }) => `${message} ${fix}`), source };
}
const remote = (more: object, variables: Record<string, string> = {}) =>
  compile({ remotes: [{ type: 'streamable-http', url, ...more }] }, {}, variables);
const header = (input: object, variables: Record<string, string> = {}) => remote({ headers: [{ name: 'X-Key', ...input }] }, variables);
const place = (where: object) => ({ before: '', after: '', ...where });

test('a header that is secret, a variable in one, and a secret:// become references with the words of their inputs', () => {
  const { entry, told } = remote({
    variables: { tenant: { value: 'acme' } },
    headers: [
      { name: 'X-Plain', value: 'yes' },
      { name: 'X-Api-Key', isSecret: true, isRequired: true, description: 'From your profile' },
      {
        name: 'Authorization',
        value: '{tenant} {token}!',
        variables: { token: { isSecret: true, isRequired: true, description: 'A PAT' } },
      },
      { name: 'X-Other', value: 'Key secret://other-key', isSecret: true },
      { name: 'X-Named', value: '{k}', variables: { k: { isSecret: true, value: 'secret://other-key' } } },
    ],
  });
  assert.deepEqual(told, []);
  assert.deepEqual(entry?.headers, { 'X-Plain': 'yes' });
  assert.deepEqual(entry?.secrets, [
    { name: 'X-Api-Key', description: 'From your profile', required: true, where: [place({ in: 'header', name: 'X-Api-Key' })] },
    {
      name: 'token',
      description: 'A PAT',
      required: true,
      where: [{ in: 'header', name: 'Authorization', before: 'acme ', after: '!' }],
    },
    {
      name: 'other-key',
      description: '',
      required: false,
      where: [place({ in: 'header', name: 'X-Other', before: 'Key ' }), place({ in: 'header', name: 'X-Named' })],
    },
  ]);
});

test('a query parameter takes one, and the address is left without it', () => {
  const { entry, told } = remote({
    url: 'https://{host}/mcp?v=1&key=k-{key}&z=%20',
    variables: { host: { default: 'b.example' }, key: { isSecret: true, isRequired: true } },
  });
  assert.deepEqual(told, []);
  assert.equal(entry?.url, 'https://b.example/mcp?v=1&z=%20');
  assert.deepEqual(entry?.secrets[0]?.where, [place({ in: 'query', name: 'key', before: 'k-' })]);
});

test('variables of a local server take them: of a package, and of a launch', () => {
  const variables = [
    { name: 'API_KEY', isSecret: true, isRequired: true, description: 'Yours' },
    { name: 'LEVEL', value: 'warn' },
    { name: 'BOTH', value: 'x:{t}', variables: { t: { isSecret: true } } },
  ];
  const packaged = compile({
    packages: [{ registryType: 'npm', identifier: '@acme/wiki', version: '1.0.0', environmentVariables: variables }],
  });
  assert.deepEqual(packaged.told, []);
  assert.deepEqual(packaged.entry?.launch?.env, { LEVEL: 'warn' });
  assert.deepEqual(
    packaged.entry?.secrets.map(({ name, required, where }) => [name, required, where[0]!.name, where[0]!.before]),
    [
      ['API_KEY', true, 'API_KEY', ''],
      ['t', false, 'BOTH', 'x:'],
    ],
  );
  const launched = compile(
    {},
    { launch: { command: 'node', env: { A: 'a', B: 'secret://b', C: { isSecret: true, description: 'The C' }, D: { default: '{d}' } } } },
    { d: 'dd' },
  );
  assert.deepEqual(launched.told, []);
  assert.deepEqual(launched.entry?.launch?.env, { A: 'a', D: 'dd' });
  assert.deepEqual(
    launched.entry?.secrets.map(({ name, required, description }) => [name, required, description]),
    [
      ['b', true, ''],
      ['C', false, 'The C'],
    ],
  );
});

for (const [what, made, words] of [
  [
    'a header whose value stands there',
    () => header({ isSecret: true, value: 'hunter2-hunter2' }),
    /X-Key is marked secret and stands in the company folder.*Take the value away/,
  ],
  ['a default', () => header({ isSecret: true, default: 'hunter2-hunter2' }), /is marked secret and stands/],
  [
    'a value from org.yaml',
    () => header({ isSecret: true, value: 'Bearer {token}' }, { token: 'hunter2-hunter2' }),
    /is marked secret and stands/,
  ],
  [
    'a secret variable that org.yaml gives a value',
    () => header({ value: 'Bearer {token}', variables: { token: { isSecret: true } } }, { token: 'hunter2-hunter2' }),
    /variable \{token\} is marked secret and has its value in the company folder/,
  ],
  [
    'a secret variable with a value of its own',
    () => header({ value: 'Bearer {token}', variables: { token: { isSecret: true, value: 'hunter2-hunter2' } } }),
    /variable \{token\} is marked secret/,
  ],
  [
    'a variable of the environment',
    () => compile({}, { launch: { command: 'node', env: { A: { isSecret: true, value: 'hunter2-hunter2' } } } }),
    /A is marked secret/,
  ],
  [
    'an argument of a package',
    () =>
      compile({
        packages: [
          { registryType: 'npm', identifier: 'x', version: '1.0.0', packageArguments: [{ type: 'named', name: '--key', isSecret: true }] },
        ],
      }),
    /An argument cannot be secret.*variable of the environment/,
  ],
  [
    'an argument of a launch',
    () => compile({}, { launch: { command: 'node', args: ['--key', 'secret://key'] } }),
    /A secret cannot stand here/,
  ],
  ['a command', () => compile({}, { launch: { command: 'secret://key' } }), /cannot stand here/],
  ['a path', () => remote({ url: 'https://a.example/secret://key/mcp' }), /cannot stand here/],
  [
    'a path, by a variable',
    () => remote({ url: 'https://a.example/{key}/mcp', variables: { key: { isSecret: true } } }),
    /cannot stand here/,
  ],
  ['a host', () => remote({ url: 'https://{key}/mcp', variables: { key: { isSecret: true } } }), /cannot stand here/],
  [
    'a path, whose value stands in org.yaml',
    () => remote({ url: 'https://a.example/{key}/mcp', variables: { key: { isSecret: true } } }, { key: 'hunter2-hunter2' }),
    /cannot stand here/,
  ],
  ["the name of a query's parameter", () => remote({ url: 'https://a.example/mcp?secret://key=1' }), /cannot stand here/],
  ['a variable of org.yaml', () => header({ value: '{token}' }, { token: 'secret://key' }), /cannot stand here/],
  ['two in one value', () => header({ value: 'secret://a:secret://b' }), /takes more than one secret/],
  ['a name that is none', () => header({ value: 'secret://a--b' }), /"a--b" cannot be the name of a secret/],
  ['a name that is missing', () => header({ value: 'secret://' }), /"" cannot be the name of a secret/],
  [
    'two names that are one variable when blessed',
    () =>
      remote({
        headers: [
          { name: 'X-Key', isSecret: true },
          { name: 'Y', value: 'secret://x_key' },
        ],
      }),
    /the secret x_key stands twice/,
  ],
  [
    'a header twice',
    () =>
      remote({
        headers: [
          { name: 'X-Key', value: 'a' },
          { name: 'x-key', isSecret: true },
        ],
      }),
    /stands twice/,
  ],
  ['a header of the gateway', () => remote({ headers: [{ name: 'Host', isSecret: true }] }), /the gateway's own/],
  [
    'an address in the clear',
    () => remote({ url: 'http://a.example/mcp', headers: [{ name: 'X-Key', isSecret: true }] }),
    /to a.example in the clear/,
  ],
  [
    'an Authorization beside "auth"',
    () =>
      compile(
        { remotes: [{ type: 'streamable-http', url, headers: [{ name: 'authorization', isSecret: true }] }] },
        { auth: { type: 'exchange' } },
      ),
    /Both "auth" and a header/,
  ],
  ['an unknown field of a variable', () => compile({}, { launch: { command: 'node', env: { A: { isSecrt: true } } } }), /env/],
] as const)
  test(`refused: ${what}`, () => {
    const { told } = made();
    assert.ok(
      told.some((text) => words.test(text)),
      told.join('\n'),
    );
    assert.ok(!told.join().includes('hunter2'), 'the value is not told');
  });

test('what is not marked secret goes on as it was: its value stands in the bundle', () => {
  assert.deepEqual(header({ value: 'Bearer {token}' }, { token: 'open' }).entry?.headers, { 'X-Key': 'Bearer open' });
  assert.deepEqual(header({ value: 'Bearer {token}' }, { token: 'open' }).entry?.secrets, []);
});

test('the registry shows that there is a secret, and nothing that was written as its value', () => {
  const { entry, source } = remote({
    headers: [
      { name: 'X-Key', isSecret: true, description: 'Yours' },
      { name: 'X-Other', value: 'secret://other', isSecret: true },
    ],
  });
  const shown = publicServerJson(source.raw as Record<string, unknown>, entry!)['remotes'];
  assert.deepEqual(shown, [
    {
      type: 'streamable-http',
      url,
      headers: [
        { name: 'X-Key', isSecret: true, description: 'Yours' },
        { name: 'X-Other', isSecret: true },
      ],
    },
  ]);
});

test('a bundle with secrets has a format that an app without them refuses', async (t) => {
  const acme = await openAcme(t);
  const payload = async () => {
    const answer = await acme.get('/v1/bundle', await acme.token(['staff']));
    return JSON.parse(Buffer.from((await answer.text()).split('.')[1]!, 'base64url').toString()) as { format: number; servers: object[] };
  };
  assert.equal((await payload()).format, 1);
  const { version } = (await payload()) as unknown as { version: number };
  const remotes = [{ type: 'streamable-http', url: 'http://127.0.0.1:4000/mcp', headers: [{ name: 'X-Key', isSecret: true }] }];
  acme.write('servers/wiki.json', { ...serverJson('wiki'), remotes });
  for (;;) {
    const now = (await payload()) as unknown as { version: number; format: number };
    if (now.version > version) {
      assert.equal(now.format, 2);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { entry } = header({ isSecret: true });
  assert.equal(bundleFormat([entry!]), 2);
  assert.ok(bundleSchema.safeParse(smallBundle(1, { format: 2, servers: [entry!] })).success);
  const claimed = bundleSchema.safeParse(smallBundle(1, { servers: [entry!] }));
  assert.match(claimed.error!.issues[0]!.message, /format 2/, 'one that claims to be older is refused, too');
});

test('an entry of a bundle whose secrets would go out in the clear, or where they cannot, is refused', () => {
  const { entry } = header({ isSecret: true, isRequired: true });
  const wrong = (change: object) => serverEntry.safeParse({ ...entry!, ...change }).error?.issues[0]?.message;
  assert.equal(wrong({}), undefined);
  assert.match(wrong({ url: 'http://a.example/mcp' })!, /in the clear/);
  assert.match(wrong({ url: 'http://127.0.0.1.a.example/mcp' })!, /in the clear/);
  assert.match(wrong({ headers: { 'x-key': 'a' } })!, /two places/);
  assert.match(wrong({ url: undefined, launch: { command: 'node' } })!, /cannot go into the header/);
  const at = (where: object) => ({ secrets: [{ name: 'k', where: [where] }] });
  assert.match(wrong(at({ in: 'argument', name: 'x' }))!, /./);
  assert.match(wrong({ ...at({ in: 'query', name: 'k' }), url: `${url}?k=1` })!, /two places/);
  assert.match(wrong({ auth: { type: 'exchange' }, ...at({ in: 'header', name: 'AUTHORIZATION' }) })!, /two places/);
});

test('blessing takes each secret from a variable of its own, and says which one is missing', async (t) => {
  const asked: (string | undefined)[] = [];
  const raw = await startRaw(
    t,
    legacy((message, response, request) => {
      asked.push(request.headers['x-key'] as string | undefined);
      if (message?.method !== 'tools/list') return false;
      json(response, { jsonrpc: '2.0', id: message.id, result: { tools: [{ name: 'look', inputSchema: { type: 'object' } }] } });
    }),
  );
  const { entry } = header({ isSecret: true, isRequired: true });
  const read = () => fetchCatalogue({ ...entry!, id: 'two-words', url: raw.url, era: 'legacy' });
  await assert.rejects(read(), (error: Failure) => {
    assert.match(error.message, /cannot be read without X-Key/);
    assert.match(error.fix!, /GATEHOUSE_BLESS_SECRET_TWO_WORDS__X_KEY/);
    return true;
  });
  assert.deepEqual(raw.got, [], 'nothing was sent');
  process.env['GATEHOUSE_BLESS_SECRET_TWO_WORDS__X_KEY'] = 'blessing-key';
  t.after(() => delete process.env['GATEHOUSE_BLESS_SECRET_TWO_WORDS__X_KEY']);
  assert.deepEqual(
    (await read()).tools.map(({ name }) => name),
    ['look'],
  );
  assert.ok(asked.length > 0 && asked.every((key) => key === 'blessing-key'));
});

test('the secret of a client of an authorization server is named, too: a value in the clear is refused without being quoted', () => {
  const auth = { type: 'oauth', issuer: 'https://login.example', clientId: 'app' };
  const oauth = (change: object) => compile({ remotes: [{ type: 'streamable-http', url }] }, { auth: { ...auth, ...change } });
  const { entry, told } = oauth({ clientSecret: 'secret://app-secret' });
  assert.deepEqual(told, []);
  assert.deepEqual(entry?.auth, { ...auth, clientSecret: 'app-secret' });
  assert.deepEqual(
    entry?.secrets.map(({ name, required, where }) => [name, required, where]),
    [['app-secret', true, []]],
  );
  assert.equal(bundleFormat([entry!]), 2);
  for (const value of ['hunter2-hunter2', 'hunter2 secret://app-secret', '{hunter2}', 'secret://hunter2..', '']) {
    const refused = oauth({ clientSecret: value });
    assert.equal(refused.told.length, 1, value);
    assert.match(refused.told[0]!, /would be in every bundle|cannot be the name of a secret/);
    assert.ok(!refused.told[0]!.includes('hunter2-hunter2'));
    assert.ok(!JSON.stringify(refused.entry ?? '').includes('hunter2-hunter2'));
  }
  for (const change of [{ issuer: undefined }, { clientId: undefined }])
    assert.match(oauth({ clientSecret: 'secret://app-secret', ...change }).told.join(), /needs the clientId and the issuer/);
});

test('a registered client is proven by a secret or a key that is named, never by a value that stands in the folder', () => {
  const auth = { type: 'client-credentials', issuer: 'https://login.example', clientId: '{app}' };
  const registered = (change: object) =>
    compile({ remotes: [{ type: 'streamable-http', url }] }, { auth: { ...auth, ...change } }, { app: 'reports' });
  const keyed = registered({ privateKey: 'secret://app-key', keyId: 'k1' });
  assert.deepEqual(keyed.told, []);
  assert.deepEqual(keyed.entry?.auth, { ...auth, clientId: 'reports', privateKey: 'app-key', keyId: 'k1' });
  assert.deepEqual(
    keyed.entry?.secrets.map(({ name, required, where }) => [name, required, where]),
    [['app-key', true, []]],
  );
  assert.match(keyed.entry!.secrets[0]!.description, /private key/);
  assert.equal(bundleFormat([keyed.entry!]), 2);
  for (const name of ['privateKey', 'clientSecret']) {
    const refused = registered({ [name]: 'hunter2-hunter2' });
    assert.match(refused.told.join(), /would be in every bundle/);
    assert.ok(!`${refused.told.join()}${JSON.stringify(refused.entry ?? '')}`.includes('hunter2'));
  }
  assert.match(registered({}).told.join(), /clientSecret or by a privateKey/);
  for (const change of [{ issuer: 'http://login.example' }, { tokenEndpoint: 'http://login.example/token' }])
    assert.match(registered({ clientSecret: 'secret://s', ...change }).told.join(), /in the clear/);
  assert.ok(registered({ clientSecret: 'secret://s', issuer: undefined }).told.length > 0);
});

test('blessing asks for no secret of a client, since nobody signs in there', async (t) => {
  const raw = await startRaw(
    t,
    legacy(() => false),
  );
  const auth = { type: 'oauth', issuer: 'https://login.example', clientId: 'app', clientSecret: 'app-secret' } as const;
  const secrets = [{ name: 'app-secret', description: '', required: true, where: [] }];
  await fetchCatalogue({ id: 'wiki', url: raw.url, auth, secrets });
  assert.ok(raw.got.length > 0);
});

test('what stands around a secret has no control characters, which an error would quote together with the secret', () => {
  const secrets = (before: string) => [{ name: 'k', where: [{ in: 'header', name: 'X-Key', before, after: '' }] }];
  const { entry } = header({ isSecret: true });
  const of = (before: string) => serverEntry.safeParse({ ...entry!, secrets: secrets(before) }).success;
  assert.equal(of('Bearer '), true);
  for (const before of ['a\u0000', 'a\r\nX-Evil: ', 'a\n']) assert.equal(of(before), false);
});
