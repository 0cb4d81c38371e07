import { existsSync, readFileSync } from 'node:fs';
import * as cedar from '@cedar-policy/cedar-wasm/web';
import { Failure } from '../../base/errors.ts';

export type Cedar = Omit<typeof cedar, 'default' | 'initSync'>;

let loaded: Cedar | undefined;

/**
 * Cedar's engine, loaded at first use (about 25 ms, 13 MB) and once per thread: it keeps its parsed policy sets in memory of its own.
 * The `/web` build is the only one that survives bundling into one file with the .wasm beside it.
 */
export function loadCedar(): Cedar {
  if (!loaded) {
    cedar.initSync({ module: readFileSync(findWasm()) });
    loaded = cedar;
  }
  return loaded;
}

/** Beside us in the build's flat folder; in the package when we run from source. */
function findWasm(): URL {
  const beside = new URL('./cedar_wasm_bg.wasm', import.meta.url);
  if (existsSync(beside)) return beside;
  const packaged = new URL('./cedar_wasm_bg.wasm', import.meta.resolve('@cedar-policy/cedar-wasm/web'));
  if (existsSync(packaged)) return packaged;
  throw new Failure('integrity', 'The policy engine (cedar_wasm_bg.wasm) is missing.', 'Install Gatehouse again.');
}
