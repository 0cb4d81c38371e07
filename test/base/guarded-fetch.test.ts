// What fetches URLs that strangers name: where it goes, and what it takes back.
import assert from 'node:assert/strict';
import type { LookupAddress, lookup } from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type AddressKind, kindOf, within } from '../../src/base/address-kind.ts';
import { guardedFetch, literalPlace } from '../../src/base/guarded-fetch.ts';

async function serve(t: TestContext, handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('each address is of the kind that the IANA registries say, in each of its spellings', () => {
  const kinds: Record<AddressKind, string[]> = {
    public: [
      '8.8.8.8',
      '1.1.1.1',
      '172.32.0.1',
      '100.128.0.1',
      '2606:4700::1111',
      '93.184.216.34',
      '2a00:1450:4001::1',
      '::ffff:8.8.8.8',
      '64:ff9b::808:808',
    ],
    private: [
      '10.0.0.1',
      '198.18.0.1',
      'fc00::1',
      'fd12::1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      'fd00::1',
      '::ffff:10.0.0.1',
      '64:ff9b::a00:1',
    ],
    loopback: ['127.0.0.1', '127.255.255.254', '::1', '[::1]', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1', '::127.0.0.1'],
    never: [
      '169.254.169.254',
      '::ffff:169.254.169.254',
      '::ffff:a9fe:a9fe',
      '64:ff9b::a9fe:a9fe',
      'fe80::1',
      'fe80::1%eth0',
      '0.0.0.0',
      '::',
      '224.0.0.1',
      '255.255.255.255',
      '2002:a9fe:a9fe::1',
      'ff02::1',
      '2001:db8::1',
      '3fff::1',
      '4000::1',
      '5f00::1',
      'example.com',
      '',
      '0x7f.1',
      '192.0.0.8',
      '192.0.2.1',
      '198.51.100.1',
      '203.0.113.1',
      '240.0.0.1',
      '2001::1',
      '2002:7f00:1::',
      'not one',
    ],
  };
  for (const [kind, addresses] of Object.entries(kinds)) for (const address of addresses) assert.equal(kindOf(address), kind, address);
});

test('an IPv6 address that stands for an IPv4 one is of the kind of that', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      const kind = kindOf(address);
      for (const spelling of [`::ffff:${address}`, `::ffff:${hex}`, `64:ff9b::${hex}`, `[::ffff:${hex}]`]) {
        // The canonical form of some leaves out a part; what cannot be told is never reached.
        const told = kindOf(spelling);
        assert.ok(told === kind || told === 'never', `${spelling}: ${told}, ${address}: ${kind}`);
      }
    }),
  );
});

test('from outside nothing inside is reached, and nothing reaches what hands out credentials', () => {
  for (const most of ['public', 'private', 'loopback', 'never'] as const) assert.equal(within('never', most), false);
  assert.equal(within('loopback', 'private'), false);
  assert.equal(within('public', 'loopback'), true);
});

test('a guarded fetch refuses each address that is not to be reached, before a byte is sent', async (t) => {
  let requests = 0;
  const origin = await serve(t, (_request, response) => {
    requests++;
    response.end('{}');
  });
  const port = new URL(origin).port;
  for (const most of ['public', 'private'] as const) {
    const fetch = guardedFetch(most);
    for (const url of [
      origin,
      `http://localhost:${port}`,
      `https://localhost:${port}`,
      `https://127.0.0.1:${port}`,
      `https://[::1]:${port}`,
      `https://[::ffff:7f00:1]:${port}`,
      `https://2130706433:${port}`,
      `https://0x7f.1:${port}`,
      `https://127.1:${port}`,
      'https://169.254.169.254/latest/meta-data',
      'https://[fe80::1]/',
      'http://example.com/',
      'file:///etc/passwd',
      'ftp://example.com/',
      'https://user:secret@example.com/',
      'https://0.0.0.0/',
    ])
      await assert.rejects(async () => await fetch(url), { code: 'denied' }, `${most}: ${url}`);
  }
  assert.equal(requests, 0);
  await assert.rejects(async () => await guardedFetch('public')('https://10.0.0.1/'), { code: 'denied' });
  await assert.rejects(
    async () => await guardedFetch('loopback')('http://10.0.0.1/'),
    { code: 'denied' },
    'in the clear on this machine only',
  );
  assert.equal((await guardedFetch('loopback')(origin)).status, 200);
});

test('a name is judged by the addresses that are connected to, all of them, each time', async (t) => {
  let requests = 0;
  const origin = await serve(t, (_request, response) => {
    requests++;
    response.end('{}');
  });
  const { port } = new URL(origin);
  let answer: LookupAddress[] = [];
  const names = ((_host: string, _options: unknown, done: (error: null, found: LookupAddress[]) => void) =>
    done(null, answer)) as typeof lookup;
  const fetch = guardedFetch('private', { names });
  for (const addresses of [[], ['127.0.0.1'], ['10.0.0.1', '127.0.0.1'], ['::ffff:127.0.0.1'], ['169.254.169.254'], ['::1'], ['0.0.0.0']]) {
    answer = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    await assert.rejects(
      async () => await fetch(`https://rebound.example:${port}/`),
      ({ cause }: Error) => (cause as { code?: string }).code === 'denied',
      addresses.join(),
    );
  }
  assert.equal(requests, 0);
  assert.equal(literalPlace(new URL('http://localhost./')), 'loopback');
  assert.equal(literalPlace(new URL('https://rebound.example/')), undefined, 'its owner says where it leads');
});

test('redirects are not followed, and time and size are bounded', async (t) => {
  let elsewhere = 0;
  const other = await serve(t, (_request, response) => {
    elsewhere++;
    response.end();
  });
  const origin = await serve(t, (request, response) => {
    if (request.url === '/away') return void response.writeHead(302, { location: other }).end();
    if (request.url === '/slow') return void response.writeHead(200).write('{');
    if (request.url === '/drip') {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
      return;
    }
    if (request.url === '/never') return;
    response.writeHead(200, { 'content-type': 'application/json' });
    const chunk = Buffer.alloc(65_536, 32);
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    more();
  });
  const fetch = guardedFetch('loopback', { limits: { timeoutMs: 400, bytes: 100_000 } });
  assert.equal((await fetch(`${origin}/away`)).status, 302);
  assert.equal(elsewhere, 0);
  for (const path of ['/slow', '/drip', '/never', '/endless']) await assert.rejects(async () => await fetch(origin + path), path);
});
