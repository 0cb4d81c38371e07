// A rule that holds an agent in a folder is worth as much as what it takes for a path. Servers trim, decode, unquote, compose and turn slashes.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ArgumentKind, ServerEntry } from '../../src/bundle/schema.ts';
import { pathFacts } from '../../src/policy/deciding/derive.ts';
import { placeOf } from '../../src/policy/deciding/paths.ts';
import { loadValidation } from '../../src/policy/deciding/validation.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';

await loadValidation();
const see = '@id("SEE") @reason("x") permit(principal, action == Action::"discover", resource);';
const inPress = `${see} @id("IN") @reason("x") permit(principal, action == Action::"call", resource) when { context.within.contains("/srv/press") };`;
const texts = { type: 'object', properties: { source: { type: 'string' }, destination: { type: 'string' }, note: {} } };

function server(roots: string[], kinds: Record<string, ArgumentKind> = {}): ServerEntry {
  const fs = entry({ id: 'fs', url: 'http://127.0.0.1:9/mcp', roots, tools: [{ name: 'move', inputSchema: texts }] });
  fs.tools['move']!.arguments = kinds;
  return fs;
}

function decider(policies: string, roots: string[], kinds?: Record<string, ArgumentKind>) {
  const bundle = makeBundle({ servers: [server(roots, kinds)], policies });
  const policy = openPolicy(bundle, { person: 'pat', device: { os: 'linux', appVersion: '0', managed: false }, now: Date.now });
  return (args: Record<string, unknown>) => policy.decide({ action: 'call', server: 'fs', name: 'move', agent: 'a', args });
}

const source = '/srv/press/a.md';
/** Each leads out of /srv/press, or may on some system, or cannot be told. */
const spellings = [
  ...[
    'x y/../firmware/victim.md',
    'x\n/../../firmware/victim.md',
    'firmware',
    '../firmware',
    'a/../../..',
    '/srv/press/../firmware',
    '/srv//press/./../x',
  ],
  ...[
    '/srv/press/a/..\\..\\..\\x',
    '\\srv\\press\\..\\x',
    '/srv/press/..\\x',
    '/srv/press/%2e%2e/x',
    '/srv/press/%252e%252e/x',
    '/srv/press/%25252e%25252e/x',
  ],
  ...[
    '/srv/press/..%2fx',
    '/srv/press%2f..%2fx',
    '/srv/press/%2e./x',
    '/srv/press/..%5cx',
    '%2fetc%2fpasswd',
    '/srv/press/%c0%ae%c0%ae/x',
    '/srv/press/%zz',
    '/srv/press/%u002e',
  ],
  ...[
    '/srv/press/\uff0e\uff0e/x',
    '/srv/press/\u2025/x',
    '/srv/press/..\uff0fx',
    '/srv/press/..\u2215x',
    '/srv/press/.\u200b./x',
    '/srv/press/\u2024\u2024/x',
    '/srv/press/\uff05\uff12e./x',
  ],
  ...['/srv/press/.. /x', '/srv/press/.. ./x', '/srv/press/.../x', '/srv/press/..::$INDEX_ALLOCATION/x', '/srv/press/..:a/x'],
  ...[
    ' /etc/passwd',
    '\t/etc/passwd\n',
    '"/etc/passwd"',
    "'/etc/passwd'",
    ' " /etc/passwd " ',
    '/srv/press/.\n./x',
    '/etc/\u0000',
    '/srv/press/\u0000/../x',
    '\ud800',
    '',
  ],
  ...[
    'file:///etc/passwd',
    'file:/etc/passwd',
    'FILE:///srv/press/%2e%2e/x',
    'file://localhost/etc',
    'file://srv/press/x',
    'file:///srv/press/../x',
    'file://[bad',
    'git+file:///etc/x',
  ],
  ...[
    'C:\\Windows',
    'c:/windows',
    'C:firmware',
    '\\\\host\\share\\x',
    '//host/share/x',
    '\\\\?\\C:\\x',
    '\\\\.\\PhysicalDrive0',
    '\\??\\C:\\x',
    '//?/UNC/host/share/x',
  ],
  ...[
    '~',
    '~/x',
    '~user/x',
    '$HOME/x',
    '/srv/press/$OLDPWD/x',
    '${'.concat('HOME}'),
    '%USERPROFILE%\\x',
    '$(pwd)',
    '`pwd`',
    '/proc/self/root/etc/passwd',
    '/dev/fd/3',
  ],
  ...[
    `/srv/press/${'x'.repeat(5000)}`,
    `/srv/press/${'\ufdfa'.repeat(2000)}`,
    'http://[bad',
    'http://evil.example/../x',
    `/srv/press/${'%25'.repeat(20)}2e`,
  ],
];

/** On Windows these are no files of the folder, and on a server without roots nobody knows. */
const devices = ['NUL', 'con.txt', 'COM\u00b9', 'Lpt1 .x', 'aux:a'];

test('names of devices and short names are no files of a folder on Windows', () => {
  const windows = decider(inPress.replaceAll('/srv/press', 'C:/srv/press'), ['C:\\srv\\press']);
  for (const destination of ['b.md', 'C:\\srv\\press\\x', '/srv/press/y', 'nulls', '\\\\?\\c:\\srv\\press\\b'])
    assert.equal(windows({ source: 'a', destination }).effect, 'allow', destination);
  for (const name of devices) {
    assert.equal(windows({ source: 'a', destination: name }).effect, 'deny', name);
    assert.equal(decider(inPress, [])({ source, destination: `/srv/press/${name}` }).effect, 'deny', name);
  }
  for (const destination of ['PROGRA~1', 'C:b', 'D:\\srv\\press', '\\\\h\\srv\\press', '/c/x', '..', '.. \\x', '//./C:/srv/press/../x'])
    assert.equal(windows({ source: 'a', destination }).effect, 'deny', destination);
});

for (const [title, roots] of [
  ['without roots', []],
  ['with a root', ['/srv']],
  ['with two roots', ['/srv/press/deep', '/srv/shop']],
] as const)
  test(`no spelling gets out of its folder ${title}`, () => {
    const decide = decider(inPress, [...roots]);
    for (const text of spellings) {
      const said = decide({ source, destination: text });
      assert.equal(said.effect, 'deny', JSON.stringify(text));
      assert.equal(decide({ source, note: [{ a: [text] }] }).effect, 'deny', `inside: ${JSON.stringify(text)}`);
      assert.equal(decide({ source, note: { [text]: 1 } }).effect, 'deny', `as a name: ${JSON.stringify(text)}`);
    }
    for (const destination of [
      '/srv/press',
      '/srv/press/b c.md',
      '/srv/press/é/ü.md',
      '/srv/press/x/../b',
      '/srv/press/%20',
      '/srv/press/a..b/...c',
    ])
      assert.equal(decide({ source, destination }).effect, 'allow', destination);
  });

test('relative names are below the root, whatever is in them; declared text is no path', () => {
  const decide = decider(inPress, ['/srv/press'], { note: 'text' });
  for (const destination of ['b.md', 'b c/d', 'x/../y', '.', 'a\nb'])
    assert.equal(decide({ source, destination }).effect, 'allow', destination);
  for (const note of spellings) assert.equal(decide({ source, note: { [note]: [note] } }).effect, 'allow', JSON.stringify(note));
});

const unclear = [
  '\u0000',
  '/srv/%zz',
  'http://[bad',
  'C:firmware',
  '$HOME/x',
  '~user',
  'plain',
  '/srv/press/nul',
  `/${'x'.repeat(5000)}`,
  '\ud800',
  '//./pipe/x\\..',
];
for (const [title, rule] of [
  ['a permit', inPress],
  [
    'a forbid with contains',
    `${see} @id("ALL") @reason("x") permit(principal, action, resource); @id("NO") @reason("x") forbid(principal, action == Action::"call", resource) when { context.paths.contains("/etc/passwd") };`,
  ],
  [
    'a forbid with folders',
    `${see} @id("ALL") @reason("x") permit(principal, action, resource); @id("NO") @reason("x") forbid(principal, action == Action::"call", resource) when { context.folders.contains("/etc") };`,
  ],
  [
    'a forbid with unless',
    `${see} @id("ALL") @reason("x") permit(principal, action, resource); @id("NO") @reason("x") forbid(principal, action == Action::"call", resource) unless { context.within.contains("/srv") };`,
  ],
] as const)
  test(`what cannot be told denies: ${title}`, () => {
    const decide = decider(rule, []);
    assert.equal(decide({ source }).effect, 'allow');
    for (const destination of unclear) {
      const said = decide({ source, destination });
      assert.equal(said.rule, 'gatehouse:policy-error', `${JSON.stringify(destination)} ${said.reason}`);
      assert.match(said.reason, /cannot be told: the argument "destination" /);
    }
    assert.equal(decide({ source, note: Array.from({ length: 300 }, () => '/srv/press') }).effect, 'deny');
    let deep: unknown = '/etc/passwd';
    for (let at = 0; at < 60; at++) deep = [deep];
    assert.equal(decide({ source, note: deep }).effect, 'deny');
  });

test('a rule that does not ask for paths is not troubled by what they are', () => {
  const decide = decider(
    `${see} @id("ALL") @reason("x") permit(principal, action, resource) unless { context.args has source && context.args.source == "no" };`,
    [],
  );
  for (const destination of unclear) assert.equal(decide({ source: 'yes', destination }).effect, 'allow', JSON.stringify(destination));
});

test('a host that cannot be read denies, and every spelling of one is one', () => {
  const decide = decider(
    `${see} @id("GOOD") @reason("x") permit(principal, action, resource) when { ["good.example"].containsAll(context.hosts) };`,
    [],
    { destination: 'url' },
  );
  for (const destination of [
    'http://[bad',
    'evil.example',
    'evil',
    ' http://evil.example',
    'h\nttp://evil.example',
    'http%3a%2f%2fevil.example',
    '//evil.example',
    '/\\evil.example',
    'http:evil.example',
    '\uff48ttp://evil.example',
    'http://good.example@evil.example',
    '2130706433',
    '\u0001http://evil.example',
    'view-source:http://evil.example',
    '[::1]',
    `http://evil.example/${'x'.repeat(5000)}`,
  ])
    assert.equal(decide({ destination }).effect, 'deny', JSON.stringify(destination));
  for (const note of ['evil.example/x', 'http://evil.example', '127.0.0.1', 'localhost:80'])
    assert.equal(decide({ destination: 'http://good.example', note }).effect, 'deny', note);
  for (const destination of ['https://GOOD.example:8443/a b', 'good.example.', '/relative'])
    assert.equal(decide({ destination }).effect, 'allow', destination);
});

/** What servers do to a text before they resolve it. */
const habits: ((text: string) => string)[] = [
  (text) => text,
  (text) => text.trim(),
  (text) => text.trim().replace(/^["']|["']$/g, ''),
  (text) => text.replace(/[\t\r\n]/g, ''),
  (text) => text.normalize('NFKC'),
  (text) => text.normalize('NFC'),
  (text) => text.replaceAll('\\', '/'),
  decodeURIComponent,
  (text) => decodeURIComponent(decodeURIComponent(text)),
  (text) => (/^file:/i.test(text) ? decodeURIComponent(new URL(text).pathname) : text),
  (text) => text.replace(/^file:\/\//i, ''),
];
/** What Windows does last of all. */
const endings: ((text: string) => string)[] = [
  (text) => text,
  ...['.', '..'].map(
    (dots) => (text: string) =>
      text
        .split('/')
        .map((name) =>
          /^\.{0,2}$/.test(name) ? name : /^[. ]+$/.test(name) ? (name.includes('..') ? dots : '.') : name.replace(/[. ]+$/, ''),
        )
        .join('/'),
  ),
];
const nasty = fc.constantFrom(
  ...[
    '..',
    '.',
    'press',
    'srv',
    'x y',
    'firmware',
    '.. ',
    '...',
    '%2e%2e',
    '%252e%252e',
    '\uff0e\uff0e',
    '..%2f',
    '\u2025',
    'a\n',
    '',
    ' ',
    '~',
    'C:',
    'c:',
    '?',
    'e\u0301',
    '"',
    '..%5c..',
    'nul',
    '%',
    '\u200b..',
    'file:',
    'a:b',
    '\t..',
  ],
);
const start = fc.constantFrom(
  '',
  '/',
  '/srv/press/',
  '//',
  '\\\\',
  ' /',
  '"/',
  'file://',
  'file:/',
  'C:/',
  'C:\\srv\\press\\',
  './',
  '%2f',
  '/srv/press/x/',
);
const spelling = fc
  .tuple(start, fc.array(fc.tuple(nasty, fc.constantFrom('/', '/', '/', '\\', '//', '%2f', '\uff0f')), { maxLength: 7 }))
  .map(([first, parts]) => first + parts.flat().join(''));

test('within holds no folder that any way to resolve the text leaves', () => {
  let held = 0;
  fc.assert(
    fc.property(spelling, fc.constantFrom(['/srv/press'], ['/srv'], ['/srv/press', '/srv/shop'], ['C:\\srv\\press']), (text, roots) => {
      const shape = { members: new Map([['p', { members: new Map() }]]) };
      const facts = pathFacts({ value: { p: text }, shape, place: placeOf(roots, false), recursive: true }, () => {});
      if (!facts) return;
      const windows = roots[0]!.startsWith('C');
      const { resolve } = windows ? path.win32 : path.posix;
      for (const first of habits)
        for (const [second, last] of habits.flatMap((habit) => endings.map((ending) => [habit, ending] as const)))
          for (const root of roots) {
            let to: string;
            try {
              to = resolve(root, last(second(first(text))));
            } catch {
              continue;
            }
            // A drive as a device is the same drive.
            const led = to
              .replaceAll('\\', '/')
              .replace(/^\/\/[?.]\/(?=[a-z]:)/i, '')
              .replace(/(?<=.)\/$/, '');
            for (const folder of facts.within) {
              const edge = folder.endsWith('/') ? folder : `${folder}/`;
              assert.ok(
                `${led}/`.toLowerCase().startsWith(edge.toLowerCase()),
                `${JSON.stringify(text)} leads to ${led}, within says ${folder}`,
              );
            }
            if (facts.within.length > 2) held++;
          }
    }),
    { numRuns: 6000, seed: 7 },
  );
  assert.ok(held > 1000, `${held}`);
});

test('the filesystem server writes nothing outside the folder that it is allowed', { timeout: 120_000 }, async (t) => {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'gatehouse-paths-')));
  t.after(() => rm(root, { recursive: true, force: true }));
  const press = path.join(root, 'press');
  for (const name of ['press/deep', 'firmware', 'x y']) await mkdir(path.join(root, name), { recursive: true });
  await writeFile(path.join(root, 'firmware/victim.md'), 'untouched');
  await writeFile(path.join(root, 'top.md'), 'untouched');
  const outside = async () => {
    const all = (await readdir(root, { recursive: true, withFileTypes: true })).filter(
      (file) => file.isFile() && !`${file.parentPath}/`.startsWith(`${press}/`),
    );
    return Promise.all(
      all.map(async (file) => [path.join(file.parentPath, file.name), await readFile(path.join(file.parentPath, file.name), 'utf8')]),
    );
  };
  const before = await outside();
  const program = path.resolve('node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');
  const string = { type: 'string' };
  const fs = entry({
    id: 'fs',
    launch: { command: process.execPath, args: [program, root] },
    era: 'legacy',
    roots: [root],
    tools: [
      { name: 'move_file', inputSchema: { type: 'object', properties: { source: string, destination: string } } },
      { name: 'write_file', inputSchema: { type: 'object', properties: { path: string, content: string } } },
    ],
  });
  fs.tools['write_file']!.arguments = { content: 'text' };
  const policies = `${see} @id("IN") @reason("x") permit(principal, action == Action::"call", resource) when { context.within.contains(${JSON.stringify(press)}) };`;
  const gateway = await openTestGateway(makeBundle({ servers: [fs], policies }));
  t.after(() => gateway.close());
  const session = await legacySession(gateway.url, gateway.token);
  const head = fc.constantFrom(
    '',
    './',
    `${root}/`,
    ' ',
    `"${press}/`,
    `file://${press}/`,
    'x y/',
    '/',
    ...[1, 2, 3, 4].map(() => `${press}/deep/`),
  );
  const step = fc.constantFrom(
    '..',
    '..',
    'firmware',
    'press',
    'x y',
    '.',
    '.',
    'deep',
    'x\n',
    '.. ',
    '%2e%2e',
    '\uff0e\uff0e',
    '..\\',
    '',
  );
  const last = fc.constantFrom('victim.md', 'new.md', 'top.md', 'firmware/new.md', 'firmware/victim.md');
  const to = fc.tuple(head, fc.array(step, { maxLength: 4 }), last).map(([first, steps, end]) => first + [...steps, end].join('/'));
  let passed = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(to, fc.boolean(), async (text, move) => {
      const from = path.join(press, 'source.md');
      if (move) await writeFile(from, 'moved');
      const call = move
        ? { name: 'fs__move_file', arguments: { source: from, destination: text } }
        : { name: 'fs__write_file', arguments: { path: text, content: '../../x %zz' } };
      const answer = (await session.send('tools/call', call)).text;
      if (/Successfully/.test(answer)) passed++;
      else if (/No company rule|could not be applied/.test(answer)) refused++;
      assert.deepEqual(await outside(), before, JSON.stringify(text));
    }),
    {
      numRuns: 400,
      seed: 3,
      examples: [
        ['x y/../firmware/moved.md', true],
        ['firmware/moved.md', true],
        ['x\n/../firmware/moved.md', true],
        [`${press}/plain.md`, false],
      ],
    },
  );
  assert.ok(passed > 10 && refused > 100, `${passed} passed, ${refused} refused`);
});
