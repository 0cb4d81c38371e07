import { Failure } from '../base/errors.ts';
import type { View } from '../contract/view.ts';
import { ask, watch } from '../shell/control-client.ts';
import { options, runningDataDir } from './options.ts';
import { paint, plain } from './print.ts';
import type { Io } from './verb.ts';

export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, values } = options(args, { verb: 'login', options: { device: { type: 'boolean' } } });
  const dataDir = runningDataDir(data);
  const { url, userCode } = await ask(dataDir, 'sign-in', { method: values.device === true ? 'device' : 'browser' });
  if (url !== undefined) io.err(`Go to  ${plain(url)}${userCode === undefined ? '' : `\nCode   ${paint(io, 'bold', plain(userCode))}`}`);
  io.err('Waiting for you to sign in (Ctrl-C gives up) ...');
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  let last: View['identity'] | undefined;
  try {
    await watch(
      dataDir,
      (view) => {
        last = view.identity;
        return last.state === 'signing-in' || last.state === 'starting';
      },
      stop.signal,
    );
  } finally {
    process.off('SIGINT', interrupt);
  }
  if (stop.signal.aborted) {
    await ask(dataDir, 'sign-in-cancel', {});
    throw new Failure('signed-out', 'The sign-in was given up.');
  }
  if (last?.state !== 'signed-in') {
    throw last?.error === undefined
      ? new Failure('signed-out', 'The sign-in did not complete.', 'Try again: gatehouse login')
      : new Failure(last.error.code, last.error.message, last.error.fix);
  }
  const person = last.person;
  if (json) io.out(JSON.stringify({ person }));
  else io.out(`Signed in as ${plain(person?.name ?? person?.sub ?? 'you')}.`);
  return 0;
}
