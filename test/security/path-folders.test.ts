// A rule that forbids a folder holds all that is in it: by every spelling of its name, in the rule and in the call, and from above.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { compilePolicies } from '../../src/policy/authoring/compile.ts';
import { foldName } from '../../src/policy/deciding/fold.ts';
import { loadValidation } from '../../src/policy/deciding/validation.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';

await loadValidation();
const see = '@id("SEE") @reason("x") permit(principal, action == Action::"discover", resource);';
const all = `${see} @id("ALL") @reason("x") permit(principal, action, resource);`;
const string = { type: 'string' };
const schema = { type: 'object', properties: { path: string, other: string } };
const text = (name: string): string => JSON.stringify(name);
const forbid = (when: string): string =>
  `${all} @id("NO") @reason("Kept back.") forbid(principal, action == Action::"call", resource) ${when};`;

const problems = (policies: string) => compilePolicies([{ file: 'a.cedar', text: policies }], { servers: [], groups: [] }).problems;
const errors = (policies: string) => problems(policies).filter(({ severity }) => severity === 'error');

function decider(policies: string, { roots = ['/srv'], recursive }: { roots?: string[]; recursive?: boolean } = {}) {
  const fs = entry({ id: 'fs', url: 'http://127.0.0.1:9/mcp', roots, tools: [{ name: 't', inputSchema: schema }] });
  if (recursive !== undefined) fs.tools['t']!.recursive = recursive;
  const bundle = makeBundle({ servers: [fs], policies });
  const policy = openPolicy(bundle, { person: 'pat', device: { os: 'linux', appVersion: '0', managed: false }, now: Date.now });
  return (args: Record<string, unknown>) => policy.decide({ action: 'call', server: 'fs', name: 't', agent: 'a', args });
}

/** What file systems take for one name: without case, in any Unicode form, with letters that have another spelling, with what nobody sees. */
const sameNames: ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => name.toLowerCase(),
  (name) => name.normalize('NFC'),
  (name) => name.normalize('NFD'),
  (name) => name.normalize('NFKC'),
  (name) => name.replace(/k/gi, '\u212a'),
  (name) => name.replace(/s/gi, '\u017f'),
  (name) => name.replace(/ss/gi, '\u00df'),
  (name) => name.replace(/å/gi, '\u212b'),
  (name) => name.replace(/^./u, '$&\u200d'),
];
const letters = fc.constantFrom(
  'k',
  'K',
  's',
  'ss',
  'é',
  'e\u0301',
  '\u212a',
  'å',
  'ß',
  'Σ',
  'ς',
  'σ',
  'ﬁ',
  'İ',
  'ı',
  'x',
  '1',
  '-',
  ' a',
  '가',
  'ǰ',
  'ΐ',
  '\u1e9e',
  '\u0345a',
);
const name = fc.array(letters, { minLength: 1, maxLength: 5 }).map((parts) => `n${parts.join('')}n`);
const variant = fc
  .array(fc.constantFrom(...sameNames), { maxLength: 3 })
  .map((steps) => (folder: string) => steps.reduce((at, step) => step(at), folder));

test('names that some file system takes for one are one to what is forbidden', () => {
  fc.assert(
    fc.property(name, variant, variant, (folder, a, b) => {
      assert.equal(foldName(a(folder)), foldName(b(folder)));
      assert.equal(foldName(foldName(folder)), foldName(folder), 'what is folded stays as it is');
    }),
    { numRuns: 5000, seed: 2 },
  );
});

test('a forbidden folder is forbidden by every spelling of it, whichever the rule has', () => {
  let ran = 0;
  fc.assert(
    fc.property(name, name, variant, variant, fc.constantFrom('folders', 'paths'), (folder, below, inRule, inCall, fact) => {
      const literal = `/srv/top/${inRule(folder)}`;
      const decide = decider(forbid(`when { context.${fact}.contains(${text(literal)}) }`));
      const named = `/srv/top/${inCall(folder)}`;
      for (const asked of fact === 'folders' ? [named, `${named}/${below}`, `top/${inCall(folder)}/x`] : [named])
        assert.equal(decide({ path: asked }).effect, 'deny', `${text(literal)} ${text(asked)}`);
      // Nothing else is forbidden with it.
      assert.equal(decide({ path: '/srv/top/other' }).effect, 'allow');
      ran++;
    }),
    { numRuns: 60, seed: 4 },
  );
  assert.equal(ran, 60);
});

test('what stands above a forbidden folder reaches it, but where the tool is said to go no deeper', () => {
  const policies = forbid('when { context.folders.contains("/srv/top/secret") || context.paths.contains("/srv/top/file") }');
  const [decide, shallow] = [decider(policies), decider(policies, { recursive: false })];
  for (const place of ['/srv/top', '/srv', '/', 'top', '.', '/srv/TOP/', '/srv/top/x/..', 'file:///srv/top']) {
    assert.equal(decide({ path: place }).rule, 'NO', place);
    assert.equal(decide({ path: '/srv/ok', other: place }).rule, 'NO', `beside another: ${place}`);
    assert.equal(shallow({ path: place }).effect, 'allow', place);
  }
  for (const place of ['/srv/top/secret', '/srv/top/secret/a', '/srv/top/file']) assert.equal(shallow({ path: place }).rule, 'NO', place);
  for (const place of ['/srv/other', '/srv/top/secrets', '/srv/to', '/srv/top/files'])
    assert.equal(decide({ path: place }).effect, 'allow', place);
  // The same said as what a permit asks for, of several at once, from the right, and in the other kinds of clause.
  for (const [policy, denied] of [
    [
      `${see} @id("P") @reason("x") permit(principal, action == Action::"call", resource) when { !context.folders.contains("/srv/top/secret") };`,
      '/srv/top',
    ],
    [
      `${see} @id("P") @reason("x") permit(principal, action == Action::"call", resource) unless { context.folders.contains("/srv/top/secret") };`,
      '/srv/top',
    ],
    [forbid('when { context.folders.containsAny(["/srv/a/b", "/srv/top/secret"]) }'), '/srv/a'],
    [forbid('when { ["/srv/a/b", "/srv/top/secret"].containsAny(context.folders) }'), '/srv/top'],
    [forbid('when { context.folders.containsAll(["/srv/a/b", "/srv/top/secret"]) }'), '/srv'],
    [forbid('when { if context.device.managed then true else context.paths.contains("/srv/top/secret") }'), '/srv/top'],
  ] as const)
    for (const [place, effect] of [
      [denied, 'deny'],
      ['/srv/other', 'allow'],
    ])
      assert.equal(decider(policy)({ path: place }).effect, effect, `${policy} ${place}`);
});

test('a path in a rule either does what it says or is refused with what to write', () => {
  const dressings: ((folder: string) => string)[] = [
    (folder) => folder,
    (folder) => `${folder}/`,
    (folder) => folder.replaceAll('/', '//').slice(1),
    (folder) => folder.replace('/srv/', '/srv/./'),
    (folder) => `${folder}/x/..`,
    (folder) => `${folder}/*`,
    (folder) => `${folder}/**`,
    (folder) => ` ${folder}`,
    (folder) => folder.slice(1),
    (folder) => `~${folder}`,
    (folder) => `$HOME${folder}`,
    (folder) => `file://${folder}`,
    (folder) => `//${folder}`,
    (folder) => folder.replaceAll('/', '\\'),
    (folder) => folder.replace(/\/([^/]*)$/, '/{$1,x}'),
    (folder) => folder.normalize('NFD'),
    () => '',
  ];
  const seen = { brought: 0, refused: 0 };
  fc.assert(
    fc.property(fc.constantFrom(...dressings), name, (dress, folder) => {
      const literal = dress(`/srv/${folder}`);
      const rule = forbid(`when { context.folders.contains(${text(literal)}) }`);
      const [error] = errors(rule);
      if (error) {
        seen.refused++;
        assert.match(error.message, /^context\.folders never has /);
        return void assert.ok(error.fix.length > 10);
      }
      seen.brought++;
      assert.equal(decider(rule)({ path: `/srv/${folder}/x` }).rule, 'NO', literal);
    }),
    { numRuns: 120, seed: 8 },
  );
  assert.ok(seen.brought > 20 && seen.refused > 50, JSON.stringify(seen));
  for (const [literal, fix] of [
    ['/srv/../etc', 'did you mean "/etc"?'],
    ['srv/secret', 'did you mean "/srv/secret"?'],
    ['/srv/secret/*', 'did you mean "/srv/secret"? All that is below it counts'],
    ['file:///srv/a%20b', 'did you mean "/srv/a b"?'],
    ['/srv/secret ', 'did you mean "/srv/secret"?'],
    ['//srv/secret', String.raw`write "/srv/secret" for a folder, or "\\\\srv\\secret" for a share`],
  ] as const)
    assert.equal(errors(forbid(`when { context.folders.contains(${text(literal)}) }`))[0]?.fix, fix, literal);
  const windows = decider(forbid('when { context.folders.contains("c:\\\\Srv\\\\Secret\\\\") }'), { roots: ['C:\\srv'] });
  for (const place of ['C:\\srv\\secret\\x', 'secret/x', 'C:/SRV', '.']) assert.equal(windows({ path: place }).rule, 'NO', place);
  assert.equal(windows({ path: 'other' }).effect, 'allow');
});

test('a path in a permit is that path alone', () => {
  const permit = (literal: string) =>
    `${see} @id("IN") @reason("x") permit(principal, action == Action::"call", resource) when { context.within.contains(${text(literal)}) };`;
  for (const literal of ['/srv/Café', '/srv/Cafe\u0301', '/srv//Café/', '/srv/./Café']) {
    const decide = decider(permit(literal));
    for (const place of ['/srv/Café', '/srv/Café/x', 'Café/x'])
      assert.equal(decide({ path: place }).effect, 'allow', `${literal} ${place}`);
    for (const place of ['/srv/café', '/srv/CAFÉ/x', '/srv/Cafe/x', '/srv', '/srv/Café/../x', '/srv/Café/x,/srv/y'])
      assert.equal(decide({ path: place }).effect, 'deny', `${literal} ${place}`);
  }
  for (const literal of ['/srv/\uff21', '/srv/a%20b', '/srv/100%', '/srv/\ufb01x'])
    assert.equal(errors(permit(literal)).length, 1, literal);
});

test('what cannot be said of a path for certain is no rule', () => {
  for (const clause of [
    'when { ["/a"].containsAll(context.paths) }',
    'when { context.folders == ["/a"] }',
    'when { context.paths.contains(context.args.path) }',
    'when { (if context.folders.contains("/a") then 1 else 2) == 1 }',
    'when { if context.folders.contains("/a") then false else true }',
    'when { context.paths.contains("/a") == true }',
    'when { [context.within.contains("/a")].contains(false) }',
  ])
    assert.ok(
      errors(forbid(clause)).some(({ message }) => /not asked for paths|compared, or chosen by/.test(message)),
      clause,
    );
  const warnings = (policies: string) => problems(policies).filter(({ fix }) => /^write context\./.test(fix));
  assert.equal(warnings(forbid('when { context.within.contains("/a") }'))[0]?.fix, 'write context.folders.contains("/a")');
  assert.equal(warnings(forbid('unless { context.folders.contains("/a") }'))[0]?.fix, 'write context.within.contains("/a")');
  assert.deepEqual(
    warnings(forbid('unless { context.within.contains("/a") && !context.paths.contains("/a/b") && !context.paths.isEmpty() }')),
    [],
  );
});

const program = path.resolve('node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');

async function server(t: TestContext, secret: string, rule: (root: string) => string) {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'gatehouse-folders-')));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of [`top/${secret}/inner`, 'top/open', 'other']) mkdirSync(path.join(root, folder), { recursive: true });
  for (const file of [`top/${secret}/plan.txt`, `top/${secret}/inner/deep.txt`]) writeFileSync(path.join(root, file), 'CONFIDENTIAL');
  writeFileSync(path.join(root, 'top/open/a.txt'), 'for all');
  const tool = (toolName: string, ...names: string[]) => ({
    name: toolName,
    inputSchema: { type: 'object', properties: Object.fromEntries(names.map((argument) => [argument, string])) },
  });
  const fs = entry({
    id: 'fs',
    launch: { command: process.execPath, args: [program, root] },
    era: 'legacy',
    roots: [root],
    tools: [
      ...['read_text_file', 'list_directory', 'directory_tree', 'create_directory', 'get_file_info'].map((toolName) =>
        tool(toolName, 'path'),
      ),
      tool('search_files', 'path', 'pattern'),
      tool('move_file', 'source', 'destination'),
      tool('write_file', 'path', 'content'),
      { name: 'read_multiple_files', inputSchema: { type: 'object', properties: { paths: { type: 'array', items: string } } } },
    ],
  });
  fs.tools['search_files']!.arguments = { pattern: 'text' };
  fs.tools['write_file']!.arguments = { content: 'text' };
  for (const toolName of ['list_directory', 'get_file_info', 'create_directory']) fs.tools[toolName]!.recursive = false;
  const gateway = await openTestGateway(
    makeBundle({ servers: [fs], policies: forbid(`when { context.folders.contains(${text(rule(root))}) }`) }),
  );
  t.after(() => gateway.close());
  const session = await legacySession(gateway.url, gateway.token);
  const call = async (toolName: string, args: object) =>
    (await session.send('tools/call', { name: `fs__${toolName}`, arguments: args })).text;
  const whole = () =>
    ['plan.txt', 'inner/deep.txt'].every(
      (file) =>
        existsSync(path.join(root, `top/${secret}`, file)) &&
        readFileSync(path.join(root, `top/${secret}`, file), 'utf8') === 'CONFIDENTIAL',
    );
  return { root, call, whole };
}

test('with the filesystem server nothing of a forbidden folder is read, listed, changed or moved away, in whatever order', {
  timeout: 60_000,
}, async (t) => {
  const { root, call, whole } = await server(t, 'secret', (base) => `${base}/top/secret`);
  const place = fc.constantFrom(
    ...[
      root,
      'top',
      'top/secret',
      'top/secret/plan.txt',
      'top/secret/inner',
      'top/open',
      'other',
      '.',
      'top/open/..',
      'top/../top',
      'moved',
      'moved/secret/plan.txt',
      'other/top/secret/plan.txt',
      'top/new',
      `${root}/`,
      `${root}/top/.`,
      'top/open/a.txt',
      '"top"',
      ' top',
    ],
  );
  const step = fc.oneof(
    fc
      .tuple(fc.constantFrom('read_text_file', 'list_directory', 'directory_tree', 'create_directory', 'get_file_info'), place)
      .map(([toolName, at]) => [toolName, { path: at }] as const),
    fc.tuple(place, place).map(([source, destination]) => ['move_file', { source, destination }] as const),
    fc
      .tuple(place, fc.constantFrom('**/*.txt', '**', 'secret/**'))
      .map(([at, pattern]) => ['search_files', { path: at, pattern }] as const),
    fc.tuple(place, place).map(([a, b]) => ['read_multiple_files', { paths: [a, b] }] as const),
    place.map((at) => ['write_file', { path: at, content: 'written' }] as const),
  );
  const seen = { passed: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 8 }), async (steps) => {
      for (const [toolName, args] of steps) {
        const said = await call(toolName, args);
        if (/Kept back|could not be applied/.test(said)) seen.refused++;
        else seen.passed++;
        const told = JSON.stringify([toolName, args]);
        assert.doesNotMatch(said, /CONFIDENTIAL/, told);
        assert.doesNotMatch(said, /deep\.txt/, told);
        assert.ok(whole(), `the folder is as it was: ${told}`);
      }
    }),
    {
      numRuns: 120,
      seed: 6,
      examples: [
        [
          [
            ['move_file', { source: 'top', destination: 'moved' }],
            ['read_text_file', { path: 'moved/secret/plan.txt' }],
          ],
        ],
        [[['directory_tree', { path: 'top' }]]],
        [[['search_files', { path: root, pattern: '**/*.txt' }]]],
      ],
    },
  );
  assert.ok(seen.passed > 50 && seen.refused > 50, JSON.stringify(seen));
  assert.match(await call('list_directory', { path: 'top' }), /\[DIR\] open/, 'a list of names goes no deeper');
});

for (const [title, onDisk, inRule, asked] of [
  ['composed, of one that is decomposed', 'se\u0301cret', 'se\u0301cret', 's\u00e9cret'],
  ['decomposed, of one that is composed in the rule', 's\u00e9cret', 's\u00e9cret', 'se\u0301cret'],
  ['in the letter k, of one with the sign of kelvin', 'Kelvin\u212a', 'Kelvin\u212a', 'KelvinK'],
  ['with the sign of kelvin, of one with the letter k', 'KelvinK', 'KelvinK', 'Kelvin\u212a'],
] as const)
  test(`with the filesystem server a folder is forbidden by its name ${title}`, async (t) => {
    const { root, call, whole } = await server(t, onDisk, (base) => `${base}/top/${inRule}`);
    for (const folder of [onDisk, inRule, asked, asked.toUpperCase()])
      for (const at of [`${root}/top/${folder}/plan.txt`, `top/${folder}/plan.txt`]) {
        const said = await call('read_text_file', { path: at });
        assert.doesNotMatch(said, /CONFIDENTIAL/, text(at));
        assert.match(said, /Kept back/, text(at));
      }
    assert.match(await call('read_text_file', { path: 'top/open/a.txt' }), /for all/);
    assert.ok(whole());
  });
