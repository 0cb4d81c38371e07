// What stands in a company's folder and is not read protects nothing. Every slip of the hand must be refused, or mean the same.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { parse } from 'yaml';
import { silent } from '../../src/base/log.ts';
import { checkFolder } from '../../src/central/content/check.ts';
import { readFolder } from '../../src/central/content/folder.ts';
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
    const messages = await errors(path);
    assert.ok(
      messages.some((text) => wanted.test(text)),
      `${file}: ${messages.join('\n')}`,
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
      const [head, character, tail] = [text.slice(0, at), text[at]!, text.slice(at + 1)];
      if (how === 'drop') return head + tail;
      if (how === 'double') return head + character + character + tail;
      if (how === 'swap') return tail === '' ? head + character + character : head + tail[0] + character + tail.slice(1);
      if (how === 'case') return head + (character === character.toLowerCase() ? character.toUpperCase() : character.toLowerCase()) + tail;
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
      const messages = await errors(path);
      const { summary } = await checkFolder(path, { policy: policyTools });
      renameSync(join(path, other), join(path, name));
      const whole = summary.policies === 2 && summary.servers === 2;
      assert.ok(messages.length > 0 || (whole && name.includes('/')), `${other}: nothing is said`);
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
    const messages = await errors(path);
    assert.ok(messages.length === 1 && wanted.test(messages[0]!), `${name}: ${messages.join('\n')}`);
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
  const headers = [{ name: 'X-Key', isSecret: true }];
  const server = () => ({ ...serverJson('wiki'), remotes: [{ type: 'streamable-http', url: 'http://127.0.0.1:{port}/mcp', headers }] });
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
      const messages = await errors(path);
      write(file, text);
      assert.ok(messages.length > 0, `${file}: ${other} for ${key}: nothing is said`);
    }),
    { numRuns: 200, seed: 8 },
  );
});

/** A publisher of this folder with a store of its own; both end with the test. */
async function publisherOf(t: TestContext, folder: string, onPublished: Parameters<typeof openPublisher>[0]['onPublished'] = () => {}) {
  const data = temporaryDir();
  const store = new CentralStore(data.path);
  const publisher = await openPublisher({ folder, variables: {}, policy: policyTools, store, log: silent, now: Date.now, onPublished });
  t.after(async () => {
    await publisher.close();
    store.close();
    data.remove();
  });
  return publisher;
}

test('a file that nothing reads keeps the last good version in force, and the change is not published', async (t) => {
  const { path } = company(t);
  const publisher = await publisherOf(t, path);
  const { version } = publisher.current();
  mkdirSync(join(path, 'policies/eu'));
  writeFileSync(join(path, 'policies/eu/forbid.cedar'), forbid);
  for (let tries = 0; tries < 200 && publisher.problems().length === 0; tries++) await new Promise((resolve) => setTimeout(resolve, 25));
  assert.match(publisher.problems()[0]?.message ?? '', /Nothing reads this/);
  assert.equal(publisher.current().version, version);
});

const moving = '@id("F-9") @reason("Never.") forbid (principal, action == Action::"call", resource == Tool::"wiki/write");\n';
const staying = '@id("N-NAME") @reason("Never.") forbid (principal, action == Action::"call", resource == Tool::"wiki/list");\n';

test('over hundreds of readings while a rule moves from file to file: it is in each of them, or nothing is taken', async (t) => {
  let [whole, refused] = [0, 0];
  for (const how of ['rename', 'in place', 'remove'] as const) {
    const { path } = company(t);
    // Few files: a reading has to fit between two moves.
    rmSync(join(path, 'servers'), { recursive: true });
    writeFileSync(join(path, 'policies/z.cedar'), staying.replaceAll('NAME', 'z') + moving);
    const writer = new Worker(new URL('../support/folder-writer.ts', import.meta.url), {
      workerData: { dir: path, how, restMs: 90, text: moving, beside: staying },
    });
    const broken = new Promise<never>((_, reject) => writer.on('error', reject));
    const until = performance.now() + 4000;
    const reader = async () => {
      for (let turn = 0; turn < 500 && performance.now() < until; turn++) {
        const read = await readFolder(path).catch((error: { code?: string; fix?: string }) => {
          assert.equal(error.code, 'unavailable');
          assert.match(error.fix ?? '', /Wait/);
        });
        // A file that is empty for a moment is an error of its own.
        if (read === undefined || read.problems.length > 0) refused++;
        else {
          whole++;
          const files = read.policies.filter(({ text }) => text.includes('"F-9"')).map(({ file }) => file);
          assert.notDeepEqual(
            files,
            [],
            `${how}: after ${whole} readings the rule is in none of ${read.policies.map(({ file }) => file).join(', ')}`,
          );
        }
      }
    };
    try {
      await Promise.race([broken, Promise.all(Array.from({ length: 6 }, reader))]);
    } finally {
      await writer.terminate();
    }
  }
  t.diagnostic(`${whole} whole, ${refused} refused`);
  assert.ok(whole > 100, `${whole} whole, ${refused} refused`);
});

/** One publisher on a folder of its own, and all that it published. */
async function publishing(t: TestContext) {
  const { path, write } = company(t);
  write('limits.yaml', 'concurrentCalls: 8\ncallsPerMinute: 30\n');
  write('org.yaml', `${orgYaml}required_scope: gatehouse\nminimum_app_version: 1.2.0\nagents: { other_servers: [] }\n`);
  write('policies/forbid.cedar', moving + staying.replaceAll('NAME', '1'));
  write('policies/main.cedar', policies.replace('@id("P-1")', '@id("P-1")\n@limit("5/hour")'));
  const published: { version: number; lacks: string[] }[] = [];
  const publisher = await publisherOf(t, path, ({ version, company: { policies: all, limits, identity, minimumVersion, agents } }) => {
    const has: [string, boolean][] = [
      ['F-9', all.some(({ id }) => id === 'F-9')],
      ['N-1', all.some(({ id }) => id === 'N-1')],
      ['@limit', all.every(({ id, annotations }) => id !== 'P-1' || annotations['limit'] === '5/hour')],
      ['limits', limits.callsPerMinute === 30 && limits.concurrentCalls === 8],
      ['agents', agents?.otherServers.length === 0],
      ['org', identity.required_scope === 'gatehouse' && minimumVersion === '1.2.0'],
    ];
    published.push({ version, lacks: has.filter(([, there]) => !there).map(([name]) => name) });
  });
  return { path, write, publisher, published };
}

test('slow writers: whatever they leave half done for a while, no version without its rules or limits is published', async (t) => {
  const texts = {
    'policies/forbid.cedar': moving + staying.replaceAll('NAME', '1'),
    'policies/main.cedar': policies.replace('@id("P-1")', '@id("P-1")\n@limit("5/hour")'),
    'limits.yaml': 'concurrentCalls: 8\ncallsPerMinute: 30\n',
    'org.yaml': `${orgYaml}required_scope: gatehouse\nminimum_app_version: 1.2.0\nagents: { other_servers: [] }\n`,
  };
  const seed = Number(process.env['SEED'] ?? 11);
  const slow = fc.record({
    file: fc.constantFrom(...(Object.keys(texts) as (keyof typeof texts)[])),
    how: fc.constantFrom('in two parts', 'removed and written again', 'without one line first', 'moved out and back'),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    ms: fc.integer({ min: 50, max: 2500 }),
  });
  const run = async (
    steps: ReturnType<typeof fc.sample<{ file: keyof typeof texts; how: string; cut: number; ms: number }>>,
    at: number,
  ) => {
    const { path, write, publisher, published } = await publishing(t);
    await pause(at * 37);
    for (const { file, how, cut, ms } of steps) {
      const text = texts[file];
      const lines = text.split('\n');
      const line = Math.floor(cut * (lines.length - 1));
      if (how === 'in two parts') {
        const end = lines.slice(0, line).join('\n').length;
        write(file, text.slice(0, end));
        await pause(ms);
        appendFileSync(join(path, file), text.slice(end));
      } else if (how === 'removed and written again') {
        rmSync(join(path, file));
        await pause(ms);
        write(file, text);
      } else if (how === 'without one line first') {
        write(file, lines.filter((_, index) => index !== line).join('\n'));
        await pause(ms);
        write(file, text);
      } else {
        renameSync(join(path, file), `${path}.out`);
        await pause(ms);
        renameSync(`${path}.out`, join(path, file));
      }
      await pause(ms / 4);
    }
    // What is whole again is in force, and nothing is left to say.
    for (let tries = 0; tries < 400 && publisher.problems().length > 0; tries++) await pause(25);
    assert.deepEqual(publisher.problems(), []);
    const told = `SEED=${seed}: ${JSON.stringify(steps)}`;
    assert.deepEqual(
      published.filter(({ lacks }) => lacks.length > 0),
      [],
      told,
    );
  };
  const plans = fc.sample(fc.array(slow, { minLength: 2, maxLength: 5 }), { numRuns: 24, seed });
  await Promise.all(plans.map(run));
});

test('a rule that is taken out on purpose goes once the folder has been still, and is named until then; what is stricter goes at once', async (t) => {
  const { path, write, publisher, published } = await publishing(t);
  const { version } = publisher.current();
  rmSync(join(path, 'policies/forbid.cedar'));
  for (let tries = 0; tries < 200 && publisher.problems().length === 0; tries++) await pause(25);
  assert.deepEqual(
    publisher.problems().map(({ severity, message }) => `${severity}: ${message}`),
    ['warning: The folder no longer has the forbid F-9, the forbid N-1. This is published when it has been still for 5 seconds.'],
  );
  assert.equal(publisher.current().version, version);
  for (let tries = 0; tries < 500 && published.length === 0; tries++) await pause(25);
  assert.deepEqual(published, [{ version: version + 1, lacks: ['F-9', 'N-1'] }]);
  assert.deepEqual(publisher.problems(), []);
  write('policies/forbid.cedar', forbid);
  for (let tries = 0; tries < 100 && published.length === 1; tries++) await pause(25);
  assert.equal(published.at(-1)?.version, version + 2, 'a forbid that is added waits for nothing');
});

type Plain = { [key: string]: unknown };
const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The objects in a value that have a member, each with the way to it. */
function objectsIn(value: unknown, way: string[] = []): string[][] {
  if (Array.isArray(value)) return value.flatMap((item, index) => objectsIn(item, [...way, String(index)]));
  if (!isPlain(value)) return [];
  return [
    ...(Object.keys(value).length > 0 ? [way] : []),
    ...Object.entries(value).flatMap(([key, item]) => objectsIn(item, [...way, key])),
  ];
}

interface Doubled {
  way: string[];
  /** Which of its members, and where the other one stands. */
  member: number;
  first: boolean;
  /** How the two are spelt; `value`: what the other one says, as JSON. */
  own: (key: string) => string;
  other: (key: string) => string;
  value: string;
}

/** As JSON, or as YAML in blocks, with one member of one object doubled. */
function written(value: unknown, doubled: Doubled | undefined, block: boolean, way: string[] = [], indent = ''): string {
  if (Array.isArray(value)) return `[${value.map((item, index) => written(item, doubled, false, [...way, String(index)])).join(', ')}]`;
  if (!isPlain(value)) return JSON.stringify(value);
  const here = doubled !== undefined && JSON.stringify(doubled.way) === JSON.stringify(way) ? doubled : undefined;
  const pairs = Object.entries(value).map(([key, item], index) => {
    const deeper = block && isPlain(item) && Object.keys(item).length > 0;
    const text = `${deeper ? '\n' : ''}${written(item, doubled, block, [...way, key], `${indent}  `)}`;
    const own = here?.member === index ? here.own(key) : JSON.stringify(key);
    return [`${own}: ${text}`];
  });
  if (here !== undefined) {
    const key = Object.keys(value)[here.member]!;
    const other = `${here.other(key)}: ${here.value}`;
    // A reference can only stand behind what it refers to.
    if (here.first && !here.other(key).startsWith('*')) pairs.unshift([other]);
    else pairs.push([other]);
  }
  return block
    ? pairs
        .flat()
        .map((pair) => `${indent}${pair}`)
        .join('\n')
    : `{${pairs.flat().join(', ')}}`;
}

const quoted = (key: string) => JSON.stringify(key);
const escaped = (key: string) => `"\\u${key.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(key.slice(1)).slice(1)}`;
const spellings: [own: (key: string) => string, other: (key: string) => string, yamlOnly: boolean][] = [
  [quoted, quoted, false],
  [quoted, escaped, false],
  [escaped, quoted, false],
  [quoted, (key) => `'${key}'`, true],
  [quoted, (key) => `!!str ${quoted(key)}`, true],
  [quoted, (key) => `? ${quoted(key)}\n`, true],
  [(key) => `&k ${quoted(key)}`, () => '*k ', true],
  [(key) => `&k ${quoted(key)}`, quoted, true],
];

test('a member that stands twice in any object of any file is refused, however it is spelt', async (t) => {
  const { path, write } = company(t);
  mkdirSync(join(path, 'remixes'));
  const contents: Record<string, unknown> = {
    'org.yaml': parse(orgYaml),
    'limits.yaml': { concurrentCalls: 8, callsPerMinute: 30 },
    'remixes/daily.yaml': {
      name: 'daily',
      title: 'Daily',
      tools: [{ server: 'wiki', tool: 'list', fixed: { project: { id: 'x' }, 5: 'five' } }],
    },
    'servers/wiki.json': serverJson('wiki'),
  };
  const texts = Object.entries(contents).map(([file, value]) => [file, value, objectsIn(value)] as const);
  for (const [file, value] of texts)
    for (const block of [false, !file.endsWith('.json')]) {
      write(file, written(value, undefined, block));
      assert.deepEqual(await errors(path), [], `${file} as it is`);
    }
  const cases = fc.constantFrom(...texts).chain(([file, value, ways]) =>
    fc.record({
      file: fc.constant(file),
      content: fc.constant(value),
      way: fc.constantFrom(...ways),
      at: fc.nat(),
      first: fc.boolean(),
      block: file.endsWith('.json') ? fc.constant(false) : fc.boolean(),
      spelling: fc.constantFrom(...spellings.filter(([, , yamlOnly]) => !yamlOnly || !file.endsWith('.json'))),
      same: fc.boolean(),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ file, content, way, at, first, block, spelling: [own, other], same }) => {
      const object = way.reduce<unknown>((inside, key) => (inside as Plain)[key], content) as Plain;
      const member = at % Object.keys(object).length;
      const [key, present] = Object.entries(object)[member]!;
      const explicit = other(key).startsWith('?');
      if (explicit && (!block || way.length > 0)) return;
      const value = same ? JSON.stringify(present) : '0';
      const text = written(content, { way, member, first, own, other: explicit ? () => `? ${quoted(key)}\n` : other, value }, block);
      write(file, text);
      const messages = await errors(path);
      write(file, written(content, undefined, block));
      assert.ok(
        messages.some((line) => line.startsWith(file) && /stands twice|not a reference/.test(line)),
        `${text}\n${messages.join('\n')}`,
      );
    }),
    { numRuns: 200, seed: 10, endOnFailure: true },
  );
});

test('keys that two readers of YAML take differently are refused', async (t) => {
  const { path, write } = company(t);
  for (const [text, wanted] of [
    ['%YAML 1.1\n---\ncallsPerMinute: 30\n<<: { concurrentCalls: 900 }\n', /YAML 1.2, not 1.1/],
    ['<<: { callsPerMinute: 0 }\n', /Unrecognized key/],
    ['&k callsPerMinute: 5\n*k : 0\n', /not a reference/],
    ['? [callsPerMinute]\n: 0\n', /not a list or a map/],
    ['callsPerMinute: 5\n---\ncallsPerMinute: 0\n', /multiple documents/],
  ] as const) {
    write('limits.yaml', text);
    assert.match((await errors(path)).join('\n'), wanted, text);
  }
  mkdirSync(join(path, 'remixes'));
  write('limits.yaml', 'callsPerMinute: 5\n');
  const remix = (fixed: string) => `name: daily\ntitle: Daily\ntools: [{ server: wiki, tool: list, fixed: { ${fixed} } }]\n`;
  for (const fixed of ['5: a, "5": b', '0x10: a, 16: b', '"": a, ~: b', 'true: a, "true": b']) {
    write('remixes/daily.yaml', remix(fixed));
    assert.match((await errors(path)).join('\n'), /remixes\/daily.yaml .* stands twice in one object/, fixed);
  }
  write('remixes/daily.yaml', remix('5: a, 6: b'));
  assert.deepEqual(await errors(path), []);
});
