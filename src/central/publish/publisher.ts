import { Failure } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { compileCompany, type PolicyTools } from '../content/compile.ts';
import { readFolder } from '../content/folder.ts';
import { describeProblem, hasErrors, type Problem } from '../content/problem.ts';
import type { CentralStore, Published } from '../store/store.ts';
import { watchFolder } from './watch.ts';

export interface Publisher {
  current(): Published;
  /** Of the folder as it is now: with errors among them, `current` is the last good version and not the folder. */
  problems(): readonly Problem[];
  close(): Promise<void>;
}

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

  async function load(): Promise<void> {
    let company: Awaited<ReturnType<typeof compileCompany>>['company'];
    try {
      const read = await readFolder(folder);
      if (read.digest === digest) return;
      digest = read.digest;
      ({ company, problems } = await compileCompany(read, variables, policy));
    } catch (error) {
      digest = undefined;
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
  const watcher = watchFolder(folder, () => load().catch((error) => log.error({ err: error }, 'publishing failed')));
  return {
    current: () => current!,
    problems: () => problems,
    close: () => watcher.close(),
  };
}

/** One word for `/health`. */
export function statusOf(problems: readonly Problem[]): 'ok' | 'degraded' {
  return hasErrors(problems) ? 'degraded' : 'ok';
}
