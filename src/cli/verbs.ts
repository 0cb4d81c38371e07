/** What a verb's module exports. Returns its exit code; a `Failure` it throws is printed and carries its own. */
export interface VerbModule {
  run(args: string[], io: Io): Promise<number>;
}

/** Where a verb writes. Standard output carries results only, so that it can be piped. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly colour: boolean;
  readonly width: number;
}

interface Verb {
  /** One line for each form. */
  usage: string;
  about: string;
  /** Loaded when used, so that `gatehouse --help` and each verb pay for nothing else. */
  load(): Promise<VerbModule>;
}

const verb = (usage: string, about: string, load: Verb['load']): Verb => ({ usage, about, load });

export const verbs: Record<string, Verb> = {
  demo: verb(
    'demo [--sign-in ACCOUNT] [--no-open] [--reset] [--port P] [--company DIR]',
    'run a whole demo company on this machine',
    () => import('./demo.ts'),
  ),
  serve: verb(
    'serve [--central URL] [--port P] [--ui-port P] [--max-body BYTES] [--no-ui]',
    'run the gateway and its window without a screen',
    () => import('./serve.ts'),
  ),
  central: verb(
    'central DIR --issuer URL [--port P] [--var NAME=VALUE]...',
    'serve a company folder as the reference central API',
    () => import('./central.ts'),
  ),
  status: verb('status', 'who is signed in, what the gateway does', () => import('./status.ts')),
  login: verb('login [--device]', 'sign in to the company', () => import('./login.ts')),
  logout: verb('logout', 'sign out and forget the session', () => import('./logout.ts')),
  agents: verb(
    'agents add NAME\nagents list\nagents revoke NAME\nagents dismiss',
    'give and take back access of agents',
    () => import('./agents.ts'),
  ),
  servers: verb('servers\nservers SERVER --stderr', 'the servers you may use, and what a local one wrote', () => import('./servers.ts')),
  tools: verb('tools [SERVER]', 'the tools you may use, and why', () => import('./tools.ts')),
  search: verb('search WORDS... [--agent NAME] [--limit N]', 'find a tool by what it is called or does', () => import('./search.ts')),
  call: verb('call SERVER TOOL [JSON | -]', 'call a tool through the gateway', () => import('./call.ts')),
  explain: verb('explain SERVER TOOL [JSON]', 'why a call would be allowed or not', () => import('./explain.ts')),
  ledger: verb(
    'ledger tail [--follow] [--limit N]\nledger verify\nledger accept-loss --yes\nledger export [--format jsonl|csv] [--out FILE]',
    'read, check and export the record of calls',
    () => import('./ledger.ts'),
  ),
  policy: verb(
    'policy check DIR [--var NAME=VALUE]...\npolicy bless DIR [SERVER] [--var NAME=VALUE]...',
    "check a company folder, record its servers' definitions",
    () => import('./policy.ts'),
  ),
  vault: verb('vault reset --yes', 'begin anew where the keychain or its key is lost for good', () => import('./vault.ts')),
  open: verb('open [--print]', 'open the window', () => import('./open.ts')),
};

export function help(): string {
  const widest = Math.max(...Object.keys(verbs).map((name) => name.length));
  const rows = Object.entries(verbs).map(([name, { about }]) => `  ${name.padEnd(widest)}  ${about}`);
  return [
    'gatehouse: governed MCP access for the agents on this machine',
    '',
    'Usage: gatehouse VERB [options]',
    '',
    ...rows,
    `  ${'help'.padEnd(widest)}  this text, or one verb's: gatehouse help VERB`,
    `  ${'version'.padEnd(widest)}  print the version`,
    '',
    'Every verb takes --data DIR (or GATEHOUSE_DATA), --json and --help.',
    'Exit codes: 0 done, 1 defect, 2 bad input, 3 not running, 4 signed out, 5 denied, 6 not found,',
    '            7 unavailable, 8 conflict, 9 integrity, 10 timed out.',
  ].join('\n');
}

export function usageOf(name: string): string {
  return `Usage: gatehouse ${verbs[name]!.usage.replaceAll('\n', '\n       gatehouse ')}`;
}

export function verbHelp(name: string): string {
  const { about } = verbs[name]!;
  return `${usageOf(name)}\n\n${about[0]!.toUpperCase()}${about.slice(1)}.\nAlso: --data DIR, --json, --help.`;
}
