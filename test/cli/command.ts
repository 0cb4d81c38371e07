import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const entry = fileURLToPath(new URL('../../src/cli/cli.ts', import.meta.url));

export interface Outcome {
  code: number | null;
  out: string;
  err: string;
}

/** Runs `gatehouse ...args` as a process of its own, as a person does. */
export async function gatehouse(args: string[], options: { env?: NodeJS.ProcessEnv; input?: string } = {}): Promise<Outcome> {
  const { GATEHOUSE_DATA: _, ...env } = process.env;
  const child = spawn(process.execPath, [entry, ...args], {
    env: { ...env, NO_COLOR: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A command may have said its last before it has read anything.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number | null]>]);
  return { code, out, err };
}
