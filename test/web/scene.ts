import { Failure } from '../../src/base/errors.ts';
import type { AgentDetected, AgentOutputs } from '../../src/contract/agents.ts';
import type { Command } from '../../src/contract/contract.ts';
import type { Explanation } from '../../src/contract/explanation.ts';
import type { ToolHit } from '../../src/contract/servers.ts';
import type { ShadowOutputs } from '../../src/contract/shadow.ts';
import type { View } from '../../src/contract/view.ts';
import type { Scene } from '../support/window.ts';
import { agents, beside, configs, connected, detected, movePreview, policy, preview } from './scene-agents.ts';
import { list, record, usage } from './scene-ledger.ts';
import { detail, output, servers } from './scene-servers.ts';

const minute = 60_000;
export const iso = (before: number): string => new Date(Date.now() - before).toISOString();

const url = 'http://127.0.0.1:4283/mcp';
const holder = 'the program "python3.13" (process 48211) of the user "guest"';
const move = 'or have the port changed in the settings ("port"); agents must then be given the new address.';

/** Another program on the gateway's port, at this moment or until a while ago. */
export const ports = {
  taken: (agents = ['claude-code', 'cursor', 'vscode', 'nightly report']): View['gateway'] => ({
    state: 'failed',
    error: {
      code: 'conflict',
      message: `Port 4283 on 127.0.0.1 is held by ${holder}, which gets what agents send there.`,
      fix: `End that program, ${move}`,
    },
    exposure: { since: iso(4 * minute), address: '127.0.0.1:4283', holder, agents, revoked: [] },
  }),
  beside: (): View['gateway'] => ({
    state: 'on',
    url,
    error: {
      code: 'conflict',
      message: `Port 4283 on [::1] is held by ${holder}, which gets what agents send to "localhost".`,
      fix: `End that program, ${move} Agents that are configured with 127.0.0.1 reach Gatehouse.`,
    },
    exposure: { since: iso(4 * minute), address: '[::1]:4283', holder, agents: ['claude-code', 'cursor'], revoked: ['vscode'] },
  }),
  leaked: (agents = ['claude-code', 'nightly report']): View['gateway'] => ({
    state: 'on',
    url,
    exposure: {
      since: iso(26 * minute),
      until: iso(11 * minute),
      address: '127.0.0.1:4283',
      holder,
      agents,
      revoked: ['cursor', 'old-laptop'],
    },
  }),
  unsure: (): View['gateway'] => ({
    state: 'on',
    url,
    error: {
      code: 'unavailable',
      message: "It could not be checked whether port 4283 on [::1] is Gatehouse's own.",
      fix: 'Try again in a moment.',
    },
  }),
};

/** A signed-in engineer of the demo company on a quiet morning. */
export function view(change: Partial<View> = {}, records = 4210): View {
  const { seq, at, agent, server, method, target, decision, rule, reason, outcome, totalMs, upstreamMs } = record(records, records);
  return {
    app: { name: 'Gatehouse', version: '0.1.0', shell: 'headless', vault: 'keychain', dataDir: '/home/ada/.local/share/gatehouse' },
    identity: {
      state: 'signed-in',
      person: { sub: 'engineer', name: 'Ada Quist', email: 'ada.quist@northwind.example', groups: ['engineering', 'on-call'] },
    },
    company: {
      state: 'online',
      name: 'Northwind',
      central: 'https://gatehouse.northwind.example',
      supportUrl: 'https://help.northwind.example/gatehouse',
      lastContactAt: iso(40_000),
    },
    bundle: { state: 'fresh', version: 42, issuedAt: iso(7 * minute), staleAfter: iso(-53 * minute), notAfter: iso(-23 * 60 * minute) },
    gateway: { state: 'on', url },
    servers: servers(),
    agents: agents(),
    consents: [],
    today: { calls: 318, denied: 14, errors: 6 },
    lastCall: { seq, at, agent, server, method, target, decision, rule, reason, outcome, totalMs, upstreamMs },
    ledger: { records, uploaded: records - 2 },
    ...change,
  };
}

export interface SceneOptions {
  view?: Partial<View>;
  records?: number;
  tools?: number;
  longNames?: boolean;
  /** What local servers wrote. */
  output?: string[];
  /** The agents found on the machine. */
  detected?: AgentDetected[];
  /** What the company states of other servers, and how it stands. */
  policy?: AgentOutputs['agents-policy'];
  /** What agents have beside the gateway. */
  beside?: ShadowOutputs['agents-scan'];
  /** Commands that fail, with what. */
  fail?: Partial<Record<Command, Failure>>;
}

export function scene(options: SceneOptions = {}): Scene & { records: number } {
  const shown: Scene & { records: number } = {
    records: options.records ?? 4210,
    view: view(options.view, options.records ?? 4210),
    answer(command, input) {
      const failure = options.fail?.[command];
      if (failure) throw failure;
      switch (command) {
        case 'server-get':
          return detail(String(input['server']), options);
        case 'tools-search':
          return { tools: findTools(String(input['text']), options).slice(0, Number(input['limit'])) };
        case 'server-sign-in':
          return { url: `http://127.0.0.1:4283/sign-in/${'x'.repeat(32)}` };
        case 'server-stderr':
          return { lines: options.output ?? output };
        case 'tool-explain':
          return { effect: 'allow', rule: 'R-01', reason: 'Engineers may read tickets', visible: true } satisfies Explanation;
        case 'access-request':
        case 'shadow-request':
          return { id: 'REQ-1043' };
        case 'agent-add':
          return { name: input['name'], token: 'gha_7Qm2xV9bTt4LkRz8Yw1pNc6JdHs3EfGu5AoXiBqZ', url: 'http://127.0.0.1:4283/mcp' };
        case 'consent-allow':
          return { name: input['name'] };
        case 'agent-configs':
          return { configs: configs(String(input['name']), input['token'] as string | undefined) };
        case 'agents-detect':
          return { agents: options.detected ?? detected() };
        case 'agents-policy':
          return options.policy ?? policy();
        case 'agents-scan':
          return options.beside ?? beside();
        case 'shadow-move-preview':
          return movePreview();
        case 'shadow-move':
          return {
            move: 'a'.repeat(16),
            title: 'Claude Code',
            file: '/home/ada/.claude.json',
            name: 'wiki',
            equivalent: movePreview().equivalent,
          };
        case 'shadow-put-back':
          return { title: 'Cursor', file: '/home/ada/.cursor/mcp.json', name: 'memory', restored: 'whole' };
        case 'agent-connect-preview':
          return preview(String(input['id']));
        case 'agent-connect':
          return connected(String(input['id']));
        case 'agent-disconnect':
          return { id: input['id'], title: 'Codex', file: '/home/ada/.codex/config.toml', restored: 'whole', hadToken: true };
        case 'activity-list':
          return list(shown.records, input);
        case 'activity-get':
          return get(shown.records, Number(input['seq']));
        case 'usage-get':
          return usage(input['range'] as 'day', input['server'] as string | undefined);
        case 'ledger-verify':
          return {
            ok: true,
            records: shown.records,
            vault: { upTo: shown.records },
            central: { why: 'The central API cannot be reached' },
          };
        case 'ledger-export':
          return { text: '{"seq":1}\n{"seq":2}\n' };
        case 'bundle-refresh':
          return { version: 43 };
        default:
          return {};
      }
    },
  };
  return shown;
}

function get(records: number, seq: number) {
  if (seq > records) throw new Failure('not-found', `There is no record ${seq}.`, 'See the newest ones in the activity.');
  return record(seq, records);
}

const findTools = (text: string, options: SceneOptions): ToolHit[] =>
  servers()
    .flatMap((server) => detail(server.id, options).tools)
    .flatMap(({ server, name, title, description, conditional, access: { effect } }) =>
      effect === 'deny' || !`${name} ${description}`.includes(text)
        ? []
        : [{ server, name, conditional, effect, ...(title ? { title } : {}), ...(description ? { description } : {}) }],
    );
