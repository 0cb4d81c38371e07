import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shellSettings } from '../../src/headless/shell-settings.ts';
import { silent as log } from '../../src/log.ts';
import { memorySettings } from '../support/host.ts';

const host = (user: Record<string, unknown> = {}) => ({ log, settings: memorySettings(new Map(Object.entries(user))) });

test('flags go over the environment, the environment over what the person set', async () => {
  const user = host({ central: 'https://user.example', port: 5000, uiPort: 5001 });
  const settings = await shellSettings(user, { port: 7000 }, { GATEHOUSE_CENTRAL: 'https://env.example/', GATEHOUSE_PORT: '6000' });
  settings.close();
  assert.deepEqual([settings.core.central, settings.core.port, settings.uiPort], ['https://env.example', 7000, 5001]);
  const usual = await shellSettings(host(), {}, {});
  usual.close();
  assert.deepEqual([usual.core.central, usual.core.port, usual.uiPort, usual.core.maxBodyBytes], [undefined, 4283, 4284, 4 * 1024 * 1024]);
});

test('port 0 is one that the system chooses', async () => {
  const settings = await shellSettings(host(), { port: 0, uiPort: 0 }, {});
  settings.close();
  assert.deepEqual([settings.core.port, settings.uiPort], [0, 0]);
});

test('a flag that is not valid is an error that names it', async () => {
  await assert.rejects(shellSettings(host(), { central: 'ftp://x' }, {}), { code: 'bad-input', message: /--central/ });
  await assert.rejects(shellSettings(host(), { maxBodyBytes: 1 }, {}), { code: 'bad-input', message: /--max-body/ });
});
