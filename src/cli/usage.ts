interface Usage {
  /** One line for each form. */
  usage: string;
  about: string;
}

const text = (usage: string, about: string): Usage => ({ usage, about });

/** What `gatehouse` can be asked to do, in words. */
export const verbs = {
  demo: text('demo [--sign-in ACCOUNT] [--no-open] [--reset] [--port P] [--company DIR]', 'run a whole demo company on this machine'),
  serve: text(
    'serve [--central URL] [--port P] [--ui-port P] [--max-body BYTES] [--no-ui]',
    'run the gateway and its window without a screen',
  ),
  central: text('central DIR --issuer URL [--port P] [--var NAME=VALUE]...', 'serve a company folder as the reference central API'),
  status: text('status', 'who is signed in, what the gateway does'),
  login: text('login [--device]', 'sign in to the company'),
  logout: text('logout', 'sign out and forget the session'),
  agents: text(
    'agents add NAME [--server SERVER]...\nagents list\nagents revoke NAME\nagents limit NAME --server SERVER... | --all\nagents requests\nagents allow CODE [--name NAME] [--server SERVER... | --all] [--days N]\nagents deny CODE\nagents dismiss\nagents policy [AGENT] [--diff | --write | --undo] [--root FOLDER]\nagents policy [AGENT] --check\nagents policy --out FOLDER\nagents scan\nagents move AGENT/SERVER [--preview]\nagents ask AGENT/SERVER --reason TEXT\nagents put-back CODE',
    "give and take back access of agents, allow those that sign in, write the company's list of servers where agents keep one, and find servers beside the gate",
  ),
  connect: text(
    'connect\nconnect AGENT [--name ENTRY] [--oauth] [--preview]\nconnect --all',
    "write the gateway into an agent's own configuration and prove it, or show which agents there are",
  ),
  bridge: text('bridge [--server SERVER]', 'speak MCP on standard input and output, for agents that start programs only'),
  disconnect: text('disconnect AGENT\ndisconnect --all', "put an agent's configuration back as it was, and revoke its token"),
  servers: text(
    'servers\nservers SERVER\nservers SERVER --stderr\nservers SERVER --sign-in|--sign-out\nservers secret set SERVER NAME\nservers secret clear SERVER NAME',
    'the servers you may use, what one is and wrote, your sign-in at one and the secrets that it needs',
  ),
  tools: text('tools [SERVER]', 'the tools you may use, and why'),
  search: text('search WORDS... [--agent NAME] [--limit N]', 'find a tool by what it is called or does'),
  call: text('call SERVER TOOL [JSON | -]', 'call a tool through the gateway'),
  explain: text('explain SERVER TOOL [JSON]', 'why a call would be allowed or not'),
  ledger: text(
    'ledger tail [--follow] [--limit N]\nledger verify\nledger accept-loss --yes\nledger export [--format jsonl|csv] [--out FILE]',
    'read, check and export the record of calls',
  ),
  policy: text(
    'policy check DIR [--var NAME=VALUE]...\npolicy bless DIR [SERVER] [--var NAME=VALUE]...',
    "check a company folder, record its servers' definitions",
  ),
  vault: text('vault reset --yes', 'begin anew where the keychain or its key is lost for good'),
  open: text('open [--print]', 'open the window'),
};

export type Verb = keyof typeof verbs;

export const isVerb = (name: string): name is Verb => Object.hasOwn(verbs, name);

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

export function usageOf(name: Verb): string {
  return `Usage: gatehouse ${verbs[name].usage.replaceAll('\n', '\n       gatehouse ')}`;
}

export function verbHelp(name: Verb): string {
  const { about } = verbs[name];
  return `${usageOf(name)}\n\n${about[0]!.toUpperCase()}${about.slice(1)}.\nAlso: --data DIR, --json, --help.`;
}
