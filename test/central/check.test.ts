import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkFolder } from '../../src/central/content/check.ts';
import { describeProblem } from '../../src/central/content/problem.ts';
import { policyTools } from '../../src/cli/policy-tools.ts';
import { orgYaml, policies, serverJson, temporaryDir, writeCompany } from './company-folder.ts';

function company(t: TestContext) {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  const { write } = writeCompany(dir.path);
  return {
    write,
    path: dir.path,
    async problems(variables = {}) {
      const { problems } = await checkFolder(dir.path, { policy: policyTools, variables });
      for (const problem of problems) assert.ok(problem.fix.length > 3, describeProblem(problem));
      return problems.map(({ severity, file, line, message }) => `${severity} ${file}:${line} ${message}`);
    },
  };
}

test('the demo company has no problem at all', async () => {
  const { problems, summary } = await checkFolder(join(import.meta.dirname, '../../resources/demo'), { policy: policyTools });
  assert.deepEqual(problems.map(describeProblem), []);
  assert.equal(summary.company, 'Lanternworks');
  assert.equal(summary.servers, 8);
  assert.equal(summary.groups, 8);
});

test('a valid folder is summed up', async (t) => {
  const { path } = company(t);
  const { problems, summary } = await checkFolder(path, { policy: policyTools });
  assert.deepEqual(problems, []);
  assert.deepEqual(summary, { company: 'Acme', servers: 2, tools: 4, policies: 2, groups: 3, remixes: 0 });
});

test('each mistake in org.yaml is reported where it stands', async (t) => {
  const acme = company(t);
  const cases: [string, string, RegExp][] = [
    ['client_id: gatehouse', 'client: gatehouse', /error org.yaml:6 Unrecognized key: "client"/],
    ["issuer: '{issuer}'", "issuer: 'http://idp.acme.example'", /error org.yaml:5 issuer .*https/],
    ["issuer: '{issuer}'", "issuer: '{nobody}'", /error org.yaml:5 The variable \{nobody\} has no value/],
    ['  - { name: apollo }', '  - { name: staff }', /error org.yaml:11 The group "staff" stands twice/],
    ['stale: 12h', 'stale: 30m', /error org.yaml:16 freshness: resign must be shorter/],
    ['stale: 12h', 'stale: soon', /error org.yaml:16 freshness.stale: a duration is/],
    ['company:', 'company: [', /error org.yaml:\d+ /],
    ['groups:', 'agents: {}\ngroups:', /error org.yaml:8 agents.other_servers/],
    ['groups:', 'agents: { other_servers: }\ngroups:', /error org.yaml:8 agents.other_servers/],
    ['groups:', 'agents: { other_servers: [{ name: x, url: "https://*.example/" }] }\ngroups:', /error org.yaml:8 agents.other_servers/],
    ['groups:', 'agents: { other_servers: [], others: [] }\ngroups:', /error org.yaml:8 .*"others"/],
    [
      'groups:',
      'agents: { clients: [{ client_id: robot, decision: block }] }\ngroups:',
      /error org.yaml:8 agents.clients\S* a client id is the https/,
    ],
    ['groups:', 'agents: { clients: [{ clent_id: "https://a.example/c", decision: block }] }\ngroups:', /error org.yaml:8 .*client_id/],
    [
      'groups:',
      'agents: { clients: [{ client_id: "https://a.example/c", decision: blok }] }\ngroups:',
      /error org.yaml:8 agents.clients.*decision/,
    ],
    [
      'groups:',
      'agents: { clients: [{ client_id: "https://a.example/c", decision: block }, { client_id: "https://a.example/c", decision: block }] }\ngroups:',
      /error org.yaml:8 agents.clients: a client stands twice/,
    ],
    [
      'groups:',
      'agents: { clients: [{ client_id: "https://a.example/c", decision: block, servers: [wiki] }] }\ngroups:',
      /error org.yaml:8 agents.clients.*blocked as a whole/,
    ],
    [
      'groups:',
      'agents: { clients: [{ client_id: "https://a.example/c", decision: allow, servers: [wikki] }] }\ngroups:',
      /error org.yaml:8 .*no server "wikki". Did you mean "wiki"/,
    ],
    ['  id: acme', '  id: acme\n  id: acme', /error org.yaml:3 "id" stands twice in one map/],
  ];
  for (const [from, to, expected] of cases) {
    acme.write('org.yaml', orgYaml.replace(from, to));
    const problems = await acme.problems();
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `${to}: ${problems.join('\n')}`,
    );
  }
});

test('each mistake in a server is reported where it stands', async (t) => {
  const acme = company(t);
  const entryOf = (server: ReturnType<typeof serverJson>) => server._meta['dev.gatehouse/entry'];
  const cases: [(server: ReturnType<typeof serverJson>) => void, RegExp][] = [
    [(server) => (server['name'] = 'wiki'), /error servers\/wiki.json:2 name: a server name is reverse DNS/],
    [(server) => (server['version'] = '^1.0.0'), /error servers\/wiki.json:5 version: a version is exact/],
    [(server) => (server['remotes'] = [{ type: 'streamable-http', url: 'http://{host}/mcp' }]), /wiki.json:9 The variable \{host\}/],
    [
      (server) => (server['remotes'] = [{ type: 'streamable-http', url: 'ftp://x/mcp' }]),
      /wiki.json:9 After the variables were filled in, url/,
    ],
    [(server) => (server['remotes'] = []), /error servers\/wiki.json:1 The entry says neither where/],
    [(server) => (entryOf(server)['id'] = 'Wiki'), /wiki.json:\d+ _meta.dev.gatehouse\/entry.id: a server id is/],
    [(server) => (entryOf(server)['timeout'] = 5), /wiki.json:\d+ _meta.dev.gatehouse\/entry: Unrecognized key: "timeout"/],
    [
      (server) => (entryOf(server)['id'] = 'books'),
      /error servers\/wiki.json:\d+ "books" is already the id of the server in servers\/books.json/,
    ],
    [(server) => (server['name'] = 'example.acme/books'), /wiki.json:2 "example.acme\/books" is already the name/],
    [(server) => (entryOf(server)['tools'] = { delete: { readOnly: false } }), /The server wiki has no tool "delete"/],
    [(server) => (toolsOf(server)[0]!['description'] = 'Does harm.'), /wiki.json:\d+ tool:list is not the definition that was blessed/],
    [(server) => toolsOf(server).push({ name: 'new' }), /tool:new has no hash: it was not blessed/],
    [(server) => toolsOf(server).pop(), /There is a hash for tool:write but no such definition/],
    [(server) => delete entryOf(server)['catalogue'], /warning servers\/wiki.json:\d+ The server wiki has no blessed catalogue/],
  ];
  for (const [spoil, expected] of cases) {
    const server = serverJson('wiki');
    spoil(server);
    acme.write('servers/wiki.json', server);
    const problems = await acme.problems();
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `${expected}: ${problems.join('\n')}`,
    );
  }
  acme.write('servers/wiki.json', '{\n  "name": "x",\n}\n');
  assert.match((await acme.problems())[0]!, /error servers\/wiki.json:3 This is not JSON/);
});

function toolsOf(server: ReturnType<typeof serverJson>): Record<string, unknown>[] {
  return (server._meta['dev.gatehouse/entry']['catalogue'] as { tools: Record<string, unknown>[] }).tools;
}

test('policies that name what does not exist, remixes and limits', async (t) => {
  const acme = company(t);
  acme.write('policies/main.cedar', policies.replace('Group::"finance"', 'Group::"finanse"').replace('Server::"wiki"', 'Server::"wikki"'));
  const problems = await acme.problems();
  assert.ok(
    problems.some((problem) => /^error policies\/main.cedar:\d+ .*finanse/.test(problem)),
    problems.join('\n'),
  );
  assert.ok(
    problems.some((problem) => /^error policies\/main.cedar:\d+ .*wikki/.test(problem)),
    problems.join('\n'),
  );

  acme.write('policies/main.cedar', policies);
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(acme.path, 'remixes'));
  acme.write('remixes/daily.yaml', 'name: daily\ntitle: Daily work\ntools:\n  - { server: wiki, tool: list }\n');
  assert.deepEqual(await acme.problems(), [
    'warning remixes/daily.yaml:1 This version of the central API does not serve remixes: the file has no effect.',
  ]);
  acme.write(
    'remixes/daily.yaml',
    'name: daily\ntitle: Daily work\ntools:\n  - { server: wiki, tool: lost }\n  - { server: gone, tool: list }\n',
  );
  const [, tool, server] = await acme.problems();
  assert.equal(tool, 'error remixes/daily.yaml:4 The server wiki has no tool "lost".');
  assert.equal(server, 'error remixes/daily.yaml:5 There is no server "gone".');

  acme.write('limits.yaml', 'callsPerMinute: -1\n');
  assert.ok((await acme.problems()).some((problem) => problem.startsWith('error limits.yaml:1 callsPerMinute')));
});
