import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../base/errors.ts';
import type { View } from '../contract/view.ts';
import { ask, watch } from '../shell/control-client.ts';
import { driveSignIn } from './drive-sign-in.ts';

const patience = 30_000;

/** Signs `account` in through the running host, by the real flow without a browser, and waits for the bundle. Somebody else is signed out first. */
export async function signInAs(dataDir: string, account: string): Promise<void> {
  const giveUp = AbortSignal.timeout(patience);
  const settled = await until(dataDir, giveUp, (view) => view.identity.state !== 'starting');
  const present = settled.identity.state === 'signed-in' ? settled.identity.person?.sub : undefined;
  if (present !== account) {
    if (present !== undefined) await ask(dataDir, 'sign-out', {});
    const { url } = await begin(dataDir, giveUp);
    await driveSignIn(url, account);
  }
  const done = await until(
    dataDir,
    giveUp,
    ({ identity, bundle }) =>
      (identity.state === 'signed-in' && bundle.state === 'fresh') || (identity.state === 'signed-out' && identity.error !== undefined),
  );
  const error = done.identity.error;
  if (error !== undefined && done.identity.state === 'signed-out') throw new Failure(error.code, error.message, error.fix);
  await signInToServers(dataDir, account, giveUp);
}

/** The same account at each server that has a sign-in of its own. */
async function signInToServers(dataDir: string, account: string, giveUp: AbortSignal): Promise<void> {
  const { servers } = await until(dataDir, giveUp, (view) => view.servers.every(({ signIn }) => signIn?.state !== 'unknown'));
  for (const { id, signIn } of servers) {
    if (signIn === undefined || signIn.state === 'signed-in') continue;
    const { url } = await ask(dataDir, 'server-sign-in', { server: id });
    await driveSignIn(url, account);
  }
}

/** The host may not have reached the company yet in its first moments. */
async function begin(dataDir: string, giveUp: AbortSignal): Promise<{ url: string }> {
  for (;;) {
    try {
      const { url } = await ask(dataDir, 'sign-in', { method: 'browser' });
      if (url !== undefined) return { url };
      throw new Failure('unavailable', 'The sign-in has no address.');
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'unavailable' || giveUp.aborted) throw error;
      await sleep(100);
    }
  }
}

async function until(dataDir: string, giveUp: AbortSignal, holds: (view: View) => boolean): Promise<View> {
  let match: View | undefined;
  let last: View | undefined;
  await watch(
    dataDir,
    (view) => {
      last = view;
      if (holds(view)) match = view;
      return match === undefined;
    },
    giveUp,
  );
  if (match !== undefined) return match;
  const error = last?.bundle.error ?? last?.company.error ?? last?.identity.error;
  if (error !== undefined) throw new Failure(error.code, error.message, error.fix);
  throw new Failure('timed-out', 'The demo did not get ready to sign in.', 'See logs/ in the data folder, then start it again.');
}
