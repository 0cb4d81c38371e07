import { compileCompany, type PolicyTools } from './compile.ts';
import { readFolder } from './folder.ts';
import type { Problem } from './problem.ts';

/** What `gatehouse policy check DIR` prints when nothing is wrong. */
export interface FolderSummary {
  company?: string;
  servers: number;
  tools: number;
  policies: number;
  groups: number;
  remixes: number;
}

/** Validates a company's folder exactly as publishing does; touches nothing. `variables` override the defaults in org.yaml. */
export async function checkFolder(
  dir: string,
  deps: { policy: PolicyTools; variables?: Readonly<Record<string, string>> },
): Promise<{ problems: Problem[]; summary: FolderSummary }> {
  const folder = await readFolder(dir);
  const { company, problems } = await compileCompany(folder, deps.variables ?? {}, deps.policy);
  const summary = {
    ...(company === undefined ? {} : { company: company.company.name }),
    servers: folder.servers.length,
    tools: company?.servers.reduce((sum, server) => sum + server.catalogue.tools.length, 0) ?? 0,
    policies: company?.policies.length ?? 0,
    groups: folder.org?.value?.groups.length ?? 0,
    remixes: folder.remixes.length,
  };
  return { problems, summary };
}
