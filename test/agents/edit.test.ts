import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { unifiedDiff } from '../../src/agents/clients/edit/diff.ts';
import { readDocument, withEntry, withoutEntry } from '../../src/agents/clients/edit/edit.ts';
import type { ConfigLanguage } from '../../src/agents/clients/programs/client.ts';
import { clients } from '../../src/agents/clients/programs/table.ts';
import { configText } from '../support/config-texts.ts';
import { fileIn, homeOf } from '../support/homes.ts';
import { connectionsIn, type Gate, openGate } from './connect-setup.ts';

/** Parsing YAML takes ten times as long. */
const runs: Record<ConfigLanguage, number> = { jsonc: 1500, toml: 1000, yaml: 250 };
const token = 'gha_secret';
const entry = { url: 'http://127.0.0.1:4283/mcp', http_headers: { Authorization: `Bearer ${token}` } };
const containers: Record<ConfigLanguage, string> = { jsonc: 'mcpServers', toml: 'mcp_servers', yaml: 'extensions' };

let gate: Gate;
before(async () => {
  gate = await openGate();
});
after(() => gate.close());

/** What was put in, if `after` is `before` with one piece more. */
function pieceOf(before: string, after: string): string | undefined {
  for (let at = 0; at <= before.length; at++) {
    if (after.endsWith(before.slice(at))) return after.slice(at, after.length - (before.length - at));
    if (before[at] !== after[at]) return undefined;
  }
  return undefined;
}

for (const language of ['jsonc', 'toml', 'yaml'] as const) {
  const place = { path: `config.${language}`, language, container: containers[language] };

  test(`${language}: whatever the text, our entry is one piece more, and taking it out again leaves what was there`, () => {
    fc.assert(
      fc.property(configText(language, place.container), (text) => {
        const original = readDocument(text, place);
        const next = withEntry(text, place, 'gatehouse', entry);
        const piece = pieceOf(text, next);
        assert.ok(piece !== undefined && next.includes(token), JSON.stringify(next));
        const { servers } = readDocument(next, place);
        assert.deepEqual(structuredClone(servers['gatehouse']), entry);
        const back = withoutEntry(next, place, 'gatehouse');
        assert.deepEqual(structuredClone({ ...readDocument(back, place).servers }), structuredClone({ ...original.servers }));
        if (Object.keys(original.servers).length > 0 && (language !== 'toml' || text.endsWith('\n'))) assert.equal(back, text);
        assert.equal(withEntry(next, place, 'gatehouse', { ...entry, url: 'http://127.0.0.1:1/mcp' }).includes(entry.url), false);
      }),
      { numRuns: runs[language] },
    );
  });

  test(`${language}: connected and undone, a file is what it was, to the byte, with a byte order mark or without`, async (t) => {
    const client = clients.find((each) => each.config?.language === language)!;
    const config = client.config;
    await fc.assert(
      fc.asyncProperty(configText(language, config.container), fc.boolean(), async (text, marked) => {
        const machine = homeOf(t, 'linux');
        const { connections } = connectionsIn(t, gate, machine);
        const file = fileIn(config, machine, Buffer.from((marked ? '\ufeff' : '') + text));
        const bytes = readFileSync(file);
        await connections.connect(client.id, gate.url);
        assert.equal(readFileSync(file).subarray(0, 3).toString('hex') === 'efbbbf', marked);
        assert.equal((await connections.disconnect(client.id)).restored, 'whole');
        assert.deepEqual(readFileSync(file), bytes);
      }),
      { numRuns: 40 },
    );
  });
}

const place = { path: 'config', language: 'jsonc', container: 'mcpServers' } as const;

for (const [what, language, text] of [
  ['half of JSON', 'jsonc', '{"mcpServers": {'],
  ['a list', 'jsonc', '[]'],
  ['two documents', 'jsonc', '{} {}'],
  ['brackets without end', 'jsonc', '['.repeat(200_000)],
  ['the list of servers twice', 'jsonc', '{"mcpServers": {}, "mcpServers": {"a": {}}}'],
  ['servers that are a list', 'jsonc', '{"mcpServers": []}'],
  ['servers that are text', 'toml', 'mcp_servers = "x"\n'],
  ['servers in a table of one line', 'toml', 'mcp_servers = { }\n'],
  ['a key of thousands of parts', 'toml', `${'a.'.repeat(60_000)}b = 1\n`],
  ['a header of thousands of parts', 'toml', `[${'a.'.repeat(60_000)}b]\n`],
  ['a table twice', 'toml', '[a]\n[a]\n'],
  ['half of TOML', 'toml', 'a = [1,'],
  ['half of YAML', 'yaml', 'a: [1,'],
  ['a key twice', 'yaml', 'a: 1\na: 2\n'],
  ['two YAML documents', 'yaml', 'a: 1\n---\nb: 2\n'],
  ['a YAML list', 'yaml', '- 1\n'],
  [
    'aliases that grow without end',
    'yaml',
    `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefgh'
      .split('')
      .map((name, at) => `${name}: &${name} [${`*${'abcdefgh'[at]}, `.repeat(9)}]\n`)
      .join('')}`,
  ],
] as const)
  test(`${what} is refused, and nothing of it is said`, () => {
    const at = { ...place, language, container: containers[language] };
    assert.throws(
      () => withEntry(text, at, 'gatehouse', entry),
      (error: { code: string; message: string; fix: string; cause?: unknown }) => {
        assert.equal(error.code, 'conflict');
        assert.equal(error.cause, undefined, 'nor logged');
        assert.match(error.message, /is left as it is/);
        assert.ok(error.message.length < 300 && error.fix.length > 0);
        return true;
      },
    );
  });

test('a member named __proto__ is somebody else’s like any other', () => {
  const text = '{\n  "__proto__": { "mcpServers": { "gatehouse": {} } }\n}\n';
  const next = withEntry(text, place, 'gatehouse', entry);
  assert.equal(withoutEntry(next, place, 'gatehouse').includes('"__proto__": { "mcpServers": { "gatehouse": {} } }'), true);
});

function diffOf(text: string): string {
  const base = withoutEntry(text, place, 'gatehouse');
  return unifiedDiff('f', text, { base, after: withEntry(base, place, 'gatehouse', entry), token });
}

test('a diff of an entry that is written anew shows nothing of what stands beside the old one, or in it', () => {
  for (const text of [
    '{"mcpServers":{"a":{"env":{"KEY":"sk-1"}},"gatehouse":{"url":"u","key":"sk-2"}}}',
    '{\n  "mcpServers": {\n    "a": {"env": {"KEY": "sk-1"}},\n    "gatehouse": {"url": "u", "key": "sk-2"}\n  }\n}\n',
    '{\n  "mcpServers": {\n    "gatehouse": {\n      "headers": {"X": "sk-2"}\n    }, "a": "sk-1"\n  }\n}\n',
    '{\n  "sk": [\n    "c2stMQ=="\n  ],\n  "mcpServers": {}\n}\n',
  ]) {
    const diff = diffOf(text);
    assert.match(diff, /^\+.*127\.0\.0\.1/m);
    assert.doesNotMatch(diff, /sk-|gha_|c2st/, diff);
  }
});

test('a diff shows our entry without its token, and of all else the structure alone', () => {
  const text =
    '{\n  "mcpServers": {\n    "a": { "env": { "KEY": "sk-1" } },\n    "b": {\n      "args": [\n        "--token=sk-2"\n      ]\n    }\n  },\n  "sk": "sk-3" // sk-4\n}\n';
  const diff = diffOf(text);
  assert.match(diff, /^--- f\n\+\+\+ f\n@@ -1,5 \+1,11 @@\n/);
  assert.match(diff, /^\+ {6}"url": "http:\/\/127\.0\.0\.1:4283\/mcp",$/m);
  assert.doesNotMatch(diff, /sk-|gha_/);
  const line = '{"mcpServers":{"a":{"env":{"KEY":"sk-1"}}}}';
  const short = diffOf(line);
  assert.match(short, /^-…\n\+…"gatehouse":.*, …\n$/m);
  assert.doesNotMatch(short, /sk-|gha_/);
  assert.equal(unifiedDiff('f', line, { base: line, after: line, token }), '');
});
