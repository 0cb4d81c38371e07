// What stands in a company's folder and is not read protects nothing. Every slip of the hand must be refused, or mean the same.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { silent } from '../../src/base/log.ts';
import { checkFolder } from '../../src/central/content/check.ts';
import { openPublisher } from '../../src/central/publish/publisher.ts';
import { CentralStore } from '../../src/central/store/store.ts';
import { policyTools } from '../../src/cli/policy-tools.ts';
import { orgYaml, policies, serverJson, temporaryDir, writeCompany } from '../central/company-folder.ts';

function company(t: TestContext) {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  return { ...writeCompany(dir.path), path: dir.path };
}

async function errors(path: string): Promise<string[]> {
  const { problems } = await checkFolder(path, { policy: policyTools });
  return problems.filter(({ severity }) => severity === 'error').map(({ file, message, fix }) => `${file} ${message} ${fix}`);
}

const forbid = '@id("F-1") @reason("Never.") forbid (principal, action, resource);\n';

test('a rule or a limit that nothing reads is refused, with what was probably meant', async (t) => {
  const cases: [string, RegExp][] = [
    ['policies/eu/main.cedar', /^policies\/eu .*Sub-folders are not read/],
    ['policies/main2.ceder', /^policies\/main2.ceder .*Did you mean policies\/main2.cedar\?/],
    ['policies/main2.cedar.txt', /Did you mean policies\/main2.cedar\?/],
    ['policies/main2.CEDAR', /Did you mean policies\/main2.cedar\?/],
    ['policies/wiki.json', /Did you mean servers\/wiki.json\?/],
    ['limits.yml', /^limits.yml .*Did you mean limits.yaml\?/],
    ['Limits.yaml', /Did you mean limits.yaml\?/],
    ['org.yml', /Did you mean org.yaml\?/],
    ['policy/main.cedar', /^policy .*Did you mean policies\?/],
    ['Policies/main.cedar', /^Policies .*Did you mean policies\?/],
    ['rules/main.cedar', /^rules .*Keep it outside/],
    ['main.cedar', /Did you mean policies\/main.cedar\?/],
    ['servers/wiki.json5', /Did you mean servers\/wiki.json\?/],
    ['policies/old.cedar~', /Did you mean policies\/old.cedar\?/],
    ['policies/.forbid.cedar', /^policies\/.forbid.cedar .*Did you mean policies\/forbid.cedar\?/],
    ['policies/._forbid.Cedar', /Hidden files are not read/],
    ['servers/.wiki.json', /Did you mean servers\/wiki.json\?/],
    ['.limits.yaml', /Did you mean limits.yaml\?/],
    ['.main.cedar', /Hidden files are not read/],
  ];
  for (const [file, wanted] of cases) {
    const { path } = company(t);
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), forbid);
    const found = await errors(path);
    assert.ok(
      found.some((text) => wanted.test(text)),
      `${file}: ${found.join('\n')}`,
    );
  }
});

test('what cannot be read is not absent', async (t) => {
  const spoil: [string, (path: string) => void][] = [
    [
      'policies is a file',
      (path) => {
        rmSync(join(path, 'policies'), { recursive: true });
        writeFileSync(join(path, 'policies'), forbid);
      },
    ],
    ['a link that leads nowhere', (path) => symlinkSync('/nonexistent/x.cedar', join(path, 'policies/x.cedar'))],
    ['a folder with a file’s name', (path) => mkdirSync(join(path, 'policies/x.cedar'))],
    ['not UTF-8', (path) => writeFileSync(join(path, 'policies/x.cedar'), Buffer.from([0x2f, 0x2f, 0xff, 0xfe, 0x0a]))],
    ['UTF-16', (path) => writeFileSync(join(path, 'policies/x.cedar'), Buffer.from(`\ufeff${forbid}`, 'utf16le'))],
    ['an unknown YAML tag', (path) => writeFileSync(join(path, 'limits.yaml'), 'concurrentCalls: !many 8\n')],
  ];
  for (const [name, change] of spoil) {
    const { path } = company(t);
    change(path);
    assert.notDeepEqual(await errors(path), [], name);
  }
});

test('documentation, hidden files, mounted configuration and an editor’s copy beside its file are no mistake', async (t) => {
  const { path } = company(t);
  for (const file of [
    'README.md',
    'LICENSE',
    '.gitignore',
    'policies/README.md',
    'policies/.main.cedar.swp',
    'policies/main.cedar~',
    '.gitlab-ci.yml',
  ])
    writeFileSync(join(path, file), 'text');
  symlinkSync('somebody@host.1234', join(path, 'policies/.#main.cedar'));
  mkdirSync(join(path, '.github'));
  mkdirSync(join(path, '..data-1'), { recursive: true });
  renameSync(join(path, 'limits.yaml'), join(path, '..data-1', 'limits.yaml'));
  symlinkSync('..data-1/limits.yaml', join(path, 'limits.yaml'));
  assert.deepEqual(await errors(path), []);
});

/** One slip of the hand: a letter left out, doubled, exchanged with the next, of the other case, or another one. */
const slip = (text: string) =>
  fc
    .tuple(fc.nat(text.length - 1), fc.constantFrom('drop', 'double', 'swap', 'case', 'other'), fc.constantFrom(...'aeiost'))
    .map(([at, how, letter]) => {
      const [head, one, tail] = [text.slice(0, at), text[at]!, text.slice(at + 1)];
      if (how === 'drop') return head + tail;
      if (how === 'double') return head + one + one + tail;
      if (how === 'swap') return tail === '' ? head + one + one : head + tail[0] + one + tail.slice(1);
      if (how === 'case') return head + (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase()) + tail;
      return head + letter + tail;
    });

const names = ['org.yaml', 'limits.yaml', 'policies', 'servers', 'policies/main.cedar', 'servers/wiki.json'];

test('any slip in a file’s name is refused, or the file is read all the same', async (t) => {
  const { path } = company(t);
  const mutated = fc.constantFrom(...names).chain((name) => slip(name).map((other) => [name, other] as const));
  await fc.assert(
    fc.asyncProperty(mutated, async ([name, other]) => {
      if (other === name || other.includes('/') !== name.includes('/') || /\/$|^\//.test(other)) return;
      const [folder = '', file = ''] = other.split('/');
      // A slip in the folder of `policies/main.cedar` is a slip in `policies`, which is a case of its own.
      if (file !== '' && !names.includes(folder)) return;
      renameSync(join(path, name), join(path, other));
      const found = await errors(path);
      const { summary } = await checkFolder(path, { policy: policyTools });
      renameSync(join(path, other), join(path, name));
      const whole = summary.policies === 2 && summary.servers === 2;
      assert.ok(found.length > 0 || (whole && name.includes('/')), `${other}: nothing is said`);
    }),
    { numRuns: 150, seed: 7 },
  );
});

test('what an entry says beside what is used is refused or said', async (t) => {
  const { path, write } = company(t);
  type Entry = ReturnType<typeof serverJson> & { remotes: { type: string; url: string }[] };
  const refused: [string, (entry: Entry) => void, RegExp][] = [
    ['auth', ({ _meta }) => void (_meta['dev.gatehouse/entry']['auth'] = { type: 'none', audience: 'x' }), /auth/],
    [
      'catalogue',
      ({ _meta }) => void ((_meta['dev.gatehouse/entry']['catalogue'] as Record<string, unknown>)['tool'] = []),
      /Did you mean/,
    ],
    ['our key, misspelt', ({ _meta }) => void Object.assign(_meta, { 'dev.gatehous/entry': {} }), /Did you mean "dev.gatehouse\/entry"/],
    ['our key, another part', ({ _meta }) => void Object.assign(_meta, { 'dev.gatehouse/auth': {} }), /_meta.dev.gatehouse\/auth is not/],
  ];
  for (const [name, change, wanted] of refused) {
    const entry = serverJson('wiki') as Entry;
    change(entry);
    write('servers/wiki.json', entry);
    const found = await errors(path);
    assert.ok(found.length === 1 && wanted.test(found[0]!), `${name}: ${found.join('\n')}`);
  }
  const entry = serverJson('wiki') as Entry;
  Object.assign(entry._meta, { 'com.example/own': { anything: 1 } });
  entry.remotes.unshift({ type: 'sse', url: 'http://127.0.0.1:1/sse' });
  entry.remotes.push({ type: 'streamable-http', url: 'http://127.0.0.1:1/other' });
  write('servers/wiki.json', entry);
  const { problems } = await checkFolder(path, { policy: policyTools });
  assert.deepEqual(
    problems.filter(({ file }) => file === 'servers/wiki.json').map(({ severity, message }) => `${severity}: ${message}`),
    [
      'warning: A server is reached at one address: remotes.0 has no effect.',
      'warning: A server is reached at one address: remotes.2 has no effect.',
    ],
  );
  rmSync(join(path, 'policies'), { recursive: true });
  const without = await checkFolder(path, { policy: policyTools });
  assert.ok(without.problems.some(({ message }) => /nobody may use anything/.test(message)));
});

test('any slip in a key or an annotation is refused', async (t) => {
  const { path, write } = company(t);
  const limits = 'concurrentCalls: 8\ncallsPerMinute: 30\n';
  const server = () => serverJson('wiki');
  const keys: [string, string, string][] = [
    ...['company', 'issuer', 'client_id', 'resource', 'groups', 'variables', 'freshness', 'stale', 'supportUrl'].map(
      (key): [string, string, string] => ['org.yaml', orgYaml, key],
    ),
    ['limits.yaml', limits, 'concurrentCalls'],
    ['limits.yaml', limits, 'callsPerMinute'],
    ...['remotes', 'isSecret', 'headers', '_meta', 'owner', 'catalogue'].map((key): [string, string, string] => [
      'servers/wiki.json',
      JSON.stringify(server(), null, 1),
      key,
    ]),
    ...['approval', 'redact', 'limit'].map((key): [string, string, string] => [
      'policies/main.cedar',
      policies.replace('@id("P-1")', `@id("P-1")\n@${key}("${key === 'limit' ? '1/hour' : key === 'approval' ? 'self' : 'pii'}")`),
      key,
    ]),
  ];
  for (const [file, text] of keys) {
    write(file, text);
    assert.deepEqual(await errors(path), [], `${file} before any slip`);
    write('limits.yaml', limits);
  }
  const cases = fc.constantFrom(...keys).chain(([file, text, key]) => slip(key).map((other) => ({ file, text, key, other })));
  await fc.assert(
    fc.asyncProperty(cases, async ({ file, text, key, other }) => {
      if (other === key || other === '') return;
      const from = file.endsWith('.cedar') ? `@${key}(` : file.endsWith('.json') ? `"${key}"` : `${key}:`;
      write(file, text.replace(from, from.replace(key, other)));
      const found = await errors(path);
      write(file, text);
      assert.ok(found.length > 0, `${file}: ${other} for ${key}: nothing is said`);
    }),
    { numRuns: 200, seed: 8 },
  );
});

test('a file that nothing reads keeps the last good version in force, and the change is not published', async (t) => {
  const { path } = company(t);
  const data = temporaryDir();
  const store = new CentralStore(data.path);
  const publisher = await openPublisher({
    folder: path,
    variables: {},
    policy: policyTools,
    store,
    log: silent,
    now: Date.now,
    onPublished() {},
  });
  t.after(async () => {
    await publisher.close();
    store.close();
    data.remove();
  });
  const { version } = publisher.current();
  mkdirSync(join(path, 'policies/eu'));
  writeFileSync(join(path, 'policies/eu/forbid.cedar'), forbid);
  for (let tries = 0; tries < 200 && publisher.problems().length === 0; tries++) await new Promise((resolve) => setTimeout(resolve, 25));
  assert.match(publisher.problems()[0]?.message ?? '', /Nothing reads this/);
  assert.equal(publisher.current().version, version);
});
