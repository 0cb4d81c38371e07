import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

/** Each npm package has one room; a second importer is either a mistake or a reason to move it. Tests may import what they test with. */
const rooms: Record<string, string[]> = {
  electron: ['electron/'],
  'electron-store': ['electron/'],
  conf: ['src/headless/'],
  '@napi-rs/keyring': ['src/headless/'],
  'openid-client': ['src/identity/'],
  'oidc-provider': ['src/demo/'],
  '@cedar-policy/cedar-wasm': ['src/policy/'],
  ajv: ['src/policy/'],
  re2js: ['src/policy/'],
  undici: ['src/gateway/upstreams/'],
  pino: ['src/base/log.ts'],
  jose: ['src/central/', 'src/company/', 'src/demo/', 'src/identity/'],
  yaml: ['src/central/'],
  minisearch: ['src/app/search.ts'],
  canonicalize: ['src/central/', 'src/ledger/'],
  zod: ['src/', 'electron/'],
  '@modelcontextprotocol/client': ['src/central/'],
  '@modelcontextprotocol/server': ['src/demo/'],
  '@modelcontextprotocol/node': ['src/demo/'],
  react: ['renderer/'],
  'react-dom': ['renderer/'],
  zustand: ['renderer/'],
  'radix-ui': ['renderer/'],
  'lucide-react': ['renderer/'],
  cmdk: ['renderer/'],
  '@tanstack/react-virtual': ['renderer/'],
  '@fontsource-variable/inter': ['renderer/'],
  '@fontsource-variable/jetbrains-mono': ['renderer/'],
};

/** Whose code a folder may run (types do not count). Everything may import contract, host, errors, log, entry and its own folder. */
const mayImport: Record<string, string[]> = {
  'src/gateway/': ['src/policy/', 'src/ledger/', 'src/bundle/schema.ts'],
  'src/policy/': ['src/bundle/schema.ts'],
  'src/ledger/': [],
  'src/identity/': [],
  'src/company/': [],
  'src/agents/': [],
  'src/config/': [],
  'src/port/': [],
  'src/central/': ['src/bundle/schema.ts'],
  'src/demo/': ['src/bundle/schema.ts', 'src/central/', 'src/headless/', 'src/gateway/upstreams/stdio', 'src/policy/', 'src/ledger/'],
  'renderer/': [],
};
const base = ['contract', 'nearest', 'plain-text', 'host', 'errors', 'log', 'entry', 'own-port', 'unread', 'reply'].map(
  (name) => `src/${name}.ts`,
);

const files = globSync(['src/**/*.ts', 'electron/**/*.ts', 'renderer/**/*.{ts,tsx}']).filter((file) => !file.endsWith('.d.ts'));

function imports(file: string): { from: string; typeOnly: boolean }[] {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const found: { from: string; typeOnly: boolean }[] = [];
  for (const match of text.matchAll(/^\s*(import|export)\s+(type\s+)?([^'"`;]*?)from\s+['"]([^'"]+)['"]/gm))
    found.push({ from: match[4]!, typeOnly: match[2] !== undefined || onlyTypes(match[3]!) });
  for (const match of text.matchAll(/^\s*import\s+['"]([^'"]+)['"]/gm)) found.push({ from: match[1]!, typeOnly: false });
  for (const match of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) found.push({ from: match[1]!, typeOnly: false });
  return found;
}

const onlyTypes = (clause: string) =>
  /^\{[^}]*\}\s*$/.test(clause.trim()) &&
  clause
    .replace(/[{}]/g, '')
    .split(',')
    .every((part) => part.trim() === '' || part.trim().startsWith('type '));

const packageOf = (from: string) =>
  from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');

test('each npm package is imported in its room only', () => {
  const wrong: string[] = [];
  for (const file of files)
    for (const { from, typeOnly } of imports(file)) {
      if (from.startsWith('.') || from.startsWith('node:') || typeOnly) continue;
      const allowed = rooms[packageOf(from)];
      if (!allowed?.some((room) => file.startsWith(room))) wrong.push(`${file} imports ${from}`);
    }
  assert.deepEqual(wrong, []);
});

test('arrows point down only: rooms do not run each other', () => {
  const wrong: string[] = [];
  for (const file of files) {
    const room = Object.keys(mayImport).find((name) => file.startsWith(name));
    if (!room) continue;
    for (const { from, typeOnly } of imports(file)) {
      if (!from.startsWith('.') || typeOnly) continue;
      const target = normalize(join(dirname(file), from));
      if ([room, ...base, ...mayImport[room]!].some((allowed) => target.startsWith(allowed))) continue;
      wrong.push(`${file} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('the window knows only the contract, and only its types', () => {
  for (const file of files.filter((name) => name.startsWith('renderer/')))
    for (const { from, typeOnly } of imports(file)) {
      if (!from.startsWith('.')) continue;
      const target = normalize(join(dirname(file), from));
      if (!target.startsWith('renderer/'))
        assert.ok(typeOnly && (target === 'src/contract/contract.ts' || target === 'src/base/errors.ts'), `${file} imports ${target}`);
    }
});

test('the core speaks of no shell: nothing under src/ names electron or the DOM', () => {
  for (const file of files.filter((name) => name.startsWith('src/')))
    for (const { from } of imports(file)) assert.ok(!/^(electron|electron-store|react|react-dom)$/.test(from), `${file} imports ${from}`);
});

test('no file is longer than 300 lines', () => {
  for (const file of files) {
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '').length;
    assert.ok(lines <= 300, `${file} has ${lines} lines`);
  }
});

test('the built command line pulls in neither Electron nor the demo at start', {
  skip: existsSync('dist/main/cli.js') ? false : 'not built',
}, () => {
  const seen = new Set<string>();
  const walk = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    assert.doesNotMatch(text, /^import .* from ["']electron["']/m, file);
    assert.doesNotMatch(text, /^import .* from ["']oidc-provider["']/m, file);
    for (const match of text.matchAll(/^(?:import|export)[^'"]*["'](\.\/[^'"]+)["']/gm)) walk(join(dirname(file), match[1]!));
  };
  walk('dist/main/cli.js');
});
