import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/** Each npm package has one room; a second importer is either a mistake or a reason to move it. Tests may import what they test with. */
const rooms: Record<string, string[]> = {
  electron: ['electron/'],
  'electron-store': ['electron/'],
  conf: ['src/shell/'],
  '@napi-rs/keyring': ['src/shell/'],
  'openid-client': ['src/identity/', 'src/upstreams/oauth/'],
  'oidc-provider': ['src/demo/'],
  '@cedar-policy/cedar-wasm': ['src/policy/'],
  ajv: ['src/policy/'],
  re2js: ['src/policy/'],
  undici: ['src/upstreams/', 'src/base/'],
  pino: ['src/base/log.ts'],
  jose: ['src/central/', 'src/company/', 'src/demo/', 'src/identity/'],
  yaml: ['src/central/', 'src/agents/clients/edit/'],
  'jsonc-parser': ['src/agents/clients/edit/'],
  '@decimalturn/toml-patch': ['src/agents/clients/edit/'],
  minisearch: ['src/app/search.ts'],
  semver: ['src/app/'],
  hono: ['src/central/api/'],
  '@hono/node-server': ['src/central/api/'],
  canonicalize: ['src/central/', 'src/ledger/'],
  zod: ['src/', 'electron/'],
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

const files = globSync(['src/**/*.ts', 'electron/**/*.ts', 'renderer/**/*.{ts,tsx}']).filter((file) => !file.endsWith('.d.ts'));

function imports(file: string): { from: string; typeOnly: boolean }[] {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const imported: { from: string; typeOnly: boolean }[] = [];
  for (const match of text.matchAll(/^\s*(import|export)\s+(type\s+)?([^'"`;]*?)from\s+['"]([^'"]+)['"]/gm))
    imported.push({ from: match[4]!, typeOnly: match[2] !== undefined || onlyTypes(match[3]!) });
  for (const match of text.matchAll(/^\s*import\s+['"]([^'"]+)['"]/gm)) imported.push({ from: match[1]!, typeOnly: false });
  for (const match of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) imported.push({ from: match[1]!, typeOnly: false });
  return imported;
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

test('rooms depend on each other in the directions of directions.cjs alone, types included, and never in a circle', () => {
  const program = 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs';
  const args = [program, '--config', 'test/directions.cjs', '--output-type', 'json', 'src', 'electron', 'renderer'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e9 });
  assert.notEqual(stdout, '', stderr);
  const { modules, summary } = JSON.parse(stdout) as {
    modules: { source: string }[];
    summary: { violations: { from: string; to: string; rule: { name: string } }[] };
  };
  const read = new Set(modules.map(({ source }) => source));
  assert.deepEqual(
    files.filter((file) => !read.has(file)),
    [],
    'every file is looked at',
  );
  assert.deepEqual(
    summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} -> ${to}`),
    [],
  );
  const rooms = (createRequire(import.meta.url)('./directions.cjs') as { forbidden: { name: string }[] }).forbidden.map(({ name }) => name);
  const folders = new Set(files.filter((file) => file.startsWith('src/')).map((file) => dirname(file)));
  assert.deepEqual(
    [...folders].filter((folder) => !rooms.includes(folder)),
    [],
    'every folder has a row',
  );
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
