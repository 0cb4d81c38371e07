import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type SmallCentral, smallBundle, smallCentral } from '../support/central.ts';
import { client, person } from './open.ts';

const events = 'GET /v1/events';
let central: SmallCentral;
const opened: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  central = await smallCentral();
  await central.publish(smallBundle(1));
});
afterEach(async () => {
  for (const company of opened.splice(0)) await company.close();
  await central.close();
});
const open = (options: Parameters<typeof client>[1] = {}) => {
  const company = client(central, options);
  opened.push(company);
  return company;
};

test('an announced version is fetched at once; one that we have is not', async () => {
  const company = open();
  await company.start(person);
  await central.asked(events, 1);
  await company.refresh();
  const before = central.count('GET /v1/bundle');
  central.announce(1);
  await central.publish(smallBundle(2));
  central.announce(2);
  await company.until(() => company.bundle().bundle?.version === 2);
  assert.ok(central.count('GET /v1/bundle') <= before + 2);
});

test('an announcement during a fetch that brings the version before leads to one more', async () => {
  const company = open();
  await company.start(person);
  await central.asked(events, 1);
  await company.refresh();
  let release = () => {};
  const old = central.jws!;
  central.answers.set('GET /v1/bundle', (_, response) => {
    release = () => response.writeHead(200, { etag: '"old"' }).end(old);
  });
  const slow = company.refresh();
  await central.asked('GET /v1/bundle', central.count('GET /v1/bundle') + 1);
  central.answers.clear();
  await central.publish(smallBundle(2));
  central.announce(2);
  release();
  await slow;
  await company.until(() => company.bundle().bundle?.version === 2);
});

test('a stream that ends or is torn is opened again, and what was missed is fetched', async () => {
  const company = open();
  await company.start(person);
  for (const version of [2, 3]) {
    await central.asked(events, version - 1);
    await central.publish(smallBundle(version));
    for (const stream of central.streams) version === 2 ? stream.end() : stream.destroy();
    await company.until(() => company.bundle().bundle?.version === version);
  }
});

test('silence counts as a dead connection', async () => {
  const company = open({ timing: { heartbeatMs: 30 } });
  await company.start(person);
  await central.asked(events, 3);
});

test('a stream that was refused for its token is opened with a fresh one', async () => {
  let current = 't1';
  const company = open({ token: (force) => (force ? (current = 't2') : current) });
  await company.start(person);
  await central.asked(events, 1);
  central.tokens = new Set(['t2']);
  for (const stream of central.streams) stream.end('event: end\ndata: {"reason":"token expired"}\n\n');
  await central.asked(events, 3);
  assert.equal(central.seen.findLast(({ route }) => route === events)?.headers.authorization, 'Bearer t2');
});

test('rubbish in the stream, or something else in its place, harms nobody: it polls on and comes back', async () => {
  const answers: ((write: (text: string) => void) => void)[] = [
    (write) => write('event: bundle\ndata: {"version":"9"}\n\nevent: bundle\ndata: nonsense\n\n: \n\ndata\n\n'),
    (write) => write(`data: ${'x'.repeat(100_000)}\n\n`),
    (write) => write('x'.repeat(200_000)),
  ];
  central.answers.set(events, (_, response) => {
    const next = answers.shift();
    if (next === undefined) return response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    next((text) => response.write(text));
    if (answers.length === 2) response.end();
  });
  const company = open();
  await company.start(person);
  await central.asked(events, 5);
  assert.equal(company.bundle().state, 'fresh');
  assert.equal(company.contact().state, 'online');
});

test('after stop nothing is asked any more', async () => {
  const company = open();
  await company.start(person);
  await central.asked(events, 1);
  const ended = new Promise<void>((resolve) => [...central.streams][0]!.on('close', resolve));
  company.stop({ forget: true });
  await ended;
  const before = central.seen.length;
  await central.publish(smallBundle(2));
  await company.refresh();
  await company.close();
  assert.equal(central.seen.length, before);
});
