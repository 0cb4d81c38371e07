import { Failure } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type CompiledCompany, compileCompany, type PolicyTools } from '../content/compile.ts';
import { type Folder, readFolder } from '../content/folder.ts';
import { describeProblem, hasErrors, type Problem } from '../content/problem.ts';
import { quietFor } from '../content/stamps.ts';
import type { CentralStore, Published } from '../store/store.ts';
import { loosened } from './loosened.ts';
import { type Watcher, watchFolder } from './watch.ts';

export interface Publisher {
  current(): Published;
  /** Of the folder as it is now: with errors among them, `current` is the last good version and not the folder. */
  problems(): readonly Problem[];
  close(): Promise<void>;
}

/**
 * How many milliseconds the folder must be unchanged before a version is published that protects less than the last one: while somebody copies or writes
 * slowly, a file is incomplete or missing for a while. A version that protects as much or more is published at once.
 */
const stillFor = 5000;

/** Keeps the published version in step with the folder. What does not compile is refused as a whole: half a change is never published. */
export async function openPublisher(options: {
  folder: string;
  variables: Readonly<Record<string, string>>;
  policy: PolicyTools;
  store: CentralStore;
  log: Log;
  now: () => number;
  onPublished(next: Published): void;
}): Promise<Publisher> {
  const { folder, variables, policy, store, log, now } = options;
  let problems: Problem[] = [];
  let digest: string | undefined;
  let current = store.lastPublished();
  let watcher: Watcher | undefined;
  let held: { stamps: string; since: number; company: CompiledCompany; problems: Problem[] } | undefined;

  async function load(): Promise<void> {
    let company: CompiledCompany | undefined;
    let read: Folder;
    try {
      read = await readFolder(folder);
      if (read.digest === digest) return release(read);
      digest = read.digest;
      held = undefined;
      ({ company, problems } = await compileCompany(read, variables, policy));
    } catch (error) {
      digest = undefined;
      held = undefined;
      const [message, fix] =
        error instanceof Failure
          ? [error.message, error.fix ?? '']
          : ['The folder cannot be read.', 'Check its permissions; the cause is in the log.'];
      problems = [{ severity: 'error', file: '.', line: 1, message, fix }];
      if (!(error instanceof Failure)) log.error({ err: error, folder }, 'reading the company folder failed');
    }
    if (company === undefined) {
      log.error({ problems, version: current?.version }, 'the change was refused; the last good version stays');
      return;
    }
    if (current !== undefined && hold(read!, company, loosened(current.company, company))) return;
    publish(company);
  }

  /** Whether the change has to wait. At a start, the file times say how long the folder has been unchanged; later, we have watched it ourselves. */
  function hold(read: Folder, company: CompiledCompany, lost: string[]): boolean {
    if (lost.length === 0 || (watcher === undefined && quietFor(read.stamps) >= stillFor)) return false;
    held = { stamps: read.stamps.text, since: performance.now(), company, problems };
    const message = `The folder no longer has ${lost.slice(0, 5).join(', ')}${lost.length > 5 ? ` and ${lost.length - 5} more` : ''}. This is published when it has been still for ${stillFor / 1000} seconds.`;
    problems = [{ severity: 'warning', file: '.', line: 1, message, fix: 'If that is not meant, put it back.' }, ...problems];
    log.warn({ lost, version: current?.version }, 'the change takes protection away, and waits');
    watcher?.later(stillFor);
    return true;
  }

  /** Publishes what was held back, once the folder has been unchanged for long enough. */
  function release(read: Folder): void {
    if (held === undefined) return;
    if (read.stamps.text !== held.stamps) held = { ...held, stamps: read.stamps.text, since: performance.now() };
    const left = stillFor - (performance.now() - held.since);
    if (left > 0) return watcher?.later(left);
    const { company } = held;
    ({ problems } = held);
    held = undefined;
    publish(company);
  }

  function publish(company: CompiledCompany): void {
    if (problems.length > 0) log.warn({ problems }, 'the folder has warnings');
    const { changed, ...published } = store.publish(company, new Date(now()).toISOString());
    const announce = changed && current !== undefined;
    current = published;
    if (changed) log.info({ version: published.version }, 'published');
    if (announce) options.onPublished(published);
  }

  await load();
  if (current === undefined) {
    const errors = problems.filter(({ severity }) => severity === 'error');
    const text = `The company folder ${folder} is not valid:\n${errors.map((problem) => `  ${describeProblem(problem)}`).join('\n')}`;
    throw new Failure('bad-input', text, `Correct it; \`gatehouse policy check ${folder}\` shows what is left.`);
  }
  const watching = watchFolder(folder, () => load().catch((error) => log.error({ err: error }, 'publishing failed')));
  watcher = watching;
  return {
    current: () => current!,
    problems: () => problems,
    close: () => watching.close(),
  };
}

/** One word for `/health`. */
export function statusOf(problems: readonly Problem[]): 'ok' | 'degraded' {
  return hasErrors(problems) ? 'degraded' : 'ok';
}
