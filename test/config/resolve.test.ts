import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { environmentValues, managedValues, resolve, userValues } from '../../src/config/resolve.ts';
import { managedName, settingKeys, settings, variableName } from '../../src/config/settings.ts';

const print = 'A'.repeat(43);
const jwk = { kty: 'OKP', crv: 'Ed25519', x: 'B'.repeat(43) };

test('without anything every setting has its default, which passes its own schema', () => {
  const resolved = resolve({ managed: {} });
  for (const key of settingKeys) {
    assert.equal(resolved[key].source, 'default', key);
    assert.equal(resolved[key].value, settings[key].default, key);
    if (settings[key].default !== undefined) assert.equal(settings[key].schema.parse(settings[key].default), settings[key].default);
    assert.ok(settings[key].description.endsWith('.'), key);
  }
  assert.equal(resolved.port.value, 4283);
  assert.equal(resolved.maxBodyBytes.value, 4 * 1024 * 1024);
  assert.equal(resolved.central.value, undefined);
});

test('the strongest owner has it: machine, company, environment, user', () => {
  const layers = {
    managed: { logLevel: 'error' },
    company: { logLevel: 'warn' },
    environment: { logLevel: 'info' },
    user: { logLevel: 'debug' },
  };
  const seen = [];
  for (const drop of ['managed', 'company', 'environment', 'user', undefined] as const) {
    const { value, source } = resolve(layers).logLevel;
    seen.push(`${source}=${value}`);
    if (drop !== undefined) layers[drop] = {} as never;
  }
  assert.deepEqual(seen, ['machine=error', 'company=warn', 'environment=info', 'user=debug', 'default=info']);
});

test('text as the registry and the environment have it becomes the value', () => {
  const { port, startAtLogin, maxDepth, central } = resolve({
    managed: { port: '4300', startAtLogin: 1, maxDepth: 128, central: 'https://gatehouse.example.com/' },
  });
  assert.deepEqual([port.value, startAtLogin.value, maxDepth.value, central.value], [4300, true, 128, 'https://gatehouse.example.com']);
});

test('nothing an employee writes stands where the machine meant to set something, even when that is malformed', () => {
  const user = { central: 'https://evil.example.com', maxBodyBytes: 99_999_999, port: 5000 };
  const { central, port, maxBodyBytes } = resolve({ managed: { central: 'gatehouse example', port: 'abc' }, user, environment: user });
  assert.equal(central.value, undefined);
  assert.equal(central.source, 'machine');
  assert.match(central.problem!, /central from the machine is not valid/);
  assert.equal(port.value, 4283);
  // Not the user's to set at all.
  assert.deepEqual(resolve({ managed: {}, user }).maxBodyBytes.source, 'default');
  assert.match(resolve({ managed: {}, user }).maxBodyBytes.problem!, /cannot be set by the user/);
  assert.equal(maxBodyBytes.source, 'environment');
});

test('a malformed value of a weaker owner counts as none and is said', () => {
  const { port } = resolve({ managed: {}, environment: { port: '70000' }, user: userValues((key) => (key === 'port' ? 4300 : undefined)) });
  assert.equal(port.value, 4300);
  assert.equal(port.source, 'user');
  assert.match(port.problem!, /port from the environment is not valid/);
});

test('the pin belongs to whoever set the central address, or to somebody stronger', () => {
  const ours = 'https://gatehouse.example.com';
  const over = resolve({ managed: { central: ours }, environment: { bundleKey: print } }).bundleKey;
  assert.equal(over.value, undefined);
  assert.match(over.problem!, /central is set by the machine/);
  assert.equal(resolve({ managed: { bundleKey: print }, user: { central: ours } }).bundleKey.value, print);
  assert.equal(resolve({ managed: {}, user: { central: ours, bundleKey: print } }).bundleKey.value, print);
  assert.equal(resolve({ managed: {}, environment: { central: ours }, user: { bundleKey: print } }).bundleKey.value, undefined);
});

test('a pin may be a thumbprint, a JWK, a list, or the JSON of these in a string', () => {
  for (const [written, wanted] of [
    [print, print],
    [jwk, jwk],
    [
      [print, jwk],
      [print, jwk],
    ],
    [JSON.stringify(jwk), jwk],
    [JSON.stringify([print]), [print]],
  ]) {
    assert.deepEqual(resolve({ managed: { bundleKey: written } }).bundleKey.value, wanted);
  }
  for (const written of ['short', '{', [], { kty: 'RSA' }, '42']) {
    const { value, problem } = resolve({ managed: { bundleKey: written } }).bundleKey;
    assert.equal(value, undefined);
    assert.ok(problem);
  }
});

test('managed names are the keys in Pascal case, in any case; a misspelt one is told', () => {
  assert.equal(managedName('maxBodyBytes'), 'MaxBodyBytes');
  assert.deepEqual(managedValues({ CENTRAL: 'x', maxBodyBytes: 1, UiPort: 2, Centrall: 3 }), {
    values: { central: 'x', maxBodyBytes: 1, uiPort: 2 },
    unknown: ['Centrall'],
  });
});

test('variables are named after the keys; an empty one is none', () => {
  assert.equal(variableName('maxBodyBytes'), 'GATEHOUSE_MAX_BODY_BYTES');
  assert.equal(variableName('logLevel'), 'GATEHOUSE_LOG');
  assert.equal(new Set(settingKeys.map(variableName)).size, settingKeys.length);
  assert.deepEqual(environmentValues({ GATEHOUSE_PORT: '4300', GATEHOUSE_CENTRAL: '', GATEHOUSE_LOG: 'debug', PATH: '/bin' }), {
    port: '4300',
    logLevel: 'debug',
  });
});

test('whatever can be set is used by somebody, and README.md says what it does', () => {
  const readers = readFileSync('src/shell/shell-settings.ts', 'utf8');
  const readme = readFileSync('README.md', 'utf8');
  for (const key of settingKeys) {
    assert.ok(readers.includes(`settings.${key}.value`), `nobody reads ${key}`);
    assert.match(readme, new RegExp(`^\\|.*\`${key}\`.*\\|$`, 'm'), `README.md does not name ${key}`);
  }
});
