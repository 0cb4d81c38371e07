import assert from 'node:assert/strict';
import { generateKeyPairSync, randomInt, sign } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { openDevice, proof } from '../../src/company/device.ts';
import type { LedgerAnswer } from '../../src/company/post.ts';
import { openUploader } from '../../src/company/upload.ts';
import { hashRecord, type LedgerRecord } from '../../src/ledger/record.ts';
import { ownDevice } from '../central/device.ts';
import { openAcme } from '../central/open.ts';
import { testHost } from '../support/host.ts';

/** mulberry32: the same attacks for the same seed. */
function random(seed: number) {
  let state = seed;
  return (most: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % most;
  };
}

function next(person: string, last: LedgerRecord | undefined, change: Partial<LedgerRecord> = {}): LedgerRecord {
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
    reason: '',
    bundleVersion: 1,
    outcome: 'ok' as const,
    totalMs: 1,
    upstreamMs: 1,
    requestBytes: 1,
    responseBytes: 1,
    argumentHash: 'abc',
    previousHash: last?.hash ?? '',
    ...change,
  };
  return { ...record, hash: hashRecord(record) };
}

test('whatever is tried with other tokens, keys, proofs and persons, only the device itself writes its chain, once and to the end', async (t) => {
  const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  const pick = random(seed);
  const of = <T>(list: readonly T[]) => list[pick(list.length)]!;
  const acme = await openAcme(t);
  const url = `${acme.central().url}/v1/ledger`;
  const tokens = {
    ada: await acme.token(['staff']),
    bob: await acme.token(['staff'], { claims: { sub: 'bob' } }),
    expired: await acme.token(['staff'], { expires: '-1h' }),
    none: undefined,
  };
  const [own, other] = [await openDevice(testHost()), await openDevice(testHost())];
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const chain: LedgerRecord[] = [];
  let held = 0;
  let refusal: string | undefined;
  const send = async (method: 'GET' | 'POST', token: string | undefined, body: string, headers: Record<string, string>) => {
    const answer = method === 'GET' ? await acme.get('/v1/ledger', token, headers) : await acme.post('/v1/ledger', token, body, headers);
    return { status: answer.status, text: await answer.text() };
  };
  const upload = async () => {
    const body = JSON.stringify({ device: own.id, chain: 'c', records: chain.slice(held) });
    const answer = await send('POST', tokens.ada, body, proof(own, { method: 'POST', url, token: tokens.ada, body, now: Date.now() }));
    assert.deepEqual(
      { status: answer.status, said: JSON.parse(answer.text) },
      { status: 200, said: { acknowledged: chain.length } },
      `SEED=${seed}`,
    );
    held = chain.length;
  };
  chain.push(next('ada', undefined));
  await upload();

  const proofs = ['good', 'missing', 'none', 'typ', 'audience', 'body', 'method', 'token', 'old', 'foreign key', 'rubbish'] as const;
  for (let round = 0; round < 250; round++) {
    const who = of(['ada', 'bob', 'expired', 'none'] as const);
    const key = of(['own', 'other'] as const);
    const how = of(proofs);
    const method = of(['POST', 'POST', 'GET'] as const);
    const claimed = of([own.id, own.id, other.id, 'unknown']);
    const person = of(['ada', 'bob', 'eve', '']);
    const last = chain.at(-1)!;
    const records = of([
      [],
      [next(person, last)],
      [next(person, { ...last, seq: last.seq + 5 })],
      [next(person, last, { seq: last.seq + 90, method: 'gatehouse/ledger-restarted' })],
      [next(person, undefined, { target: `fork ${round}` })],
    ]);
    const label = `SEED=${seed} round ${round}: ${JSON.stringify({ who, key, how, method, claimed, person, seq: records[0]?.seq })}`;
    const token = tokens[who];
    const body = method === 'GET' ? '' : JSON.stringify({ device: claimed, chain: 'c', records });
    const device = key === 'own' ? own : other;
    // The own key with good proof and a body that forks is what a device does that went back: it is tried below, in order.
    if (key === 'own' && how === 'good' && who !== 'expired' && who !== 'none') continue;
    const right = { method, url, token: token ?? '', body, now: Date.now() };
    const bent = {
      audience: { ...right, url: 'https://elsewhere.example/v1/ledger' },
      body: { ...right, body: `${body} ` },
      method: { ...right, method: method === 'GET' ? 'POST' : 'GET' },
      token: { ...right, token: who === 'ada' ? tokens.bob : tokens.ada },
      old: { ...right, now: Date.now() - 3_600_000 },
    };
    const good = proof(device, how in bent ? bent[how as keyof typeof bent] : right)['gatehouse-device'];
    const [header, payload, signature] = good.split('.') as [string, string, string];
    const fields = JSON.parse(Buffer.from(header, 'base64url').toString());
    const input = `${header}.${payload}`;
    const forgedProofs: Partial<Record<(typeof proofs)[number], string | undefined>> = {
      missing: undefined,
      none: `${part({ ...fields, alg: 'none' })}.${payload}.`,
      typ: device.sign('gatehouse-receipt+jws', JSON.parse(Buffer.from(payload, 'base64url').toString())),
      'foreign key': `${input}.${sign(null, Buffer.from(input), stranger).toString('base64url')}`,
      rubbish: `${header}.${signature}`,
    };
    const shown = how in forgedProofs ? forgedProofs[how] : good;
    const answer = await send(method, token, body, shown === undefined ? {} : { 'gatehouse-device': shown });

    if (who === 'expired' || who === 'none') assert.equal(answer.status, 401, label);
    else if (how !== 'good' || (method === 'POST' && claimed !== other.id)) {
      assert.equal(answer.status, 403, `${label} ${answer.text}`);
      refusal ??= answer.text;
      assert.equal(answer.text, refusal, `${label}: one refusal, whatever is known`);
    } else assert.ok([200, 409].includes(answer.status), `${label} ${answer.text}`);
    // Of the victim's chain nothing is ever said.
    for (const record of chain) assert.ok(!answer.text.includes(record.hash), `${label}: ${answer.text}`);
    if (pick(5) === 0) {
      chain.push(next(of(['ada', '']), chain.at(-1)));
      await upload();
    }
  }
  const database = new DatabaseSync(`${acme.dataDir}/central.sqlite`, { readOnly: true });
  const rows = database.prepare('SELECT seq, hash FROM ledger WHERE device = ? ORDER BY seq').all(own.id);
  database.close();
  assert.deepEqual(
    rows.map(({ seq, hash }) => `${seq} ${hash}`),
    chain.map(({ seq, hash }) => `${seq} ${hash}`),
    `SEED=${seed}`,
  );
});

test('a chain that strangers wrote into before, or that went back, goes on: both lines stay, and the incident is told to the device', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  for (let seed = 0; seed < 20; seed++) {
    const pick = random(seed);
    const device = await ownDevice(acme);
    const post = async (records: LedgerRecord[]) =>
      (await (await device.post(token, records)).json()) as { acknowledged?: number; expected?: number };
    const line = (count: number, before: LedgerRecord[], target: string) => {
      const records = [...before];
      while (records.length < count) records.push(next('ada', records.at(-1), { target }));
      return records;
    };
    const former = line(2 + pick(8), [], 'former');
    assert.equal((await post(former)).acknowledged, former.length);
    const kept = pick(former.length);
    const present = line(kept + 1 + pick(12), former.slice(0, kept), 'present');
    // As the app does: from its cursor on, and back to where it is sent.
    let from = pick(present.length);
    for (let tries = 0; ; tries++) {
      assert.ok(tries < 4, `seed ${seed}: goes round in circles`);
      const said = await post(present.slice(from));
      if (said.acknowledged !== undefined) break;
      from = said.expected! - 1;
    }
    const { head } = (await (await device.head(token)).json()) as { head: { seq: number; hash: string; incidents: string[] } };
    assert.deepEqual([head.seq, head.hash], [present.length, present.at(-1)!.hash], `seed ${seed}`);
    assert.equal(head.incidents.length, kept < former.length ? 1 : 0, `seed ${seed}`);
    const database = new DatabaseSync(`${acme.dataDir}/central.sqlite`, { readOnly: true });
    const hashes = new Set(
      database
        .prepare('SELECT hash FROM ledger WHERE device = ?')
        .all(device.id)
        .map(({ hash }) => hash),
    );
    database.close();
    assert.deepEqual(hashes, new Set([...former, ...present].map(({ hash }) => hash)), `seed ${seed}`);
  }
});

test('a ledger in which somebody wrote goes up whole all the same, and the incident is told', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  for (let seed = 0; seed < 20; seed++) {
    const pick = random(seed);
    const device = await ownDevice(acme);
    const records: LedgerRecord[] = [];
    while (records.length < 1500 + pick(500)) records.push(next('ada', records.at(-1)));
    // Also where one batch of the uploader ends and the next one begins.
    const at = pick(2) === 0 ? 999 + pick(2) : pick(records.length);
    const field = (['target', 'hash', 'previousHash', 'decision'] as const)[pick(4)]!;
    records[at] = { ...records[at]!, [field]: field === 'decision' ? 'deny' : 'x'.repeat(43) };
    let cursor = 0;
    const uploader = openUploader({
      unsent: async (after, limit) => {
        const batch = records.slice(after, after + limit);
        const [first, last] = [batch[0], batch.at(-1)];
        if (!first || !last) return undefined;
        const more = last.seq < records.length;
        return { first: first.seq, last: last.seq, hash: last.hash, json: JSON.stringify(batch), chain: 'c', more };
      },
      cursor: () => cursor,
      acknowledge: async (seq) => {
        cursor = seq;
      },
      post: async (json, chain) => {
        const answer = await device.post(token, `{"device":"${device.id}","chain":"${chain}","records":${json}}`);
        return (await answer.json()) as LedgerAnswer;
      },
      log: silent,
    });
    const told = `seed ${seed}: ${field} of record ${at + 1}`;
    uploader.poke(true);
    const end = Date.now() + 20_000;
    while (cursor < records.length && Date.now() < end && !uploader.status().error) await new Promise((go) => setTimeout(go, 5));
    assert.deepEqual([cursor, uploader.status().error], [records.length, undefined], told);
    await uploader.close();
    const database = new DatabaseSync(`${acme.dataDir}/central.sqlite`, { readOnly: true });
    const rows = database.prepare('SELECT record FROM ledger WHERE device = ? ORDER BY seq').all(device.id);
    database.close();
    assert.deepEqual(
      rows.map(({ record }) => JSON.parse(record as string)),
      records,
      told,
    );
    const { head } = (await (await device.head(token)).json()) as { head: { incidents: string[] } };
    assert.match(head.incidents.join(), /altered before it was uploaded/, told);
  }
});

test('records of persons who never signed in on the device hold nothing up: they are kept, counted for nobody, and the incident is noted', async (t) => {
  const acme = await openAcme(t);
  const people = ['ada', 'bob', 'mallory', 'eve'] as const;
  const tokens = new Map<string, string>();
  for (const sub of people) tokens.set(sub, await acme.token(['staff'], { claims: { sub } }));
  let [strange, theirs] = [0, 0];
  for (let seed = 0; seed < 25; seed++) {
    const pick = random(seed);
    const of = <T>(list: readonly T[]) => list[pick(list.length)]!;
    const device = await ownDevice(acme);
    const post = async (uploader: string, records: LedgerRecord[]) => {
      const answer = await device.post(tokens.get(uploader)!, records);
      return { status: answer.status, said: await answer.json() };
    };
    const chain: LedgerRecord[] = [];
    const enrolled = new Set<string>();
    const counts: (string | null)[] = [];
    let noted = 0;
    for (let round = 0; round < 8; round++) {
      const uploader = of(['bob', 'bob', 'ada', 'mallory'] as const);
      const from = chain.length;
      // The first time what was found: a stranger's record, and then the uploader's own.
      const persons: string[] =
        round === 0
          ? ['mallory', 'bob', 'bob']
          : Array.from({ length: pick(6) }, () => of([...people, '', 'nobody-at-all', 'BOB', 'bob ', '\0bob']));
      const sender = round === 0 ? 'bob' : uploader;
      enrolled.add(sender);
      for (const person of persons) {
        chain.push(next(person, chain.at(-1)));
        counts.push(enrolled.has(person) ? person : null);
      }
      if (persons.some((person) => person !== '' && !enrolled.has(person))) noted++;
      const told = `seed ${seed} round ${round}: ${sender} sends ${JSON.stringify(persons)}`;
      // Sent twice, and with known ones before: nothing of what is known counts anew.
      for (const first of [from, Math.max(0, from - pick(4))])
        assert.deepEqual(await post(sender, chain.slice(first)), { status: 200, said: { acknowledged: chain.length } }, told);
    }
    const database = new DatabaseSync(`${acme.dataDir}/central.sqlite`, { readOnly: true });
    const rows = database.prepare('SELECT person, record FROM ledger WHERE device = ? ORDER BY seq').all(device.id);
    const incidents = database.prepare('SELECT kind FROM incidents WHERE device = ?').all(device.id);
    const claimed = database.prepare(`SELECT count(*) AS n FROM ledger WHERE device = ? AND person NOT IN ('ada', 'bob', 'mallory')`);
    assert.equal(claimed.get(device.id)!['n'], 0, `seed ${seed}`);
    database.close();
    assert.deepEqual(
      rows.map(({ person }) => person),
      counts,
      `seed ${seed}`,
    );
    assert.deepEqual(
      rows.map(({ record }) => JSON.parse(record as string)),
      chain,
      `seed ${seed}: all is kept as it came`,
    );
    assert.deepEqual(
      incidents.map(({ kind }) => kind),
      Array(noted).fill('person'),
      `seed ${seed}`,
    );
    strange += counts.filter((person) => person === null).length;
    theirs += counts.filter((person) => person !== null).length;
  }
  assert.ok(strange > 100 && theirs > 100, `${strange} of strangers, ${theirs} of those proven`);
});

test('a receipt is of one device, person and central API', async (t) => {
  const acme = await openAcme(t);
  const device = await openDevice(testHost());
  const [ada, bob] = [await acme.token(['staff']), await acme.token(['staff'], { claims: { sub: 'bob' } })];
  const audience = `${acme.central().url}/v1/receipts`;
  const post = async (token: string, change: object) => {
    const said = { device: device.id, version: 1, at: '2026-11-23T09:00:00.000Z', audience, person: 'ada', ...change };
    return (await acme.post('/v1/receipts', token, { ...said, jws: device.sign('gatehouse-receipt+jws', said) })).status;
  };
  assert.equal(await post(bob, {}), 400);
  assert.equal(await post(ada, { audience: 'https://elsewhere.example/v1/receipts' }), 400);
  assert.equal(await post(ada, { person: 'bob' }), 400);
  assert.equal(await post(ada, { device: 'another' }), 400);
  assert.equal(await post(ada, {}), 204);
});

test('a database of before: whom the device signed receipts for goes on with unsent records of theirs; who merely uploaded in its name does not', async (t) => {
  const acme = await openAcme(t);
  const device = await ownDevice(acme);
  const first = next('ada', undefined);
  const forged = next('eve', first);
  await acme.close();
  const database = new DatabaseSync(`${acme.dataDir}/central.sqlite`);
  database.exec(
    'ALTER TABLE ledger DROP COLUMN person; DROP TABLE enrolled; DROP TABLE heads; DROP TABLE incidents; PRAGMA user_version = 0',
  );
  const insert = database.prepare('INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?)');
  insert.run(device.id, 1, first.hash, '', 'ada', first.at, JSON.stringify(first));
  insert.run(device.id, 2, forged.hash, first.hash, 'eve', first.at, JSON.stringify(forged));
  database.prepare('INSERT INTO receipts VALUES (?, ?, 1, ?, ?, ?)').run('bob', device.id, first.at, first.at, '{}');
  database.close();
  await acme.restart();
  const token = await acme.token(['staff']);
  const unsent = [next('bob', first), next('ada', next('bob', first))];
  assert.deepEqual(await (await device.post(token, unsent)).json(), { acknowledged: 3 });
  assert.deepEqual(await (await device.post(token, [next('eve', unsent[1])])).json(), { acknowledged: 4 });
  const after = new DatabaseSync(`${acme.dataDir}/central.sqlite`, { readOnly: true });
  t.after(() => after.close());
  assert.deepEqual(
    after
      .prepare('SELECT person FROM ledger WHERE device = ? ORDER BY rowid')
      .all(device.id)
      .map(({ person }) => person),
    [null, null, 'bob', 'ada', null],
    'Ada and Eve had no receipt of this device when the first two came',
  );
});
