// A text that is a pattern, a list or an option is not the path that it looks like. The readers here are real: Node's and bash's own.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import type { ArgumentKind } from '../../src/bundle/schema.ts';
import { broadly } from '../../src/policy/authoring/path-literals.ts';
import { pathFacts } from '../../src/policy/deciding/derive.ts';
import { piecesOf } from '../../src/policy/deciding/lists.ts';
import { placeOf } from '../../src/policy/deciding/paths.ts';
import { Underivable } from '../../src/policy/deciding/readings.ts';

function tree(t: TestContext): string {
  const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'gatehouse-patterns-')));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  // So deep that no pattern climbs out of it and looks at all of this machine.
  const root = path.join(base, '1/2/3/4/5/6/7/8');
  for (const folder of ['ok/x', 'ok/deep/a', 'secret/ok', 'x']) mkdirSync(path.join(root, folder), { recursive: true });
  for (const file of ['ok/f', 'ok/x/f', 'ok/deep/a/f.ts', 'secret/f', 'secret/ok/f', 'x/f', 'top.ts', 'ok/.h', '.h'])
    writeFileSync(path.join(root, file), 'x');
  return root;
}

const facts = (text: string, roots: string[], kind: ArgumentKind | undefined, recursive = false) =>
  pathFacts(
    {
      value: { p: text },
      shape: { members: new Map([['p', { ...(kind && { kind }), members: new Map() }]]) },
      place: placeOf(roots, false),
      recursive,
    },
    () => {},
  );

/** Where a text leads must be held by what the facts say: below all of `within`, and met by a rule that forbids the folder that it is in. */
function holds(told: NonNullable<ReturnType<typeof facts>>, led: readonly string[], text: string, forbidden: string): void {
  const wanted = broadly(forbidden);
  for (const destination of led) {
    for (const folder of told.within)
      assert.ok(
        `${destination}/`.startsWith(folder.replace(/\/?$/, '/')),
        `${JSON.stringify(text)} leads to ${destination}, within says ${folder}`,
      );
    if (`${destination}/`.startsWith(`${forbidden}/`))
      assert.ok(
        wanted.some((form) => told.folders.includes(form)),
        `${JSON.stringify(text)} leads to ${destination} in ${forbidden}, folders say ${told.folders.join(' ')}`,
      );
  }
}

const names = [
  '..',
  '.',
  'ok',
  'x',
  'secret',
  'f',
  'deep',
  '*',
  '**',
  '?',
  'se*',
  'secre?',
  '*.ts',
  '*.{ts,js}',
  '[a-z]*',
  '.*',
  '.?',
  '[!a]*',
  '??',
];
const climbing = [
  '{..,x}',
  '[.][.]',
  '.{.,x}',
  '{.,x}.',
  '@(..|x)',
  '+(.)',
  '[.].',
  '{x,../secret}',
  '\\.\\.',
  '..\\',
  '[!a][!a]',
  '{,x}',
  '{-..0}{-..0}',
  's\\ecret',
];

/** Bash does braces, classes and `extglob` in its own way; all patterns in one process. */
function bash(patterns: readonly string[], cwd: string): string[][] {
  const script =
    'list() { printf "%s\\n" "$@"; }; shopt -s extglob globstar nullglob; shopt -u globskipdots 2>/dev/null; while IFS= read -r p; do eval "list $p" 2>/dev/null; echo "==="; done';
  // Where there is no bash, Node's own reader has to do.
  if (process.platform === 'win32') return patterns.map(() => []);
  const out = execFileSync('bash', ['-c', script], { cwd, input: `${patterns.join('\n')}\n`, encoding: 'utf8', maxBuffer: 1 << 27 });
  return out
    .split('===\n')
    .slice(0, -1)
    .map((section) => section.split('\n').filter((name) => name !== ''));
}

test('no pattern that a reader of patterns expands gets out of its folder or into a forbidden one', (t) => {
  const root = tree(t);
  const ok = path.join(root, 'ok');
  const part = fc.oneof(fc.constantFrom(...names), fc.constantFrom(...climbing));
  const start = fc.constantFrom('', '', './', `${ok}/`, `${root}/`, `{${root},x}/`, `{,x}${root}/`, `@(${ok}|x)/`, '!', `x*,${root}/`);
  const generated = fc
    .tuple(start, fc.array(part, { minLength: 1, maxLength: 4 }))
    // More than one of them take readers of patterns minutes.
    .filter(([, parts]) => parts.filter((part) => part === '**').length < 2)
    .map(([first, parts]) => first + parts.join('/'));
  const patterns = [...new Set([`${ok}/{..,x}/secret/*`, `${ok}/[.][.]/secret/*`, ...fc.sample(generated, { numRuns: 400, seed: 11 })])];
  const expanded = new Map([root, ok].map((cwd) => [cwd, bash(patterns, cwd)]));
  const seen = { told: 0, patterns: 0, outside: 0 };
  for (const [at, text] of patterns.entries())
    for (const cwd of [root, ok]) {
      const readers = [() => globSync(text, { cwd }), () => expanded.get(cwd)![at]!];
      const led = readers.flatMap((reader) => {
        try {
          return reader().map((name) => path.resolve(cwd, name));
        } catch {
          return [];
        }
      });
      if (led.some((destination) => !`${destination}/`.startsWith(`${ok}/`))) seen.outside++;
      for (const kind of [undefined, 'path', 'glob'] as const) {
        const told = facts(text, [cwd], kind);
        if (!told) continue;
        seen.told++;
        if (/[*?[{]/.test(text)) seen.patterns++;
        holds(told, led, text, path.join(root, 'secret'));
      }
    }
  assert.ok(seen.told > 150 && seen.patterns > 50 && seen.outside > 100, JSON.stringify(seen));
});

test('a pattern is declared: then the folder that it begins with is its path, and else it is none', () => {
  for (const text of [
    '*.ts',
    '/srv/ok/**/*.{ts,tsx}',
    '/srv/ok/[a-z]*/x',
    '/srv/ok/{a,b}/*',
    '/srv/ok/@(a|b)*.d.ts',
    'ok/?x',
    '/srv/ok/{1..3}',
  ]) {
    for (const kind of [undefined, 'path'] as const) assert.equal(facts(text, ['/srv'], kind), undefined, text);
    const told = facts(text, ['/srv'], 'glob');
    assert.ok(told, text);
    assert.equal(told.within[0], /ok/.test(text) ? '/srv/ok' : '/srv', text);
    assert.ok(told.folders.includes(`${told.within[0]}/**`), 'all that is below it may be reached');
  }
  for (const text of ['app/[id]/page.tsx', '{a,b}', 'a*b', 'x,y', '--output=x', 'what?'])
    assert.deepEqual(facts(text, ['/srv'], 'literal')?.paths.includes(`/srv/${text}`), true, `as it stands: ${text}`);
  for (const text of ['Report (1).pdf', 'a+b', '@types/node', 'x!'])
    assert.ok(facts(text, ['/srv'], undefined)?.paths.includes(`/srv/${text}`), `no pattern: ${text}`);
});

/** What programs find in one text: each gives the paths that it would open. */
const finders: ((text: string) => string[])[] = [
  ...[',', ';', '|', '\n'].map((sign) => (text: string) => text.split(sign).map((piece) => piece.trim())),
  (text) => (text.startsWith('-') ? text.split(/\s+/) : []),
  (text) => (/\s[\\/]/.test(text) ? text.split(/\s+/) : []),
  (text) => {
    const { values, positionals } = parseArgs({
      args: text.split(/\s+/),
      strict: false,
      allowPositionals: true,
      options: { output: { type: 'string', short: 'o' } },
    });
    return [...Object.values(values).filter((option) => typeof option === 'string'), ...(/^-/.test(text) ? positionals : [])];
  },
  (text) => [text.replace(/^[@<>]/, '')],
  (text) => text.split(/^[\w-]+=@?/).slice(1),
  (text) => [JSON.parse(text)].flat().filter((entry): entry is string => typeof entry === 'string'),
];

test('what a list, an option or a text of JSON leads to counts', () => {
  const place = fc.constantFrom(
    '/etc/passwd',
    '/srv/secret/f',
    'secret/f',
    '../etc/x',
    '/srv/ok/a',
    'ok/b',
    'b c',
    '/srv/ok/d e',
    './secret',
  );
  const wrap = fc.constantFrom<(a: string, b: string) => string>(
    ...[',', ', ', ';', '|', '\n', ' '].map((sign) => (a: string, b: string) => `${a}${sign}${b}`),
    (a) => `--output=${a}`,
    (a, b) => `--output ${a} ${b}`,
    (a) => `-o${a}`,
    (a) => `-o ${a}`,
    (a) => `@${a}`,
    (a) => `file=@${a}`,
    (a) => `<${a}`,
    (a, b) => JSON.stringify([a, b]),
    (a) => JSON.stringify(a),
    (a) => JSON.stringify(a).replaceAll('/', '\\/'),
    (a, b) => `${a},--output=${b}`,
  );
  const seen = { told: 0, refused: 0, outside: 0 };
  fc.assert(
    fc.property(wrap, place, place, fc.constantFrom(undefined, 'path', 'url', 'glob' as const), (how, a, b, kind) => {
      const text = how(a, b);
      const led = finders.flatMap((find) => {
        try {
          return find(text)
            .filter((piece) => piece !== '')
            .map((piece) => path.posix.resolve('/srv', piece));
        } catch {
          return [];
        }
      });
      if (led.some((destination) => !`${destination}/`.startsWith('/srv/ok/'))) seen.outside++;
      const told = facts(text, ['/srv'], kind as ArgumentKind | undefined);
      if (!told) return void seen.refused++;
      seen.told++;
      holds(told, led, text, '/srv/secret');
      holds(told, led, text, '/etc');
    }),
    { numRuns: 3000, seed: 5 },
  );
  assert.ok(seen.told > 300 && seen.refused > 100 && seen.outside > 300, JSON.stringify(seen));
});

test('a text is taken apart into a bounded number of pieces: longer lists are refused, not followed', () => {
  for (const text of [' /a', '/a,', ';', '{', '[]', '@', '-o', '\\', '":/', '=/', 'a b /', '-x ', '"/\n'].map((unit) =>
    unit.repeat(4096 / unit.length),
  )) {
    let pieces = 0;
    try {
      pieces = piecesOf(text, false).length + piecesOf(text, true).length;
    } catch (error) {
      assert.ok(error instanceof Underivable, String(error));
    }
    assert.ok(pieces <= 130, `${text.slice(0, 8)}: ${pieces}`);
  }
  for (const text of ['/a,'.repeat(1300), ' /a'.repeat(1300), 'a;'.repeat(100), `-o${'/a '.repeat(90)}`])
    for (const kind of [undefined, 'path', 'glob'] as const) assert.equal(facts(text, ['/'], kind), undefined, text.slice(0, 20));
  assert.ok(facts('/a,/b,/c,/d,/e,/f', ['/'], undefined), 'a list that can be followed is');
});
