import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { ownDevice } from './device.ts';
import { openAcme } from './open.ts';

type Json = Record<string, unknown>;
interface Answer {
  headers?: Record<string, { required?: boolean }>;
  content?: Record<string, { schema: Json }>;
}
interface Operation {
  security?: unknown[];
  responses: Record<string, Answer>;
}
const contract = parse(readFileSync(join(import.meta.dirname, '../../resources/central-api.openapi.yaml'), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
};

/** With every `$ref` replaced by what it names. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== 'object' || value === null) return value;
  const reference = (value as { $ref?: string }).$ref;
  if (reference !== undefined) {
    const steps = reference.replace('#/', '').split('/');
    return resolved(steps.reduce<unknown>((at, step) => (at as Json)[step], contract));
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner)]));
}

async function conforms(method: string, path: string, answer: Response): Promise<string> {
  const name = `${method} ${path} ${answer.status}`;
  const operation = resolved(contract.paths[path]?.[method]) as Operation | undefined;
  assert.ok(operation, `${name}: not in the contract`);
  const described = operation.responses[String(answer.status)];
  assert.ok(described, `${name}: this status is not in the contract`);
  for (const [header, { required }] of Object.entries(described.headers ?? {})) {
    assert.ok(required !== true || answer.headers.has(header), `${name}: ${header}`);
  }
  const type = answer.headers.get('content-type');
  if (described.content === undefined) assert.equal(type, null, name);
  else {
    assert.ok(type !== null && Object.hasOwn(described.content, type), `${name}: ${type}`);
    if (type === 'application/json') z.fromJSONSchema(described.content[type]!.schema as never).parse(await answer.json());
  }
  if (!answer.bodyUsed) await answer.body?.cancel();
  return `${method} ${path}`;
}

test('the real answers are what the contract says, for every route of it', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  const name = encodeURIComponent('example.acme/wiki');
  const unknown = encodeURIComponent('example.acme/unknown');
  const seen = new Set<string>();
  const get = async (path: string, at: string, headers: Record<string, string> = {}, bearer: string | undefined = token) =>
    seen.add(await conforms('get', path, await acme.get(at, bearer, headers)));
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) =>
    seen.add(await conforms('post', path, await acme.post(path, token, body, headers)));

  await get('/.well-known/gatehouse-configuration', '/.well-known/gatehouse-configuration');
  await get('/health', '/health');
  const bundle = await acme.get('/v1/bundle', token);
  await get('/v1/bundle', '/v1/bundle', { 'If-None-Match': bundle.headers.get('etag')! });
  seen.add(await conforms('get', '/v1/bundle', bundle));
  await get('/v1/events', '/v1/events');
  await get('/v0.1/servers', '/v0.1/servers?limit=1');
  await get('/v0.1/servers', '/v0.1/servers?limit=none');
  await get('/v0.1/servers/{serverName}/versions', `/v0.1/servers/${name}/versions`);
  await get('/v0.1/servers/{serverName}/versions', `/v0.1/servers/${unknown}/versions`);
  await get('/v0.1/servers/{serverName}/versions/{version}', `/v0.1/servers/${name}/versions/latest`);
  await get('/v0.1/servers/{serverName}/versions/{version}', `/v0.1/servers/${unknown}/versions/latest`);
  await post('/v1/receipts', { device: 'd', version: 1, at: '2026-11-23T09:00:00Z', jws: 'x' });
  const device = await ownDevice(acme);
  const upload = async (records: unknown[] | string) => seen.add(await conforms('post', '/v1/ledger', await device.post(token, records)));
  const own = async () => seen.add(await conforms('get', '/v1/ledger', await device.head(token)));
  await own();
  await upload([]);
  await upload('rubbish');
  await post('/v1/ledger', { device: 'd', records: [] });
  await get('/v1/ledger', '/v1/ledger');
  await post('/v1/ledger', {}, { 'Content-Type': 'text/plain' });
  const record = { at: '', person: '', server: '', method: '', target: '', decision: '', previousHash: '', hash: 'x' };
  await upload([{ ...record, seq: 7 }]);
  await post('/v1/requests', { kind: 'access', server: 'books', reason: 'Closing' });
  await post('/v1/requests', 'x'.repeat(100_000));

  for (const [path, operations] of Object.entries(contract.paths)) {
    for (const method of ['get', 'post'].filter((verb) => verb in operations)) {
      assert.ok(seen.has(`${method} ${path}`), `${method} ${path} was never called`);
      if (operations[method]!.security !== undefined) continue;
      const at = path.replace('{serverName}', name).replace('{version}', 'latest');
      const anonymous = method === 'get' ? await acme.get(at) : await acme.post(at, undefined, {});
      assert.equal(anonymous.status, 401);
      await conforms(method, path, anonymous);
    }
  }
  acme.issuer.setDown(true);
  await acme.restart();
  await get('/v1/bundle', '/v1/bundle');
});
