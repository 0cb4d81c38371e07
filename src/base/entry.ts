import { fileURLToPath } from 'node:url';

/** The programs that run beside the main one: a worker thread, a watchdog process, a demo server. */
export type Entry = 'ledger/writer' | 'upstreams/messages/reader' | 'upstreams/local/watchdog';

/**
 * Where such a program lies: beside its source when we run from source, in the one flat folder of the build otherwise.
 * Takes a path below src/ without its ending.
 */
export function entryUrl(entry: Entry): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL(`../${entry}.ts`, import.meta.url)
    : new URL(`./${entry.replaceAll('/', '-')}.js`, import.meta.url);
}

/** The file of the `gatehouse` command, from source or from the build as we run now. */
export const cliFile = (): string =>
  fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../cli/cli.ts' : './cli.js', import.meta.url));
