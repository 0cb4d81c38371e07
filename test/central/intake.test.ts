import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { hashRecord, type LedgerRecord } from '../../src/ledger/record.ts';
import { ownDevice } from './device.ts';
import { openAcme } from './open.ts';

function chain(count: number, person: string, after?: LedgerRecord): LedgerRecord[] {
  const records: LedgerRecord[] = [];
  for (let last = after; records.length < count; last = records.at(-1)) {
    const record = {
      seq: (last?.seq ?? 0) + 1,
      at: '2026-11-23T09:00:00.000Z',
      person,
      agent: 'claude-code',
      server: 'wiki',
      method: 'tools/call',
      target: 'list',
      decision: 'allow' as const,
      rule: 'P-1',
      reason: 'Everybody may use the wiki.',
      bundleVersion: 1,
      outcome: 'ok' as const,
      totalMs: 12.345,
      upstreamMs: 10,
      requestBytes: 100,
      responseBytes: 200,
      argumentHash: 'abc',
      previousHash: last?.hash ?? '',
    };
    records.push({ ...record, hash: hashRecord(record) });
  }
  return records;
}

interface Answer {
  status: number;
  acknowledged?: number;
  expected?: number;
  hash?: string;
  error?: string;
  message?: string;
}

test('where the device says that records were destroyed, the chain goes on behind that note; any other gap stays refused', async (t) => {
  const acme = await openAcme(t);
  const ada = await acme.token(['staff']);
  const device = await ownDevice(acme);
  const send = async (records: unknown[]): Promise<Answer> => {
    const answer = await device.post(ada, records);
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  const records = chain(4, 'ada');
  assert.equal((await send(records.slice(0, 2))).acknowledged, 2);
  const { hash: _hash, ...plain } = { ...records[3]!, seq: 9, method: 'gatehouse/ledger-restarted' };
  const note = { ...plain, hash: hashRecord(plain) };
  const call = { ...plain, method: 'tools/call' };
  assert.equal((await send([{ ...call, hash: hashRecord(call) }])).status, 409);
  assert.equal((await send([note, ...chain(2, 'ada', note)])).acknowledged, 11);
});

test('records are taken in order, once each, whatever is sent again', async (t) => {
  const acme = await openAcme(t);
  const ada = await acme.token(['staff']);
  const [laptop, second] = [await ownDevice(acme), await ownDevice(acme)];
  const send = async (records: unknown[], device = laptop, token = ada): Promise<Answer> => {
    const answer = await device.post(token, records);
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  const records = chain(10, 'ada');
  assert.deepEqual(await send(records.slice(0, 4)), { status: 200, acknowledged: 4 });
  assert.deepEqual(await send(records.slice(0, 4)), { status: 200, acknowledged: 4 });
  assert.deepEqual(await send(records.slice(2, 6)), { status: 200, acknowledged: 6 });
  assert.deepEqual(await send([]), { status: 200, acknowledged: 6 });

  const gap = await send(records.slice(8));
  assert.equal(gap.status, 409);
  assert.equal(gap.error, 'conflict');
  assert.equal(gap.expected, 7);
  assert.equal(gap.hash, records[5]!.hash);

  await acme.restart();
  assert.deepEqual(await send(records.slice(6)), { status: 200, acknowledged: 10 });
  assert.equal((await send(records.slice(0, 1), second)).acknowledged, 1, 'another device has its own chain');

  // Grace signs in on the same laptop: the ledger goes on, and so does the upload.
  const grace = await acme.token(['staff'], { claims: { sub: 'grace' } });
  const more = [...records.slice(9), ...chain(3, 'grace', records[9])];
  assert.equal((await send(more, laptop, grace)).acknowledged, 13);
  const back = chain(2, 'ada', more.at(-1));
  assert.equal((await send(back)).acknowledged, 15);

  await acme.close();
  const database = new DatabaseSync(`${acme.dataDir}/central.sqlite`, { readOnly: true });
  const rows = database.prepare(`SELECT seq, uploaded_by FROM ledger WHERE device = ? ORDER BY seq`).all(laptop.id);
  database.close();
  assert.deepEqual(
    rows.map((row) => row['seq']),
    Array.from({ length: 15 }, (_, at) => at + 1),
  );
  assert.deepEqual([rows[9]!['uploaded_by'], rows[10]!['uploaded_by'], rows[14]!['uploaded_by']], ['ada', 'grace', 'ada']);
});

test('what does not continue is refused, and the good part before it stays; a fork and an altered record are kept and noted', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  const device = await ownDevice(acme);
  const send = async (records: unknown[]): Promise<Answer> => {
    const answer = await device.post(token, records);
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  const records = chain(6, 'ada');
  assert.equal((await send([records[0], records[2]])).status, 409);
  assert.equal((await send([records[1]])).acknowledged, 2);

  const rehashed = { ...records[2]!, target: 'other', previousHash: 'x'.repeat(43) };
  rehashed.hash = hashRecord(rehashed);
  const broken = await send([rehashed]);
  assert.equal(broken.error, 'conflict');
  assert.match(broken.message!, /does not continue/);
  assert.equal(broken.expected, 1, 'from the beginning, so that it shows where the lines part');

  assert.equal((await send(records.slice(2))).acknowledged, 6);
  const { hash: _hash, ...plain } = records[3]!;
  const twice = { ...plain, target: 'other' };
  assert.equal((await send([{ ...twice, hash: hashRecord(twice) }])).status, 200);
  const { head } = (await (await device.head(token)).json()) as { head: { seq: number; incidents: string[] } };
  assert.equal(head.seq, 4);
  assert.match(head.incidents[0]!, /record 4 was uploaded before with other content/);

  const changed = chain(1, 'ada', records[5])[0]!;
  assert.equal((await send([{ ...changed, decision: 'deny' }])).acknowledged, 7);
  assert.equal((await send(chain(1, 'ada', changed))).acknowledged, 8, 'the chain goes on behind it');
  const { head: after } = (await (await device.head(token)).json()) as { head: { incidents: string[] } };
  assert.match(after.incidents[1]!, /Record 7 was altered before it was uploaded/);
});

test('receipts count when the device signed them', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const jwk = publicKey.export({ format: 'jwk' }) as JWK;
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = (said: object) => {
    const input = `${part({ alg: 'Ed25519', typ: 'gatehouse-receipt+jws', jwk })}.${part(said)}`;
    return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
  };
  const said = {
    device: await calculateJwkThumbprint(jwk),
    version: 1,
    at: '2026-11-23T09:00:00.000Z',
    audience: `${acme.central().url}/v1/receipts`,
    person: 'ada',
  };
  for (const _ of [1, 2]) assert.equal((await acme.post('/v1/receipts', token, { ...said, jws: signed(said) })).status, 204);
  for (const bad of [
    { ...said, version: 2, jws: signed(said) },
    { ...said, jws: `${signed(said).slice(0, -4)}AAAA` },
  ]) {
    const answer = await acme.post('/v1/receipts', token, bad);
    assert.equal(answer.status, 400);
    assert.equal(((await answer.json()) as { error: string }).error, 'integrity');
  }
  const borrowed = { ...said, device: 'somebody-else' };
  assert.equal((await acme.post('/v1/receipts', token, { ...borrowed, jws: signed(borrowed) })).status, 400);
});

test('requests are stored and bounded', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  const answer = await acme.post('/v1/requests', token, { kind: 'access', server: 'books', tool: 'list', reason: 'Year-end closing' });
  assert.equal(answer.status, 201);
  assert.match(((await answer.json()) as { id: string }).id, /^[0-9a-f-]{36}$/);
  assert.equal((await acme.post('/v1/requests', token, { kind: 'server', name: 'Jira', reason: 'Work items' })).status, 201);
  assert.equal((await acme.post('/v1/requests', token, { kind: 'access', server: 'books' })).status, 400);
  const statuses = [];
  for (let count = 0; count < 99; count++) {
    statuses.push((await acme.post('/v1/requests', token, { kind: 'access', server: 'books', reason: 'again' })).status);
  }
  assert.deepEqual([statuses[0], statuses.at(-1)], [201, 409]);
});

test('bad bodies get the right status and a helpful message', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  const cases: [number, string, Record<string, string>][] = [
    [400, '{', {}],
    [400, '[]', {}],
    [400, '{"device":"d","records":[{"seq":0}]}', {}],
    [415, '{}', { 'Content-Type': 'text/plain' }],
    [415, '{}', { 'Content-Encoding': 'gzip' }],
    [413, `{"device":"${'x'.repeat(17 * 1024 * 1024)}"}`, {}],
  ];
  const device = await ownDevice(acme);
  for (const [status, body, headers] of cases) {
    const answer = status === 400 ? await device.post(token, body) : await acme.post('/v1/ledger', token, body, headers);
    assert.equal(answer.status, status, body.slice(0, 40));
    const said = (await answer.json()) as { error: string; message: string; fix: string };
    assert.ok(said.error && said.message && said.fix);
  }
  const wrong = await acme.get('/v1/receipts', token);
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get('allow'), 'POST');
  assert.equal((await acme.get('/v2/bundle', token)).status, 404);
  assert.equal((await acme.get('/v0.1/servers/%E0%A4%A/versions', token)).status, 400);
});
