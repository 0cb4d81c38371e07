import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json, resources/ and dist/: two above this file, in the source (src/headless) and in the build (dist/main) alike. */
export function installRoot(): string {
  return dirname(dirname(dirname(fileURLToPath(import.meta.url))));
}

/** The version that is shown and sent: package.json is the one place that states it. */
export function appVersion(root = installRoot()): string {
  const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string };
  return version;
}

/** How to start this same program again: its entry file, from source or from the build as we run now. */
export function cliEntry(root = installRoot()): string {
  return import.meta.url.endsWith('.ts') ? `${root}/src/cli/cli.ts` : `${root}/dist/main/cli.js`;
}
