import type { AgentFile } from './programs/client.ts';
import { tryConnection, trySignIn } from './verify.ts';
import { tryBridge } from './verify-bridge.ts';

/**
 * Proves what stands in an agent's file: with its token by a connection, which gives how many tools it was shown; without one only that it leads to us, as
 * the person allows the agent later. Throws Failure('unavailable').
 */
export async function prove(
  { startsBridge }: AgentFile,
  said: { url: string; token?: string },
  own: { dir: string; version: string },
): Promise<number | undefined> {
  if (said.token !== undefined) return tryConnection(said.url, said.token, own.version);
  await (startsBridge ? tryBridge(said.url, own.dir) : trySignIn(said.url));
  return undefined;
}
