import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Failure } from '../../src/base/errors.ts';
import { readText } from '../../src/company/answer.ts';
import { retryAfterMs, send } from '../../src/company/send.ts';
import { type SmallCentral, smallCentral } from '../support/central.ts';

let central: SmallCentral;
before(async () => {
  central = await smallCentral();
});
after(() => central.close());
beforeEach(() => central.answers.clear());

const ask = (options: { accessToken?: () => Promise<string>; signal?: AbortSignal; timeoutMs?: number } = {}) =>
  send(
    { fetch, accessToken: options.accessToken ?? (async () => 't1') },
    {
      method: 'GET',
      url: `${central.url}/x`,
      statuses: [200],
      read: (response) => readText(response, 1000),
      signal: options.signal ?? new AbortController().signal,
      timeoutMs: options.timeoutMs ?? 5000,
    },
  );
const answer = (status: number, body: string, headers: Record<string, string> = {}) =>
  central.answers.set('GET /x', (_, response) => response.writeHead(status, headers).end(body));
async function failure(asked: Promise<unknown>): Promise<Failure> {
  const error = await asked.then(
    () => assert.fail('it should have failed'),
    (problem: unknown) => problem,
  );
  assert.ok(error instanceof Failure, String(error));
  return error;
}

test('each status has its code, the words of the other side in short, and a way out', async () => {
  for (const [status, code] of [
    [403, 'denied'],
    [404, 'not-found'],
    [409, 'conflict'],
    [413, 'bad-input'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [302, 'unavailable'],
  ] as const) {
    answer(status, JSON.stringify({ message: `Because. ${'x'.repeat(5000)}` }), status === 302 ? { location: '/y' } : {});
    const { code: actual, fix, message } = await failure(ask());
    assert.equal(actual, code);
    assert.ok(fix);
    assert.ok(message.length < 500, message);
    if (status !== 302) assert.match(message, /Because/);
  }
  answer(500, `<html>${'x'.repeat(100_000)}`);
  assert.doesNotMatch((await failure(ask())).message, /html/);
});

test('Retry-After is heeded within reason', async () => {
  for (const [header, ms] of [
    ['120', 120_000],
    ['99999', 3_600_000],
    ['soon', 0],
    ['-5', 0],
  ] as const) {
    answer(503, '', { 'retry-after': header });
    assert.equal(retryAfterMs(await failure(ask())), ms);
  }
  assert.equal(retryAfterMs(new Error('x')), 0);
});

test('the deadline holds while waiting for a token; what the token says comes through as it is', async () => {
  assert.equal((await failure(ask({ accessToken: () => new Promise(() => {}), timeoutMs: 20 }))).code, 'timed-out');
  const signedOut = new Failure('signed-out', 'Sign in.');
  assert.equal(await failure(ask({ accessToken: () => Promise.reject(signedOut) })), signedOut);
});

test('an abort of the caller comes through as an abort', async () => {
  central.answers.set('GET /x', () => {});
  const controller = new AbortController();
  const asked = ask({ signal: controller.signal });
  controller.abort();
  await assert.rejects(asked, { name: 'AbortError' });
});

test('text that is no UTF-8 is a failure, not a guess', async () => {
  central.answers.set('GET /x', (_, response) => response.end(Buffer.from([0x61, 0xff])));
  assert.equal((await failure(ask())).code, 'unavailable');
});
