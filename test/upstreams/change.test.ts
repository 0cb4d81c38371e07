import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, open, text, tool, until } from '../support/upstreams/open.ts';
import { json, legacy, type Message, result, startRaw } from '../support/upstreams/raw.ts';

/** A server whose calls of `wait` end when the test says so, and how many waited. */
async function startWaiting(t: Parameters<typeof startRaw>[0]) {
  const waiting: (() => void)[] = [];
  const raw = await startRaw(
    t,
    legacy((message: Message, response) => {
      if (message?.method !== 'tools/call') return false;
      const done = () => json(response, result(message.id, 'done'));
      if (message.params.name === 'wait') waiting.push(done);
      else done();
    }),
  );
  return { ...raw, waiting };
}
const ends = (raw: { names(): string[] }) => raw.names().filter((name) => name === 'DELETE').length;

test('another deadline, version or schema: the connection stays, the call under way too, and the next one has the new deadline', async (t) => {
  const raw = await startWaiting(t);
  const original = entry({ url: raw.url });
  const { upstreams, upstream } = open(t, original);
  const call = upstream.call(tool('wait'));
  await until(() => raw.waiting.length === 1);
  const schema = { name: 'wait', inputSchema: { type: 'object', properties: { region: { type: 'string' } } } };
  await upstreams.replace([entry({ url: raw.url, timeoutMs: 1000, version: '2.0.0', title: 'New', catalogue: { tools: [schema] } })]);
  assert.equal(upstreams.get('one'), upstream);
  assert.equal(upstream.entry.title, 'New');
  await assert.rejects(upstream.call(tool('wait')), { problem: 'timed-out', message: /1 s/ });
  raw.waiting[0]!();
  assert.equal(text(await call), 'done');
  assert.equal(raw.names().filter((name) => name === 'initialize').length, 1);
});

test('headers of arguments are those of the present catalogue', async (t) => {
  const raw = await startRaw(t, (message, response) => json(response, result(message.id, 'done')));
  const withHeader = (header: string) =>
    entry({
      url: raw.url,
      era: 'auto',
      catalogue: {
        tools: [{ name: 'x', inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': header } } } }],
      },
    });
  const knownEras = { get: () => ({ era: 'modern' as const, at: Date.now() }), set() {}, drop() {} };
  const { upstreams, upstream } = open(t, withHeader('Old'), {}, { verdicts: knownEras });
  await upstream.call(tool('x', { region: 'eu' }));
  await upstreams.replace([withHeader('New')]);
  await upstream.call(tool('x', { region: 'eu' }));
  assert.deepEqual(
    raw.got.map(({ headers }) => [headers['mcp-param-old'], headers['mcp-param-new']]),
    [
      ['eu', undefined],
      [undefined, 'eu'],
    ],
  );
});

test('another address: the old connection takes no new calls and ends with its last one', async (t) => {
  const [a, b] = await Promise.all([startWaiting(t), startWaiting(t)]);
  const { upstreams, upstream } = open(t, entry({ url: a.url }));
  const call = upstream.call(tool('wait'));
  await until(() => a.waiting.length === 1);
  await upstreams.replace([entry({ url: b.url })]);
  await assert.rejects(upstream.call(tool('x')), { problem: 'closed' });
  assert.equal(text(await upstreams.get('one')!.call(tool('x'))), 'done');
  assert.equal(b.names().at(-1), 'tools/call');
  assert.equal(ends(a), 0);
  a.waiting[0]!();
  assert.equal(text(await call), 'done');
  await until(() => ends(a) === 1);
});

test('what still goes on there is bounded in time', async (t) => {
  const [a, b] = await Promise.all([startWaiting(t), startWaiting(t)]);
  const { upstreams, upstream } = open(t, entry({ url: a.url }), { drainMs: 200 });
  const call = upstream.call(tool('wait'));
  await until(() => a.waiting.length === 1);
  await upstreams.replace([entry({ url: b.url })]);
  await assert.rejects(call, { problem: 'closed' });
});

test('one that is taken out ends at once, and so does what still went on at its former address', async (t) => {
  const [a, b] = await Promise.all([startWaiting(t), startWaiting(t)]);
  const { upstreams, upstream } = open(t, entry({ url: a.url }));
  const old = upstream.call(tool('wait'));
  await until(() => a.waiting.length === 1);
  await upstreams.replace([entry({ url: b.url })]);
  const present = upstreams.get('one')!.call(tool('wait'));
  await until(() => b.waiting.length === 1);
  const both = Promise.allSettled([old, present]);
  await upstreams.replace([]);
  for (const outcome of await both) assert.equal(outcome.status === 'rejected' && outcome.reason.problem, 'closed');
  assert.deepEqual([ends(a), ends(b)], [1, 1]);
});
