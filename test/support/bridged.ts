import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silent as log } from '../../src/base/log.ts';
import type { Bundle } from '../../src/bundle/schema.ts';
import { openControl } from '../../src/shell/control.ts';
import { splitLines } from '../../src/shell/lines.ts';
import { entry as cli } from '../cli/command.ts';
import { smallCore } from '../headless/small-core.ts';
import { openTestGateway } from './gateway.ts';

type Json = Record<string, unknown>;

/** A gateway with the user-only socket of a shell before it, and bridges to it as agents start them. */
export async function openBridged(bundle: Bundle | undefined, options: Parameters<typeof openTestGateway>[1] = {}) {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'gatehouse-bridge-'));
  chmodSync(dataDir, 0o700);
  const house = await openTestGateway(bundle, { ...options, dataDir });
  const control = await openControl({ dataDir, log });
  control.attach({ ...smallCore(), bridge: house.bridge }, { 'window-open': async () => ({}) });
  return {
    ...house,
    dataDir,
    command: { command: process.execPath, args: [cli, 'bridge', '--data', dataDir] },
    /** The person's word, as soon as somebody asks. */
    async allowNext(choice: Parameters<typeof house.authorization.allow>[1] = {}) {
      for (;;) {
        const [request] = house.authorization.pending();
        if (request) return { request, ...house.authorization.allow(request.id, choice) };
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async close(keep = false) {
      await house.close();
      await control.close();
      if (!keep) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A bridge by hand: lines in, lines out. */
export function startBridge(dataDir: string, ...more: string[]) {
  const child: ChildProcess = spawn(process.execPath, [cli, 'bridge', '--data', dataDir, ...more], { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let said = '';
  let wake = () => {};
  // Not by readline: to it the U+2028 that a message may hold ends a line.
  const keep = (line: string) => {
    lines.push(line);
    wake();
  };
  child.stdout!.on(
    'data',
    splitLines(Number.POSITIVE_INFINITY, keep, () => {}),
  );
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    wake();
  });
  const next = async <T>(find: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (child.exitCode !== null) throw new Error(`the bridge ended with ${child.exitCode}: ${said}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  child.once('exit', () => wake());
  const read = (line: string) => JSON.parse(line) as Json;
  return {
    child,
    lines,
    write: (text: string | Buffer) => void child.stdin!.write(text),
    say: (message: Json) => void child.stdin!.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`),
    /** The line that answers an id, as it came. */
    answer: (id: unknown) => next(() => lines.find((line) => read(line)['id'] === id && read(line)['method'] === undefined)),
    heard: (method: string) => next(() => lines.map(read).find((message) => message['method'] === method)),
    told: (pattern: RegExp) => next(() => pattern.exec(said) ?? undefined),
    ended: async () =>
      child.exitCode === null && child.signalCode === null ? ((await once(child, 'exit')) as [number])[0] : child.exitCode,
  };
}

export const hello = (id: unknown = 1) => ({
  id,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: { elicitation: {} }, clientInfo: { name: 'hand', version: '1' } },
});
