import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openAcme } from './open.ts';

interface Payload {
  servers: { id: string }[];
  policies: { id: string }[];
}

test('a server that is seen at some hours, or by one person, is in the bundle all the time; the registry shows what may be seen now', async (t) => {
  const acme = await openAcme(t);
  const bundleOf = async (groups: string[]): Promise<Payload> => {
    const jws = await (await acme.get('/v1/bundle', await acme.token(groups))).text();
    return JSON.parse(Buffer.from(jws.split('.')[1]!, 'base64url').toString());
  };
  const wait = async (version: number) => {
    while (acme.central().version() < version) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  // No moment has an hour of 24: the rule never holds when the bundle is made, as one for office hours does not at night.
  acme.write(
    'policies/more.cedar',
    `@id("T-1") @reason("At some hours.")
permit (principal in Group::"apollo", action == Action::"discover", resource == Server::"books")
when { context.now.hour == 24 };`,
  );
  await wait(2);
  assert.deepEqual(
    (await bundleOf(['apollo'])).servers.map(({ id }) => id),
    ['books'],
  );
  assert.deepEqual(
    (await bundleOf(['staff'])).servers.map(({ id }) => id),
    ['wiki'],
  );
  const listed = (await (await acme.get('/v0.1/servers', await acme.token(['apollo']))).json()) as { servers: unknown[] };
  assert.deepEqual(listed.servers, []);

  acme.write(
    'policies/more.cedar',
    `@id("U-1") @reason("Ada closes the books.")
permit (principal == User::"ada", action == Action::"discover", resource == Server::"books");`,
  );
  await wait(3);
  assert.deepEqual(
    (await bundleOf(['staff'])).servers.map(({ id }) => id),
    ['books', 'wiki'],
  );
  assert.ok((await bundleOf(['staff'])).policies.some(({ id }) => id === 'U-1'));

  acme.write('policies/more.cedar', '// Nothing more.');
  await wait(4);
  assert.deepEqual(
    (await bundleOf(['staff'])).servers.map(({ id }) => id),
    ['wiki'],
  );
});
