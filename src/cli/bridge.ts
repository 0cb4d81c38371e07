import { resolve } from 'node:path';
import { runBridge } from '../bridge/bridge.ts';
import { startHost } from '../bridge/start.ts';
import { appVersion } from '../shell/install.ts';
import { options, runningDataDir } from './options.ts';
import { inert } from './print.ts';
import type { Io } from './verb.ts';

/** Milliseconds to wait for a host that is being started. */
const patienceMs = 20_000;
/** Milliseconds: Codex waits ten seconds for a server, others thirty and more. */
const earlyMs = 5_000;

/** Speaks MCP with the agent that started it. Standard output belongs to the protocol; what is for people goes to standard error. */
export async function run(args: string[], _io: Io): Promise<number> {
  const { data, values } = options(args, { verb: 'bridge', options: { server: { type: 'string' } } });
  const { server } = values as { server?: string };
  const dataDir = resolve(runningDataDir(data));
  const log = (text: string) => void process.stderr.write(`gatehouse bridge: ${inert(text)}\n`);
  await runBridge({
    dataDir,
    path: server === undefined ? '/mcp' : `/mcp/s/${encodeURIComponent(server)}`,
    input: process.stdin,
    output: process.stdout,
    log,
    absent: () => log(startHost(dataDir) ? 'starts Gatehouse' : 'waits for Gatehouse, which is not running'),
    patienceMs,
    earlyMs,
    version: appVersion(),
  });
  process.exit(0);
}
