/**
 * Which room may depend on which, types included. Every folder has a row; what a row does not name it must not use. A room may use itself and all that
 * lies below it.
 */
const rows = {
  'src/base': [],
  'src/contract': ['src/base'],
  'src/bundle': [],
  'src/protocol': ['src/bundle'],
  'src/config': ['src/base'],
  'src/port': ['src/base', 'src/contract'],
  'src/agents/credentials': ['src/base', 'src/contract'],
  'src/agents/oauth': ['src/base', 'src/contract', 'src/agents/credentials'],
  'src/agents/bridged': ['src/base', 'src/agents/credentials', 'src/agents/oauth'],
  'src/agents/clients/programs': [],
  'src/agents/clients/edit': ['src/base', 'src/agents/clients/programs'],
  'src/agents/clients': ['src/base', 'src/contract'],
  'src/agents/managed': ['src/base', 'src/bundle', 'src/contract', 'src/agents/clients'],
  'src/agents/shadow': ['src/base', 'src/bundle', 'src/contract', 'src/agents/clients', 'src/agents/clients/*'],
  'src/identity': ['src/base', 'src/contract'],
  'src/company': ['src/base', 'src/bundle'],
  'src/ledger': ['src/base', 'src/contract'],

  'src/policy/deciding': ['src/base', 'src/bundle', 'src/contract'],
  'src/policy/authoring': ['src/base', 'src/bundle', 'src/policy/deciding'],
  'src/policy': ['src/base', 'src/bundle', 'src/contract'],

  'src/upstreams/credentials': ['src/bundle'],
  'src/upstreams/oauth': ['src/base', 'src/bundle', 'src/upstreams/credentials', 'src/upstreams/*'],
  'src/upstreams/messages': ['src/base', 'src/bundle', 'src/protocol', 'src/upstreams/*'],
  'src/upstreams/local': ['src/base', 'src/bundle', 'src/upstreams/messages', 'src/upstreams/*'],
  'src/upstreams/secrets': ['src/base', 'src/bundle', 'src/contract', 'src/protocol', 'src/upstreams/local', 'src/upstreams/*'],
  'src/upstreams/connection': [
    'src/base',
    'src/bundle',
    'src/protocol',
    'src/upstreams/credentials',
    'src/upstreams/local',
    'src/upstreams/secrets',
    'src/upstreams/*',
  ],
  'src/upstreams/http': [
    'src/base',
    'src/bundle',
    'src/protocol',
    'src/upstreams/messages',
    'src/upstreams/credentials',
    'src/upstreams/connection',
    'src/upstreams/*',
  ],
  'src/upstreams/stdio': ['src/protocol', 'src/upstreams/messages', 'src/upstreams/connection', 'src/upstreams/local', 'src/upstreams/*'],
  'src/upstreams/sse': [
    'src/protocol',
    'src/upstreams/messages',
    'src/upstreams/connection',
    'src/upstreams/http',
    'src/upstreams/stdio',
    'src/upstreams/*',
  ],
  'src/upstreams': ['src/base', 'src/bundle', 'src/contract', 'src/protocol'],

  'src/gateway/catalogue': ['src/bundle', 'src/policy', 'src/protocol', 'src/upstreams'],
  'src/gateway/rounds': ['src/base', 'src/protocol', 'src/upstreams'],
  'src/gateway/http': ['src/base', 'src/port', 'src/protocol', 'src/upstreams'],
  'src/gateway/oauth': ['src/base', 'src/gateway/catalogue', 'src/gateway/http'],
  'src/gateway/pipeline': [
    'src/base',
    'src/bundle',
    'src/contract',
    'src/ledger',
    'src/policy',
    'src/protocol',
    'src/upstreams',
    'src/gateway/catalogue',
    'src/gateway/rounds',
  ],
  'src/gateway/wire': [
    'src/base',
    'src/protocol',
    'src/upstreams',
    'src/gateway/catalogue',
    'src/gateway/rounds',
    'src/gateway/http',
    'src/gateway/pipeline',
  ],
  'src/gateway': ['src/base', 'src/bundle', 'src/contract', 'src/policy', 'src/protocol', 'src/upstreams'],

  'src/app/commands': ['src/base', 'src/bundle', 'src/contract', 'src/agents', 'src/policy', 'src/protocol', 'src/app/*'],
  'src/app': [
    'src/base',
    'src/bundle',
    'src/contract',
    'src/protocol',
    'src/agents',
    'src/company',
    'src/gateway',
    'src/identity',
    'src/ledger',
    'src/policy',
    'src/port',
    'src/upstreams',
  ],

  'src/central/content': ['src/base', 'src/bundle'],
  'src/central/store': ['src/bundle', 'src/central/content'],
  // Blessing reaches a server as the gateway does, or what was blessed could not be called.
  'src/central/publish': ['src/base', 'src/bundle', 'src/upstreams', 'src/central/content', 'src/central/store'],
  'src/central/api': ['src/base', 'src/bundle', 'src/central/content', 'src/central/store', 'src/central/publish'],

  'src/shell': ['src/base', 'src/config', 'src/contract', 'src/app'],
  'src/bridge': ['src/base', 'src/protocol', 'src/shell'],
  'src/headless': ['src/base', 'src/shell', 'src/app'],
  'src/demo/servers': [],
  'src/demo': ['src/base', 'src/contract', 'src/shell', 'src/headless'],
  'src/cli': [
    'src/base',
    'src/bundle',
    'src/contract',
    'src/agents/managed',
    'src/agents/clients/programs',
    'src/app',
    'src/bridge',
    'src/central',
    'src/demo',
    'src/headless',
    'src/ledger',
    'src/policy',
    'src/shell',
  ],
  electron: ['src/base', 'src/contract', 'src/app', 'src/shell', 'src/upstreams/local'],
  renderer: ['src/base', 'src/contract'],
};

/** `src/x/*`: the files of src/x itself, not of its folders. */
const pattern = (room) => (room.endsWith('/*') ? `^${room.slice(0, -1)}[^/]+$` : `^${room}/`);

const names = Object.keys(rows);
const forbidden = names.map((room) => {
  const own = names.filter((other) => other !== room && other.startsWith(`${room}/`)).map((other) => `^${other}/`);
  return {
    name: room,
    severity: 'error',
    from: { path: `^${room}/`, ...(own.length > 0 ? { pathNot: own } : {}) },
    to: { path: '^(src|electron|renderer)/', pathNot: [`^${room}/`, ...rows[room].map(pattern)] },
  };
});

module.exports = {
  forbidden: [
    ...forbidden,
    { name: 'no circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'the window knows types alone, and our own rules',
      severity: 'error',
      from: { path: '^renderer/' },
      to: { path: '^src/', pathNot: '^src/contract/rule-ids', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'the tools that make the rest',
      severity: 'error',
      from: { path: '^src/setup' },
      to: { path: '^(src|electron|renderer)/' },
    },
  ],
  options: { parser: 'swc', tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' } },
};
