import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silent as log, openLog } from '../../src/base/log.ts';
import { managedName, settingKeys } from '../../src/config/settings.ts';
import { shellSettings } from '../../src/shell/shell-settings.ts';
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

const managed = (values: Record<string, unknown>) => ({ read: async () => ({ state: 'present' as const, where: 'managed.json', values }) });

test('managed settings that cannot be read or understood are not absent: nothing of the employee counts in their place', async () => {
  const user = host({ central: 'https://user.example', bundleKey: 'x' });
  for (const state of ['malformed', 'failed'] as const) {
    let reads = 0;
    const reader = { read: async () => ({ state, where: 'managed.json', problem: `managed.json is ${++reads}.` }) };
    await assert.rejects(shellSettings(user, {}, {}, reader), { code: 'unavailable', message: /managed.json is 3/ });
  }
  let first = true;
  const shaky = {
    async read() {
      const failed = first;
      first = false;
      return failed
        ? { state: 'failed' as const, where: 'managed.json', problem: 'busy' }
        : await managed({ Central: 'https://it.example' }).read();
    },
  };
  const settings = await shellSettings(user, {}, {}, shaky);
  settings.close();
  assert.equal(settings.core.central, 'https://it.example');
});

test('any slip in a managed name is refused; a name of a later version is not', async () => {
  for (const name of settingKeys.map(managedName)) {
    for (let at = 0; at < name.length; at++) {
      const slips = [
        name.slice(0, at) + name.slice(at + 1),
        `${name.slice(0, at)}${name[at]}${name.slice(at)}`,
        `${name.slice(0, at)}q${name.slice(at + 1)}`,
      ];
      for (const slip of slips) {
        await assert.rejects(shellSettings(host(), {}, {}, managed({ [slip]: 1 })), { code: 'bad-input', fix: /Did you mean/ }, slip);
      }
    }
  }
  const settings = await shellSettings(host(), {}, {}, managed({ AllowedHoursOfTheDay: 1 }));
  settings.close();
});

test('the log says as much as is set, also by IT', async () => {
  const own = openLog(undefined, 'nonsense');
  assert.equal(own.level, 'info');
  const settings = await shellSettings({ ...host(), log: own }, {}, {}, managed({ LogLevel: 'error' }));
  settings.close();
  assert.equal(own.level, 'error');
});
