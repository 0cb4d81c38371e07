import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { parse } from 'yaml';

type Part = 'mac' | 'win' | 'linux' | 'deb' | 'rpm';

const root = new URL('../../', import.meta.url);
const config = parse(readFileSync(new URL('electron-builder.yml', root), 'utf8')) as {
  electronFuses: Record<string, boolean>;
} & Record<Part, { icon?: string; entitlements?: string; afterInstall?: string; afterRemove?: string }>;

test('electron-builder.yml is what electron-builder understands', () => {
  // As electron-builder itself finds them: its library and, from there, its validator.
  const tool = createRequire(createRequire(import.meta.url).resolve('electron-builder/package.json'));
  const builder = createRequire(tool.resolve('app-builder-lib/package.json'));
  const Ajv = builder('ajv') as {
    new (options: object): { compile(schema: unknown): ((data: unknown) => boolean) & { errors?: unknown } };
  };
  const schema = JSON.parse(readFileSync(tool.resolve('app-builder-lib/scheme.json'), 'utf8')) as unknown;
  const validate = new Ajv({ strict: false, allErrors: true, logger: false }).compile(schema);
  assert.ok(validate(config), JSON.stringify(validate.errors, null, 1));
});

test('the fuses close each way to run other code with our signature', () => {
  assert.deepEqual(config.electronFuses, {
    runAsNode: false,
    enableCookieEncryption: true,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    loadBrowserProcessSpecificV8Snapshot: false,
    grantFileProtocolExtraPrivileges: false,
  });
});

test('what it names is there, and the scripts are sound', () => {
  for (const part of ['mac', 'win', 'linux', 'deb', 'rpm'] as const) {
    const { icon, entitlements, afterInstall, afterRemove } = config[part];
    for (const file of [icon, entitlements, afterInstall, afterRemove]) {
      if (file === undefined) continue;
      assert.ok(existsSync(new URL(file, root)), file);
      if (file.endsWith('.sh') && process.platform !== 'win32') execFileSync('/bin/sh', ['-n', new URL(file, root).pathname]);
    }
  }
});
