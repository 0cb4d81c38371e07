// Whatever shape a text has, what is done with it takes time in proportion to its length. The figures are CPU time of the best of seven tries.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { openSse } from '../../src/base/sse.ts';
import { checkDocument } from '../../src/central/content/document.ts';
import { matchesTemplate } from '../../src/gateway/catalogue/templates.ts';
import { compilePolicies } from '../../src/policy/authoring/compile.ts';
import { openSpellings } from '../../src/policy/deciding/spellings.ts';
import { loadValidation } from '../../src/policy/deciding/validation.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { idKey, rawNumber } from '../../src/protocol/exact.ts';
import { maskedWhole, openMask } from '../../src/upstreams/local/mask.ts';
import { openOutput } from '../../src/upstreams/local/output.ts';
import { allowAll, entry, makeBundle } from '../support/gateway.ts';

function milliseconds(work: () => unknown): number {
  const tries = Array.from({ length: 7 }).map(() => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...tries);
}

/**
 * The work with a text of some length, next to that with an eighth of it: eight times as much, or sixty-four times where work grows with the square. In
 * between is room for a busy machine; below a few milliseconds the clock tells nothing.
 */
function growsWithLength(title: string, length: number, work: (length: number) => unknown): void {
  const short = milliseconds(() => work(length / 8));
  const long = milliseconds(() => work(length));
  assert.ok(long < 24 * short + 5, `${title}: ${short} ms for an eighth, ${long} ms for the whole`);
}

/** What the mask has to come to, by the slow way: all occurrences, those that overlap taken together. */
function maskedSlowly(text: string, secrets: readonly string[]): string {
  const spans = secrets
    .flatMap((secret) => [...text].flatMap((_, at) => (text.startsWith(secret, at) ? [[at, at + secret.length] as const] : [])))
    .sort(([a], [b]) => a - b);
  let out = '';
  let done = 0;
  for (const [from, to] of spans) {
    if (from >= done) out += `${text.slice(done, from)}[secret]`;
    done = Math.max(done, to);
  }
  return out + text.slice(done);
}

test('secrets are masked the same in whatever pieces they come, also where they overlap themselves and each other', () => {
  const secret = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 8, maxLength: 14 });
  const words = fc.array(fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 }), fc.constant('-')), { maxLength: 30 });
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 3 }), words, fc.integer({ min: 1, max: 9 }), (drawn, parts, size) => {
      const secrets = [...new Set(drawn)];
      // Behind `|` nothing can be the beginning of a secret.
      const text = `${secrets[0]}${parts.join('')}${secrets.at(-1)}${parts.join(secrets[0])}|`;
      const mask = openMask(secrets);
      let masked = '';
      for (let at = 0; at < text.length; at += size) masked += mask.write(text.slice(at, at + size));
      assert.equal(masked + mask.end(), maskedSlowly(text, secrets));
      assert.equal(maskedWhole(text, secrets), maskedSlowly(text, secrets));
    }),
    { numRuns: 1000, seed: 5 },
  );
});

test('a local server that writes what its secret is made of costs no more than its text', () => {
  for (const secret of ['a'.repeat(8), 'a'.repeat(30_000), `${'a'.repeat(30_000)}b`, 'ab'.repeat(15_000)]) {
    const output = openOutput([secret]);
    growsWithLength(`${secret.slice(0, 9)} of ${secret.length}`, 256 * 1024, (length) => {
      const words = output.begin();
      const text = Buffer.from('a'.repeat(length));
      for (let at = 0; at < text.length; at += 1024) words.write(text.subarray(at, at + 1024));
      words.end();
    });
  }
});

test('a long secret makes short lines cost no more than a short one does: what is known of it is found once', () => {
  const [few, many] = [8, 100_000].map((length) => {
    const output = openOutput(['ab'.repeat(length / 2)]);
    return milliseconds(() => {
      for (let at = 0; at < 1000; at++) output.hide('x');
    });
  });
  assert.ok(many! < 24 * few! + 5, `${few} ms beside a short one, ${many} ms beside a long one`);
});

test('templates and other spellings of URIs take no more than their length, of whatever they are made', () => {
  for (const shape of [
    '{',
    '{a',
    '{}',
    '{a}',
    '}',
    '{{}',
    '%25',
    '%7b',
    '%ef%b7%ba',
    '\ufdfa',
    'a\u0301',
    '../',
    '//',
    '\\',
    '?',
    '#',
    'a+',
  ]) {
    // Short, and thirty times: what is longer than 128 KiB lies in memory of its own, which alone takes a multiple of the time.
    const often = (work: () => unknown) => {
      for (let at = 0; at < 30; at++) work();
    };
    const uri = (length: number) => `x://${shape.repeat(Math.floor(length / shape.length))}`;
    growsWithLength(`template of ${shape}`, 3200, (length) => often(() => matchesTemplate(uri(length), uri(8192))));
    growsWithLength(`blessed ${shape}`, 3200, (length) => often(() => openSpellings([uri(length)])('x://a')));
    const find = openSpellings(['x://{id}', 'x://a/{id}/b', 'x://secret']);
    growsWithLength(`asked for ${shape}`, 8192, (length) => find(uri(length)));
  }
});

test('a URI of more foreign letters than are read is every forbidden one; with few it is what it spells', () => {
  const find = openSpellings(['file:///größe', 'file:///x']);
  assert.deepEqual(find('file:///gr%C3%B6%C3%9Fe'), ['file:///größe']);
  assert.deepEqual(find(`file:///${'ö'.repeat(1000)}`), []);
  for (const letter of ['ö', '%c3%b6', '\ufdfa']) assert.deepEqual(find(`file:///${letter.repeat(1100)}`), ['file:///größe', 'file:///x']);
});

test('an event stream costs no more than its length, in however small pieces', () => {
  const spent = (length: number) => {
    const text = Buffer.from(`event: x\ndata: ${'y'.repeat(length)}\r\n\r\ndata: z\r\r`);
    let least = Number.POSITIVE_INFINITY;
    for (let again = 0; again < 3; again++) {
      const before = process.cpuUsage();
      const events: string[] = [];
      const read = openSse(100_000, ({ event, data }) => events.push(`${event} ${data.length}`));
      for (let at = 0; at < text.length; at++) assert.ok(read(text.subarray(at, at + 1)));
      assert.deepEqual(events, [`x ${length}`, 'undefined 1']);
      const { user, system } = process.cpuUsage(before);
      least = Math.min(least, user + system);
    }
    return least;
  };
  spent(4000);
  // Eight times the length: eight times the work, or sixty-four times where each piece has all before it looked at again.
  const [short, long] = [spent(4000), spent(32_000)];
  assert.ok(long < 24 * short, `${long / short} times the work`);
});

test('YAML and JSON of the company: nesting, aliases and many keys are errors or are read, in little time', () => {
  const laughs = [
    'a0: &a0 [x, x, x, x, x, x, x, x, x, x]',
    ...Array.from({ length: 12 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at}, `.repeat(10)}]`),
  ].join('\n');
  const check = (text: string, file = 'org.yaml') => checkDocument({ file, text }, z.unknown()).problems;
  for (const text of [
    laughs,
    '['.repeat(20_000),
    `${'['.repeat(5000)}${']'.repeat(5000)}`,
    `a: &a\n  b: *a\n${'- &b [*b, *b]\n'.repeat(9)}`,
  ]) {
    const [first] = check(text);
    assert.ok(first?.fix, text.slice(0, 40));
  }
  assert.match(check('a: 1\nb: 2\na: 3')[0]!.message, /"a" stands twice/);
  assert.match(check('x: {a: 1, "a": 2}')[0]!.message, /"a" stands twice/);
  const each = (length: number, text: (at: number) => string) => Array.from({ length }, (_, at) => text(at));
  growsWithLength('keys', 10_000, (length) => assert.deepEqual(check(each(length, (at) => `a${at}: 1`).join('\n')), []));
  growsWithLength('members', 10_000, (length) => {
    assert.deepEqual(check(`{${each(length, (at) => `"a${at}":1`).join(',')}}`, 'servers/a.json'), []);
  });
});

test('a policy that nests without end is an error, and the engine goes on with the others', () => {
  const when = (condition: string) => `@id("x") @reason("r") permit(principal, action, resource) when {${condition}};\n`;
  const knowledge = { servers: [], groups: [] } as unknown as Parameters<typeof compilePolicies>[1];
  const sound = '@id("sound") @reason("r") permit(principal, action, resource);';
  for (const [open, core, close] of [
    ['(', 'true', ')'],
    ['[', '1', ']'],
    ['{a:', '1', '}'],
    ['if true then ', 'true', ' else true'],
    ['if true then true else ', 'true', ''],
    ['true && ', 'true', ''],
    ['1 + ', '1 == 1', ''],
    ['', 'context', '.a'],
    ['', 'context', '["a"]'],
    ['!', 'true', ''],
    ['"', '', ''],
  ] as const)
    for (const levels of [100, 1000, 20_000]) {
      const text = when(`${open.repeat(levels)}${core}${close.repeat(levels)}`) + sound;
      const { policies, problems } = compilePolicies([{ file: 'a.cedar', text }], knowledge);
      assert.ok(problems[0]?.fix && problems[0].severity === 'error', `${levels} of ${open}${close}`);
      if (open !== '"')
        assert.deepEqual(
          policies.map(({ id }) => id),
          ['sound'],
          `${levels} of ${open}${close}`,
        );
    }
});

test('a number with a long exponent is no id, and long names cost no more where many branches are asked for them', async () => {
  growsWithLength('exponent', 4_000_000, (length) => idKey(rawNumber(`1e${'9'.repeat(length)}`)));
  assert.equal(idKey(rawNumber(`1e${'9'.repeat(5000)}`)), undefined);
  await loadValidation();
  const spent = (branches: number) => {
    const anyOf = Array.from({ length: branches }, (_, at) => ({ properties: { [`p${at}`]: { type: 'string' } } }));
    const tool = { name: 't', inputSchema: { type: 'object', anyOf } };
    const server = entry({ id: 's', url: 'http://127.0.0.1:9/mcp', tools: [tool as never] });
    const policy = openPolicy(makeBundle({ servers: [server], policies: allowAll }), {
      person: 'ann',
      device: { os: 'linux', appVersion: '0', managed: false },
      now: Date.now,
    });
    const args = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`${'\u1e9e\u0390'.repeat(140)}${at}`, 1]));
    return milliseconds(() => policy.decide({ action: 'call', server: 's', name: 't', agent: 'a', args }));
  };
  const [few, many] = [spent(4), spent(100)];
  assert.ok(many < 4 * few + 10, `${few} ms with four branches, ${many} ms with a hundred`);
});
