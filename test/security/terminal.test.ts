import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../src/base/errors.ts';
import { silent as log } from '../../src/base/log.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { gatehouse } from '../cli/command.ts';
import { serveSmall, smallCore } from '../headless/small-core.ts';
import { folder } from '../shell/folder.ts';

// Clears the screen, sets the title, and begins a sequence with one eight-bit character; turns the direction of writing; goes back over the line.
const hostile = 'begin\u001b[2J\u001b]0;owned\u0007\u009b31m\u202emiddle\rend';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const commands = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/;

test('what upstreams and agents say cannot command the terminal of who reads it', async (t) => {
  const dataDir = folder(t);
  const counts = { bundleVersion: 1, totalMs: 1, upstreamMs: 1, requestBytes: 1, responseBytes: 1 };
  const marks = { person: 'p', agent: 'a', argumentHash: '', hash: '', previousHash: '' };
  const said = {
    server: hostile,
    method: hostile,
    target: hostile,
    rule: hostile,
    reason: hostile,
    decision: 'deny',
    outcome: 'error',
  } as const;
  const record = { seq: 1, at: '2026-11-23T10:00:00.000Z', ...counts, ...marks, ...said };
  const core = smallCore(
    {
      'tool-call': ({ tool }) => {
        if (tool === 'fails') throw new Failure('not-found', hostile, hostile);
        if (tool === 'structured') return { result: { structuredContent: { [hostile]: hostile } } };
        return {
          result: {
            content: [
              { type: 'text', text: `one\n\ttwo ${hostile}` },
              { type: hostile, uri: hostile, mimeType: hostile },
            ],
          },
        };
      },
      'activity-list': () => ({ items: [record] }),
      'server-stderr': () => ({ lines: [hostile, 'last'] }),
      'ledger-export': () => ({ text: `${JSON.stringify(record)}\n` }),
    },
    {},
  );
  await serveSmall(t, dataDir, core);
  const run = async (...args: string[]) => {
    const { out, err } = await gatehouse([...args, '--data', dataDir]);
    assert.doesNotMatch(
      out.replaceAll('\u202e', args.includes('--json') || args.includes('export') ? '' : '\u202e'),
      commands,
      args.join(' '),
    );
    assert.doesNotMatch(err.replaceAll('\u202e', args.includes('--json') ? '' : '\u202e'), commands, args.join(' '));
    return { out, err };
  };
  const text = await run('call', 's', 't');
  assert.match(text.out, /^one\n\ttwo begin/);
  await run('call', 's', 'structured');
  assert.match((await run('call', 's', 'fails')).err, /^gatehouse: begin/);
  assert.match((await run('ledger', 'tail')).out, /begin/);
  assert.match((await run('servers', 's', '--stderr')).out, /^begin.*\nlast\n$/);
  // Programs get exactly what was said.
  const json = await run('call', 's', 't', '--json');
  assert.equal(JSON.parse(json.out).content[1].type, hostile);
  await run('call', 's', 'fails', '--json');
  assert.equal(JSON.parse((await run('ledger', 'export')).out).target, hostile);
});

test('an export for spreadsheets holds no control characters', async (t) => {
  const ledger = await openLedger({ file: `${folder(t)}/ledger.sqlite`, log, now: Date.now, key: Buffer.alloc(32, 1) });
  t.after(() => ledger.close());
  const entry = {
    at: Date.now(),
    person: 'p',
    agent: 'a',
    server: 's',
    method: 'tools/call',
    decision: 'deny',
    rule: 'r',
    reason: 'x',
  } as const;
  const counts = {
    bundleVersion: 1,
    outcome: 'error',
    totalMs: 1,
    upstreamMs: 1,
    requestBytes: 1,
    responseBytes: 1,
    argumentHash: '',
  } as const;
  ledger.append({ ...entry, ...counts, target: '\u001b[2J\u009b1m=x' });
  await ledger.flush();
  const { text } = await ledger.export('csv', undefined, 10);
  assert.doesNotMatch(text.replaceAll('\n', ''), commands);
});
