import { z } from 'zod';
import { nearest } from '../../base/nearest.ts';
import { type Bundle, type CompiledPolicy, limits as limitsSchema, type ServerEntry } from '../../bundle/schema.ts';
import { compileEntry } from './entry.ts';
import type { Folder } from './folder.ts';
import { hasErrors, type Problem, type SourceFile } from './problem.ts';
import { publicServerJson } from './public-server.ts';
import { entryKey } from './server-json.ts';
import { resolveText } from './variables.ts';

/** What policies may name: an unknown server, tool or group in a policy is an error, for it would silently never apply. */
export interface Knowledge {
  groups: string[];
  servers: ServerEntry[];
}

/** The Cedar part, which lives in src/policy and is handed in by whoever opens the central API. */
export interface PolicyTools {
  compilePolicies(files: readonly SourceFile[], knowledge: Knowledge): Compiled | Promise<Compiled>;
  /** For each tool, a sentence on what in its schema cannot be used to check arguments; undefined where all of it can. */
  unchecked(tools: ServerEntry['catalogue']['tools']): Promise<(string | undefined)[]>;
  /** The policies that can ever apply to somebody in exactly these groups. */
  audiencePolicies(policies: readonly CompiledPolicy[], groups: readonly string[]): CompiledPolicy[];
  /** Ids of the servers that somebody in exactly these groups, who is named by no policy, may discover now. */
  canDiscover(bundle: Bundle, groups: readonly string[]): readonly string[] | Promise<readonly string[]>;
}
interface Compiled {
  policies: CompiledPolicy[];
  problems: (Omit<Problem, 'severity'> & { severity?: Problem['severity'] })[];
}

/** A whole company, validated and related: plain JSON, so that the last good one can be kept in the database. */
export interface CompiledCompany {
  company: { id: string; name: string; supportUrl?: string };
  identity: {
    issuer: string;
    client_id: string;
    scopes: string[];
    resource: string;
    /** A company that an older version compiled has none: it is sent. */
    send_resource?: boolean;
    groups_claim: string;
    required_scope?: string;
  };
  groups: string[];
  freshness: { stale: number; expires: number; resign: number };
  minimumVersion?: string;
  minimumBundleVersion: number;
  servers: ServerEntry[];
  /** server.json of each server as the registry API shows it, by server id. */
  registry: Record<string, Record<string, unknown>>;
  policies: CompiledPolicy[];
  limits: Bundle['limits'];
  agents?: NonNullable<Bundle['agents']>;
  clients: Bundle['clients'];
}

/** Checks the files that `readFolder` read against each other. There is a company unless there are errors; warnings do not prevent it. */
export async function compileCompany(
  folder: Folder,
  overrides: Readonly<Record<string, string>>,
  policy: PolicyTools,
): Promise<{ company?: CompiledCompany; problems: Problem[] }> {
  const problems = [...folder.problems];
  const org = folder.org?.value;
  const variables = { ...org?.variables, ...overrides };

  const servers: ServerEntry[] = [];
  const registry: CompiledCompany['registry'] = {};
  const ids = new Map<string, string>();
  const names = new Map<string, string>();
  for (const source of folder.servers) {
    if (source.value === undefined) continue;
    const { id } = source.value._meta[entryKey];
    for (const [taken, value, path] of [
      [ids, id, ['_meta', entryKey, 'id']],
      [names, source.value.name, ['name']],
    ] as const) {
      const first = taken.get(value);
      const fix = `Rename one of them, or remove one of ${first} and ${source.file}.`;
      if (first !== undefined) problems.push(at(source, path, `"${value}" is already the ${path.at(-1)} of the server in ${first}.`, fix));
      else taken.set(value, source.file);
    }
    const { entry, problems: entryProblems } = compileEntry(source, variables);
    problems.push(...entryProblems);
    if (entry === undefined) continue;
    for (const [index, why] of (await policy.unchecked(entry.catalogue.tools)).entries()) {
      if (why === undefined) continue;
      const message = `Tool ${entry.catalogue.tools[index]!.name}: ${why}`;
      const fix =
        'Ask the author of the server for a JSON Schema of draft 2020-12 that refers to nothing outside of itself and needs no lookahead.';
      problems.push({ ...at(source, ['_meta', entryKey, 'catalogue', 'tools', index], message, fix), severity: 'warning' });
    }
    servers.push(entry);
    registry[id] = publicServerJson(source.raw as Record<string, unknown>, entry);
  }
  servers.sort((a, b) => (a.id < b.id ? -1 : 1));

  const groups = org?.groups.map(({ name }) => name) ?? [];
  for (const [index, name] of groups.entries()) {
    if (groups.indexOf(name) < index) problems.push(at(folder.org!, ['groups', index], `The group "${name}" stands twice.`, 'Remove one.'));
  }
  for (const [index, { servers: named }] of (org?.agents?.clients ?? []).entries())
    for (const [place, id] of (named ?? []).entries()) {
      if (ids.has(id)) continue;
      const meant = nearest(id, [...ids.keys()]);
      const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`;
      problems.push(
        at(folder.org!, ['agents', 'clients', index, 'servers', place], `There is no server "${id}".${hint}`, 'Correct the id.'),
      );
    }
  for (const source of folder.remixes) {
    const fix = 'Keep it for a later version, or remove the file.';
    problems.push({
      ...at(source, [], 'This version of the central API does not serve remixes: the file has no effect.', fix),
      severity: 'warning',
    });
    for (const [index, pick] of (source.value?.tools ?? []).entries()) {
      const server = servers.find(({ id }) => id === pick.server);
      if (server === undefined && ids.has(pick.server)) continue;
      if (server === undefined)
        problems.push(at(source, ['tools', index, 'server'], `There is no server "${pick.server}".`, 'Correct the id.'));
      else if (!Object.hasOwn(server.tools, pick.tool))
        problems.push(at(source, ['tools', index, 'tool'], `The server ${pick.server} has no tool "${pick.tool}".`, 'Correct the name.'));
    }
  }

  // Policies are checked only where all groups and servers are known: else each broken server would be reported twice.
  const complete = org !== undefined && folder.servers.length === servers.length;
  const compiled = complete ? await policy.compilePolicies(folder.policies, { groups, servers }) : { policies: [], problems: [] };
  if (folder.policies.length === 0) {
    const fix = 'Add files that end in .cedar to policies/. What no rule permits is denied.';
    problems.push({ severity: 'warning', file: 'policies', line: 1, message: 'There are no policies: nobody may use anything.', fix });
  }
  problems.push(...compiled.problems.map((problem) => ({ severity: 'error' as const, ...problem })));
  const identity = org && resolveOrg(folder, variables, problems);
  problems.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  if (org === undefined || identity === undefined || hasErrors(problems)) return { problems };
  return {
    problems,
    company: {
      ...identity,
      groups: [...groups].sort(),
      freshness: org.freshness,
      ...(org.minimum_app_version === undefined ? {} : { minimumVersion: org.minimum_app_version }),
      minimumBundleVersion: org.minimum_bundle_version,
      servers,
      registry,
      policies: compiled.policies,
      limits: folder.limits?.value ?? limitsSchema.parse({}),
      ...(org.agents?.other_servers === undefined ? {} : { agents: { otherServers: org.agents.other_servers } }),
      clients: (org.agents?.clients ?? []).map(({ client_id, ...rule }) => ({ clientId: client_id, ...rule })),
    },
  };
}

/** Plain http is let pass on loopback only (RFC 8252): an issuer or a resource over http elsewhere could be anybody. */
const safeUrl = z
  .url()
  .refine(
    (text) => /^https:/.test(text) || /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|\/|$)/.test(text),
    'it must be https (or http on loopback)',
  );

function resolveOrg(folder: Folder, variables: Record<string, string>, problems: Problem[]): Pick<CompiledCompany, 'company' | 'identity'> {
  const source = folder.org!;
  const org = source.value!;
  const resolve = (path: readonly PropertyKey[], text: string, schema?: z.ZodType<string>) => {
    let complete = true;
    const value = resolveText(text, variables, (name) => {
      complete = false;
      problems.push(
        at(source, path, `The variable {${name}} has no value.`, 'Give it a default under "variables", or pass it to the central API.'),
      );
    });
    const issue = complete ? schema?.safeParse(value).error?.issues[0] : undefined;
    if (issue)
      problems.push(
        at(
          source,
          path,
          `${path.join('.')} "${value}" is not a usable URL: ${issue.message}.`,
          `Correct the value of "${path.join('.')}".`,
        ),
      );
    return value;
  };
  const { id, name, supportUrl } = org.company;
  return {
    company: {
      id,
      name: resolve(['company', 'name'], name),
      ...(supportUrl === undefined
        ? {}
        : { supportUrl: resolve(['company', 'supportUrl'], supportUrl, z.url({ protocol: /^(https?|mailto)$/ })) }),
    },
    identity: {
      issuer: resolve(['issuer'], org.issuer, safeUrl),
      client_id: resolve(['client_id'], org.client_id),
      scopes: org.scopes.map((scope, index) => resolve(['scopes', index], scope)),
      resource: resolve(['resource'], org.resource, safeUrl),
      send_resource: org.send_resource,
      groups_claim: resolve(['groups_claim'], org.groups_claim),
      ...(org.required_scope === undefined ? {} : { required_scope: org.required_scope }),
    },
  };
}

const at = (
  source: { file: string; lineOf(path: readonly PropertyKey[]): number },
  path: readonly PropertyKey[],
  message: string,
  fix: string,
): Problem => ({
  severity: 'error',
  file: source.file,
  line: source.lineOf(path),
  message,
  fix,
});
