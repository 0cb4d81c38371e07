import type { ServerEntry } from '../bundle/schema.ts';
import type { Explanation } from '../contract/explanation.ts';
import type { PromptRow, ResourceRow, ServerRow, ServerSignIn, ToolHit, ToolRow } from '../contract/servers.ts';
import { exposedName } from '../gateway/catalogue/names.ts';
import { uncheckedOf } from '../policy/deciding/validation.ts';
import type { Decision } from '../policy/policy.ts';
import type { SignInState } from '../upstreams/oauth/sign-ins.ts';
import type { AppState } from './app-state.ts';
import { textOf as text, titleOf } from './search.ts';

/** The person's own calls, from the command line or the window, carry this agent name. */
export const ownAgent = 'gatehouse';

export function serverRow(
  house: Pick<AppState, 'upstreams' | 'rules' | 'signIns' | 'secrets'>,
  entry: ServerEntry,
  callsToday: number,
): ServerRow {
  const status = house.upstreams.get(entry.id)?.status() ?? { state: 'idle' as const };
  const signIn = house.signIns.state(entry);
  const verdicts = house.rules!.policy.list('call', entry.id, ownAgent);
  let toolsAllowed = 0;
  for (const verdict of verdicts.values()) if (verdict.effect !== 'deny') toolsAllowed++;
  const { id, title, description, version, dataClass, trust, owner } = entry;
  return {
    id,
    title,
    description,
    version,
    dataClass,
    trust,
    owner,
    kind: entry.url === undefined ? 'local' : 'remote',
    state: status.state,
    ...(status.era === undefined ? {} : { era: status.era }),
    ...(status.error === undefined ? {} : { error: status.error }),
    ...(status.retryAt === undefined ? {} : { retryAt: new Date(status.retryAt).toISOString() }),
    ...(status.note === undefined ? {} : { note: status.note }),
    ...(signIn === undefined ? {} : { signIn: signInOf(signIn) }),
    secrets: house.secrets.rows(entry),
    toolsAllowed,
    toolsTotal: entry.catalogue.tools.length,
    callsToday,
  };
}

function signInOf({ until, ...rest }: SignInState): ServerSignIn {
  return { ...rest, ...(until === undefined ? {} : { until: new Date(until).toISOString() }) };
}

export function explanation(verdict: Decision, visible: boolean, bundleVersion?: number): Explanation {
  const { effect, rule, reason, missing } = verdict;
  return {
    effect,
    rule,
    reason,
    visible,
    ...(missing === undefined ? {} : { missing }),
    ...(bundleVersion === undefined ? {} : { bundleVersion }),
  };
}

export function toolRows(house: Pick<AppState, 'rules'>, entry: ServerEntry): ToolRow[] {
  const { policy, bundle } = house.rules!;
  const verdicts = policy.list('call', entry.id, ownAgent);
  const taken = new Set<string>();
  return entry.catalogue.tools.map((tool) => {
    const verdict = verdicts.get(tool.name)!;
    const exposed = exposedName(entry.id, tool.name, (name) => taken.has(name));
    taken.add(exposed);
    const title = titleOf(tool);
    const description = text(tool['description']);
    const unchecked = uncheckedOf(tool);
    const facts = entry.tools[tool.name] ?? { readOnly: false, destructive: true, openWorld: true, tags: [] };
    return {
      server: entry.id,
      name: tool.name,
      exposedName: exposed,
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
      ...facts,
      inputSchema: tool['inputSchema'],
      ...(unchecked === undefined ? {} : { unchecked }),
      access: explanation(verdict, verdict.effect !== 'deny', bundle.version),
      conditional: verdict.conditional,
    };
  });
}

/** What a search says of a tool; nothing where the agent does not see it. */
export function toolHit(
  house: Pick<AppState, 'rules'>,
  entry: ServerEntry,
  tool: ServerEntry['catalogue']['tools'][number],
  agent: string,
): ToolHit | undefined {
  const verdict = house.rules!.policy.list('call', entry.id, agent).get(tool.name);
  if (verdict === undefined || verdict.effect === 'deny') return undefined;
  const title = titleOf(tool);
  const description = text(tool['description']);
  return {
    server: entry.id,
    name: tool.name,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    effect: verdict.effect,
    conditional: verdict.conditional,
  };
}

export function promptRows(house: Pick<AppState, 'rules'>, entry: ServerEntry): PromptRow[] {
  const { policy, bundle } = house.rules!;
  const verdicts = policy.list('get', entry.id, ownAgent);
  return entry.catalogue.prompts.map((prompt) => {
    const verdict = verdicts.get(prompt.name)!;
    const title = text(prompt['title']);
    const description = text(prompt['description']);
    return {
      name: prompt.name,
      ...(title === undefined ? {} : { title }),
      ...(description === undefined ? {} : { description }),
      access: explanation(verdict, verdict.effect !== 'deny', bundle.version),
    };
  });
}

export function resourceRows(house: Pick<AppState, 'rules'>, entry: ServerEntry): ResourceRow[] {
  const { policy, bundle } = house.rules!;
  const verdicts = policy.list('read', entry.id, ownAgent);
  const row = (uri: string, template: boolean, definition: Record<string, unknown>): ResourceRow => {
    const verdict = verdicts.get(uri)!;
    const name = text(definition['title']) ?? text(definition['name']);
    const description = text(definition['description']);
    const mimeType = text(definition['mimeType']);
    return {
      uri,
      template,
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(mimeType === undefined ? {} : { mimeType }),
      access: explanation(verdict, verdict.effect !== 'deny', bundle.version),
    };
  };
  return [
    ...entry.catalogue.resources.map((resource) => row(resource.uri, false, resource)),
    ...entry.catalogue.resourceTemplates.map((template) => row(template.uriTemplate, true, template)),
  ];
}
