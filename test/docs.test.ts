import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const decisions = globSync('docs/adr/[0-9]*.md').sort();
const documents = ['ARCHITECTURE.md', 'README.md', 'SECURITY.md', 'docs/adr/README.md', ...decisions];

/** Top folders of the repository: a text that begins with one of them is a path in it. */
const path = /(?<![\w./-])(?:src|electron|renderer|test|resources|docs)\/[\w./@-]*/g;
/** A source file that is named without its folder could be any of several. */
const sourceFile = /`([\w./-]+\.(?:tsx?|mjs|cjs))`/g;
const link = /\]\(([^)#:\s]+)(?:#[^)]*)?\)/g;
/** `src/cli/NAME.ts`: for the reader to fill in. */
const isPlaceholder = (name: string) => /\b(?:NAME|NNNN)\b/.test(name);
/** Methods of MCP look like paths below `resources/`. */
const isMethod = (name: string) => /^resources\/(?:list|read|subscribe|unsubscribe|updated|templates\/list|directory\/read)$/.test(name);

function named(text: string, folder = '.'): string[] {
  const paths = [...text.matchAll(path)].map(([all]) => all.replace(/\.$/, ''));
  const sources = [...text.matchAll(sourceFile)].map((match) => match[1]!);
  const links = [...text.matchAll(link)].map((match) => normalize(join(folder, match[1]!)));
  return [...new Set([...paths, ...sources, ...links])].filter((name) => !isPlaceholder(name) && !isMethod(name));
}

const missing = (text: string, folder?: string) => named(text, folder).filter((name) => !existsSync(name));

test('every path that a document names is there', () => {
  const wrong = documents.flatMap((file) => missing(readFileSync(file, 'utf8'), dirname(file)).map((name) => `${file} names ${name}`));
  assert.deepEqual(wrong, []);
  for (const file of ['ARCHITECTURE.md', 'README.md', 'SECURITY.md']) assert.ok(named(readFileSync(file, 'utf8')).length > 5, file);
});

test('a path that is not there is noticed, in code, in prose and as a link', () => {
  const wrong = [
    '`src/no/such.ts`',
    'see src/no/such.',
    'src/no/such/  does this',
    '`compose.ts`',
    '[text](such.md)',
    '[text](such.md#part)',
  ];
  for (const text of wrong) assert.equal(missing(text).length, 1, text);
  assert.deepEqual(missing('[text](0001-no-such.md)', 'docs/adr'), [join('docs/adr/0001-no-such.md')]);
  const right = [
    '`src/cli/cli.ts`',
    'src/cli/',
    '`src/cli/NAME.ts`',
    '`resources/read`',
    '`org.yaml`',
    '[text](https://example.com/src/a)',
  ];
  for (const text of right) assert.deepEqual(missing(text), [], text);
});

test('the map has a line for every folder of src, and for no other', () => {
  const map = [...readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^(src\/\S+)\/ +\S/gm)].map((match) => match[1]!);
  const folders = globSync('src/**/*.ts').map((file) => dirname(file).replaceAll('\\', '/'));
  assert.deepEqual(map.toSorted(), [...new Set(folders)].sort());
});

test('a decision says context, decision and consequence within a page, and the list has it', () => {
  const list = readFileSync('docs/adr/README.md', 'utf8');
  assert.ok(decisions.length >= 40);
  for (const file of decisions) {
    const text = readFileSync(file, 'utf8');
    const number = /adr\/(\d{4})-[a-z0-9-]+\.md$/.exec(file.replaceAll('\\', '/'))?.[1];
    assert.ok(number, `${file} is named NNNN-title.md`);
    assert.match(text, new RegExp(`^# ${Number(number)}\\. \\S`), `${file} begins with its number`);
    const headings = [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1]);
    assert.deepEqual(headings, ['Context', 'Decision', 'Consequence'], file);
    for (const part of text.split(/^## .+$/m).slice(1)) assert.notEqual(part.trim(), '', `${file} leaves a heading empty`);
    assert.ok(text.trimEnd().split('\n').length < 80, `${file} is longer than a page`);
    assert.ok(list.includes(`](${file.split(/[\\/]/).at(-1)})`), `docs/adr/README.md does not list ${file}`);
  }
});

test('a comment that names a decision names one that is there', () => {
  const numbers = new Set(decisions.map((file) => /(\d{4})-/.exec(file)?.[1]));
  const wrong = globSync(['src/**/*.ts', 'electron/**/*.ts', 'renderer/**/*.{ts,tsx,css}', 'test/**/*.{ts,mjs,cjs}']).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\bdocs\/adr\/(\d{4})/g)]
      .filter((match) => !numbers.has(match[1]))
      .map(([all]) => `${file}: ${all}`),
  );
  assert.deepEqual(wrong, []);
});
