import { type Catalogue, type ServerEntry, serverEntry, type ToolFacts } from '../../bundle/schema.ts';
import { usableCatalogue } from '../../bundle/usable.ts';
import { unknownArguments } from './argument-kinds.ts';
import { authOf } from './auth.ts';
import { catalogueHashes, definitionHash, definitionsOf } from './definition-hash.ts';
import type { Checked } from './document.ts';
import type { Problem } from './problem.ts';
import { compileRemote, scopeOf, usedRemote } from './remote.ts';
import { openSecretList, refersToSecret, secretsGoTo } from './secrets.ts';
import { type EntryMeta, entryKey, type Input, type PackageSpec, type ServerJson, type Stated } from './server-json.ts';
import { resolveText } from './variables.ts';

const emptyCatalogue: Catalogue = {
  capabilities: {},
  tools: [],
  prompts: [],
  resources: [],
  resourceTemplates: [],
  skills: [],
  hashes: {},
  leftOut: [],
};
const inMeta = ['_meta', entryKey] as const;

/** One server.json -> the bundle's entry: where the upstream is or how it is started, with every `{variable}` resolved. */
export function compileEntry(
  source: Checked<ServerJson>,
  variables: Readonly<Record<string, string>>,
): { entry?: ServerEntry; problems: Problem[] } {
  const server = source.value!;
  const meta = server._meta[entryKey];
  const problems: Problem[] = [];
  const problem = (path: readonly PropertyKey[], message: string, fix: string, severity: Problem['severity'] = 'error') =>
    problems.push({ severity, file: source.file, line: source.lineOf(path), message, fix });
  const resolve = (path: readonly PropertyKey[], text: string, scope = variables) => {
    const resolved = resolveText(text, scope, (name) =>
      problem(
        path,
        `The variable {${name}} has no value.`,
        `Give it a default under "variables" in org.yaml, or pass it to the central API.`,
      ),
    );
    if (refersToSecret(resolved)) problem(path, 'A secret cannot stand here.', secretsGoTo);
    return resolved;
  };
  const secrets = openSecretList({ problem, resolve });

  function environmentOf(inputs: (Stated & { name: string; path: PropertyKey[]; variables?: Record<string, Input> | undefined })[]) {
    const environment: Record<string, string> = {};
    for (const { path, name, variables: own, ...input } of inputs) {
      const scope = scopeOf(own, variables);
      if (secrets.take(path, { ...input, variables: [own], scope }, { in: 'environment', name })) continue;
      const unresolved = input.value ?? input.default;
      if (unresolved !== undefined) environment[name] = resolve(path, unresolved, scope);
      else if (input.isRequired === true) problem(path, `The variable ${name} is required and has no value.`, 'Give it a "value".');
    }
    return environment;
  }

  const where: Partial<Pick<ServerEntry, 'url' | 'transport' | 'headers' | 'launch'>> = {};
  const remotes = server.remotes ?? [];
  const used = usedRemote(remotes);
  const remote = compileRemote(remotes, variables, { problem, resolve }, secrets);
  if (remote !== undefined) {
    Object.assign(where, remote);
    if (remote.transport === 'sse' && meta.era === 'modern') {
      const fix = `Set the era to "auto", or give the server a remote of type "streamable-http".`;
      problem([...inMeta, 'era'], 'The modern era has no "sse": that is the transport of protocol 2024-11-05.', fix);
    }
  } else if (meta.launch !== undefined) {
    const { command, args, env, cwd } = meta.launch;
    const path = [...inMeta, 'launch'];
    where.launch = {
      command: resolve([...path, 'command'], command),
      args: args.map((arg, at) => resolve([...path, 'args', at], arg)),
      env: environmentOf(
        Object.entries(env).map(([name, stated]) => ({
          path: [...path, 'env', name],
          ...(typeof stated === 'string' ? { value: stated, isRequired: true } : stated),
          name,
        })),
      ),
      ...(cwd === undefined ? {} : { cwd: resolve([...path, 'cwd'], cwd) }),
    };
  } else if (server.packages?.[0] !== undefined) {
    const path = ['packages', 0];
    const [spec] = server.packages;
    for (const part of ['runtimeArguments', 'packageArguments'] as const)
      for (const [at, { isSecret }] of spec[part].entries())
        if (isSecret === true)
          problem(
            [...path, part, at],
            'An argument cannot be secret: whoever uses the computer can read it in the list of processes.',
            secretsGoTo,
          );
    const inputs = spec.environmentVariables.map((input, at) => ({ ...input, path: [...path, 'environmentVariables', at] }));
    const made = launchOf(spec, (text) => resolve(path, text));
    if (typeof made === 'string') problem(path, made, `Say how it is started under _meta "${entryKey}" launch.`);
    else where.launch = { ...made, env: environmentOf(inputs) };
  } else {
    problem(
      [],
      'The entry says neither where the server is nor how it is started.',
      'Add a remote of type "streamable-http" or "sse", a launch, or packages.',
    );
  }

  if (meta.catalogue === undefined) {
    const fix = `Run \`gatehouse policy bless DIR ${meta.id}\` and review what it writes.`;
    problem(inMeta, `The server ${meta.id} has no blessed catalogue: nobody can use it.`, fix, 'warning');
  } else checkCatalogue(meta.catalogue, meta, problem);

  const blessed = passable(meta.catalogue ?? emptyCatalogue, ({ what, why }, path) =>
    problem(
      [...inMeta, 'catalogue', ...path],
      `What the server ${meta.id} says is not passed on to agents: ${what}: ${why}.`,
      `Report it to the maker of the server; once it is right, run \`gatehouse policy bless DIR ${meta.id}\`.`,
      'warning',
    ),
  );
  const parsed = serverEntry.safeParse({
    id: meta.id,
    name: server.name,
    title: server.title ?? meta.id,
    description: server.description,
    version: server.version,
    ...where,
    era: meta.era,
    ...(meta.auth === undefined ? {} : { auth: authOf(meta.auth, where, secrets, problem, resolve) }),
    secrets: secrets.list(),
    dataClass: meta.dataClass,
    trust: meta.trust,
    owner: meta.owner,
    timeoutMs: meta.timeoutMs,
    roots: meta.roots.map((root, at) => resolve([...inMeta, 'roots', at], root)),
    catalogue: blessed,
    tools: Object.fromEntries(
      blessed.tools.map((tool) => [tool.name, factsOf(tool, Object.hasOwn(meta.tools, tool.name) ? meta.tools[tool.name] : undefined)]),
    ),
  });
  if (!parsed.success && problems.every(({ severity }) => severity === 'warning')) {
    const issue = parsed.error.issues[0]!;
    const path = issue.path[0] === 'url' ? ['remotes', used, 'url'] : issue.path[0] === 'roots' ? [...inMeta, ...issue.path] : [];
    const fix = issue.code === 'custom' ? 'Correct the entry.' : 'Correct the value or the variable.';
    problem(path, `After the variables were filled in, ${issue.path.join('.')} is not valid: ${issue.message}.`, fix);
  }
  return parsed.success ? { entry: parsed.data, problems } : { problems };
}

/** INVARIANT: what reaches a bundle is what was blessed: a definition edited by hand afterwards is found by its hash. */
function checkCatalogue(
  catalogue: Catalogue,
  meta: EntryMeta,
  problem: (path: readonly PropertyKey[], message: string, fix: string) => void,
): void {
  const at = [...inMeta, 'catalogue'];
  const again = `Run \`gatehouse policy bless DIR ${meta.id}\` and review what changed.`;
  const seen = new Set<string>();
  for (const { key, definition, path } of definitionsOf(catalogue)) {
    if (seen.has(key)) problem([...at, ...path], `${key} stands twice in the catalogue.`, again);
    seen.add(key);
    const stated = Object.hasOwn(catalogue.hashes, key) ? catalogue.hashes[key] : undefined;
    if (stated === undefined) problem([...at, ...path], `${key} has no hash: it was not blessed.`, again);
    else if (stated !== definitionHash(definition))
      problem([...at, ...path], `${key} is not the definition that was blessed: its hash differs.`, again);
  }
  for (const key of Object.keys(catalogue.hashes)) {
    if (!seen.has(key)) problem([...at, 'hashes', key], `There is a hash for ${key} but no such definition.`, again);
  }
  for (const name of Object.keys(meta.tools)) {
    if (!seen.has(`tool:${name}`))
      problem([...inMeta, 'tools', name], `The server ${meta.id} has no tool "${name}".`, 'Correct the name, or remove the entry.');
  }
  for (const { name, inputSchema } of catalogue.tools)
    for (const { path, meant } of unknownArguments(inputSchema, Object.hasOwn(meta.tools, name) ? meta.tools[name]!.arguments : undefined))
      problem(
        [...inMeta, 'tools', name, 'arguments', path],
        `The tool "${name}" has no argument "${path}".`,
        meant === undefined ? 'Correct the name as the schema has it, or remove it.' : `Did you mean "${meant}"?`,
      );
}

/** The part of the catalogue that can be passed on. One that was blessed before definitions were checked may hold some that agents' clients refuse. */
function passable(catalogue: Catalogue, tell: (leftOut: Catalogue['leftOut'][number], path: (string | number)[]) => void): Catalogue {
  const made = usableCatalogue(catalogue) as Catalogue;
  for (const [at, leftOut] of made.leftOut.entries()) {
    const place = at < catalogue.leftOut.length ? undefined : /^(\w+)\[(\d+)\]/.exec(leftOut.what);
    tell(leftOut, place ? [place[1]!, Number(place[2])] : at < catalogue.leftOut.length ? ['leftOut', at] : []);
  }
  const before = new Set(definitionsOf(catalogue).map(({ definition }) => definition));
  const now = definitionsOf(made);
  const same = now.length === before.size && now.every(({ definition }) => before.has(definition));
  return same ? made : { ...made, hashes: catalogueHashes(made) };
}

/** The company's word first; else the blessed annotations; else the careful defaults of the protocol (may destroy, reaches outside). */
function factsOf(tool: Record<string, unknown>, stated: EntryMeta['tools'][string] | undefined): ToolFacts {
  const hints = (typeof tool['annotations'] === 'object' && tool['annotations'] !== null ? tool['annotations'] : {}) as Record<
    string,
    unknown
  >;
  const hint = (name: string, otherwise: boolean) => (typeof hints[name] === 'boolean' ? (hints[name] as boolean) : otherwise);
  const readOnly = stated?.readOnly ?? hint('readOnlyHint', false);
  return {
    readOnly,
    destructive: stated?.destructive ?? (!readOnly && hint('destructiveHint', true)),
    openWorld: stated?.openWorld ?? hint('openWorldHint', true),
    tags: stated?.tags ?? [],
    ...(stated?.recursive === undefined ? {} : { recursive: stated.recursive }),
    ...(stated?.timeoutMs === undefined ? {} : { timeoutMs: stated.timeoutMs }),
    ...(stated?.arguments === undefined ? {} : { arguments: stated.arguments }),
  };
}

/** A package's argv, never a shell string; where it cannot be made, a sentence that says why. */
function launchOf(
  spec: PackageSpec,
  resolve: (text: string) => string,
): Pick<NonNullable<ServerEntry['launch']>, 'command' | 'args'> | string {
  if (spec.transport !== undefined && spec.transport.type !== 'stdio') return `The package speaks ${spec.transport.type}, not stdio.`;
  if (spec.version === undefined) return 'The package has no exact version.';
  const args: string[] = [];
  for (const argument of [...spec.packageArguments]) {
    const value = argument.value ?? argument.default;
    if (value === undefined && argument.isRequired === true)
      return `The package argument ${argument.name ?? 'without a name'} is required and has no value.`;
    if (argument.type === 'named' && argument.name !== undefined && (value !== undefined || argument.isRequired === undefined))
      args.push(argument.name);
    if (value !== undefined) args.push(resolve(value));
  }
  const runtime = spec.runtimeArguments.flatMap(({ type, name, value, default: fallback }) => [
    ...(type === 'named' && name !== undefined ? [name] : []),
    ...((value ?? fallback) === undefined ? [] : [resolve((value ?? fallback)!)]),
  ]);
  if (spec.registryType === 'npm') {
    const yes = runtime.includes('-y') || runtime.includes('--yes') ? [] : ['-y'];
    return { command: spec.runtimeHint ?? 'npx', args: [...yes, ...runtime, `${spec.identifier}@${spec.version}`, ...args] };
  }
  if (spec.registryType === 'pypi')
    return { command: spec.runtimeHint ?? 'uvx', args: [...runtime, `${spec.identifier}==${spec.version}`, ...args] };
  return `Packages of type ${spec.registryType} cannot be started by this version.`;
}
