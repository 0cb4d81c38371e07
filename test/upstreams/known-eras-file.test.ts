import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { openKnownEras } from '../../src/upstreams/connection/known-eras-file.ts';
import { entry, open, text, tool } from '../support/upstreams/open.ts';
import { json, legacy, result, startRaw } from '../support/upstreams/raw.ts';

const day = 86_400_000;

function folder(t: TestContext) {
  const path = mkdtempSync(join(tmpdir(), 'gatehouse-verdicts-'));
  t.after(() => rmSync(path, { recursive: true }));
  return join(path, 'upstreams.json');
}
const server = () => legacy((message, response) => (message?.method === 'tools/call' ? json(response, result(message.id, 'well')) : false));

test('a restart does not ask again; another address, another day and a failure do', async (t) => {
  const file = folder(t);
  const [first, second] = await Promise.all([startRaw(t, server()), startRaw(t, server())]);
  const start = async (url: string, now: number) => {
    const verdicts = openKnownEras({ file, log: silent, now: () => now });
    const { upstream, upstreams } = open(t, entry({ url }), {}, { verdicts, now: () => now });
    const outcome = await upstream.call(tool('x')).then(text, (error) => error.problem);
    await upstreams.close();
    verdicts.close();
    return outcome;
  };
  const probes = (raw: typeof first) => raw.names().filter((name) => name === 'server/discover').length;
  assert.equal(await start(first.url, 5 * day), 'well');
  assert.equal(await start(first.url, 5 * day + 1), 'well');
  assert.equal(probes(first), 1);
  assert.equal(await start(second.url, 5 * day + 2), 'well');
  assert.equal(probes(second), 1, 'the same entry at another address is another server');
  assert.equal(await start(first.url, 6 * day + 1), 'well');
  assert.equal(probes(first), 2);
  const { url } = first;
  await first.close();
  assert.equal(await start(url, 6 * day + 2), 'unreachable');
  const back = await startRaw(t, server(), Number(new URL(url).port));
  assert.equal(await start(url, 6 * day + 3), 'well');
  assert.equal(probes(back), 1);
  assert.ok(!readFileSync(file, 'utf8').includes('127.0.0.1'), 'it does not say what it is about');
});

test('a file that is damaged, or not ours, costs only the questions', (t) => {
  const file = folder(t);
  for (const text of ['{"format":1', '{"format":2,"verdicts":{}}', '{"format":1,"verdicts":{"x":{"era":"future","at":1}}}']) {
    writeFileSync(file, text);
    const verdicts = openKnownEras({ file, log: silent, now: () => day });
    assert.equal(verdicts.get('x'), undefined);
    verdicts.set('x', { era: 'modern', at: day });
    verdicts.close();
    assert.equal(openKnownEras({ file, log: silent, now: () => day }).get('x')!.era, 'modern');
  }
});

test('what is out of date is not kept', (t) => {
  const file = folder(t);
  const early = openKnownEras({ file, log: silent, now: () => day });
  early.set('old', { era: 'legacy', at: 1 });
  early.close();
  const late = openKnownEras({ file, log: silent, now: () => 3 * day });
  late.set('new', { era: 'legacy', at: 3 * day });
  late.close();
  assert.ok(!readFileSync(file, 'utf8').includes('old'));
});
