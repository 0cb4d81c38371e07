import { resolve } from 'node:path';
import { codes, Failure } from '../base/errors.ts';
import { options, variables } from './options.ts';
import { paint, plain, table } from './print.ts';
import { usageOf } from './usage.ts';
import type { Io } from './verb.ts';

/** Works on a company's folder; needs no running host. */
export async function run(args: string[], io: Io): Promise<number> {
  const { json, positionals, values } = options(args, {
    verb: 'policy',
    positionals: [2, 3],
    options: { var: { type: 'string', multiple: true } },
  });
  const [action, folder, server] = positionals as [string, string, string?];
  const vars = variables(values.var as string[] | undefined);
  if (action === 'check' && server === undefined) return check(folder, vars, json, io);
  if (action === 'bless') return bless(folder, server, vars, json, io);
  throw new Failure('bad-input', `"policy ${positionals.join(' ')}" is not understood.`, usageOf('policy'));
}

async function check(folder: string, vars: Record<string, string>, json: boolean, io: Io): Promise<number> {
  const { checkFolder } = await import('../central/content/check.ts');
  const { describeProblem, hasErrors } = await import('../central/content/problem.ts');
  const { policyTools } = await import('./policy-tools.ts');
  const { problems, summary } = await checkFolder(resolve(folder), { policy: policyTools, variables: vars });
  const ok = !hasErrors(problems);
  if (json) io.out(JSON.stringify({ ok, problems, summary }));
  else {
    for (const problem of problems) io.out(paint(io, problem.severity === 'error' ? 'red' : 'yellow', plain(describeProblem(problem))));
    const { company, servers, tools, policies, groups, remixes } = summary;
    const counts = `${servers} servers, ${tools} tools, ${policies} policies, ${groups} groups, ${remixes} remixes`;
    if (ok) io.out(`${paint(io, 'green', 'Good to publish.')} ${plain(company ?? folder)}: ${counts}.`);
    else io.err(`${problems.filter((problem) => problem.severity === 'error').length} errors: this folder would not be published.`);
  }
  return ok ? 0 : codes['bad-input'].exit;
}

async function bless(folder: string, server: string | undefined, vars: Record<string, string>, json: boolean, io: Io): Promise<number> {
  const { bless } = await import('../central/publish/bless.ts');
  const { fetchCatalogue } = await import('../central/publish/catalogue.ts');
  const done = await bless(resolve(folder), server, { fetchCatalogue, variables: vars });
  if (json) io.out(JSON.stringify(done));
  else {
    const list = (names: string[]) => (names.length === 0 ? '-' : names.map(plain).join(', '));
    io.out(
      table(
        io,
        ['SERVER', 'TOOLS', 'ADDED', 'CHANGED', 'REMOVED'],
        done.map((result) => [result.server, String(result.tools), list(result.added), list(result.changed), list(result.removed)]),
      ),
    );
    for (const { server, leftOut } of done)
      for (const { what, why } of leftOut) io.err(paint(io, 'yellow', `${server}: left out ${plain(what)}: ${plain(why)}.`));
    io.err('Review the change in the files, then commit it.');
  }
  return 0;
}
