// Runs the suites' own command lines and reads what they wrote.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { conformancePackage, root } from './packages.mjs';

const old = '0.1.16';
const recent = '0.2.0-alpha.12';

/** `revision`: what the suite's clients and servers speak. */
export const suites = [
  { name: old, version: old, revision: '2025-11-25', args: ['--suite', 'all'] },
  { name: '2025-11-25', version: recent, revision: '2025-11-25', args: ['--requirements', '2025-11-25'] },
  { name: '2026-07-28', version: recent, revision: '2026-07-28', args: ['--requirements', '2026-07-28'] },
  // No revision requires an extension, so each scenario is asked for by its name. Those for clients judge hosts, which load skills; Gatehouse carries them.
  {
    name: 'SEP-2640',
    version: recent,
    revision: '2026-07-28',
    scenarios: ['enumeration', 'manifest', 'directory'].map((scenario) => `sep-2640-skills-${scenario}`),
  },
];

function conformance(version, args) {
  return new Promise((resolve) => {
    const entry = join(conformancePackage(version), 'dist', 'index.js');
    const child = spawn(process.execPath, [entry, ...args], { cwd: root, env: { ...process.env, NO_COLOR: '1' } });
    const said = [];
    child.stdout.on('data', (chunk) => said.push(chunk));
    child.stderr.on('data', (chunk) => said.push(chunk));
    child.on('close', (code) => resolve({ code, text: Buffer.concat(said).toString('utf8') }));
  });
}

/** Names that do not count for the revision, though they are run. 0.1.16 scores all that it has. */
function unscored(suite, leg) {
  if (suite.version === old) return new Set();
  const { not_scored: list = [] } = requirements(suite);
  return new Set(list.filter((entry) => entry.leg === leg).map((entry) => entry.scenario));
}

const requirements = (suite) =>
  parse(readFileSync(join(conformancePackage(suite.version), 'requirements', `${suite.revision}.yaml`), 'utf8'));

export async function serverRun(suite, url, folder) {
  const baseline = join(root, 'test', 'conformance', 'expected-failures.yml');
  const asked = suite.scenarios?.map((scenario) => ['--scenario', scenario, '--spec-version', suite.revision, '--force']) ?? [suite.args];
  let code = 0;
  let text = '';
  for (const args of asked) {
    const done = await conformance(suite.version, ['server', '--url', url, ...args, '--expected-failures', baseline, '-o', folder]);
    code ||= done.code;
    text += done.text;
  }
  const off = unscored(suite, 'server');
  const results = readdirSync(folder).map((name) => {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name)?.[1] ?? name;
    return { scenario, scored: !off.has(scenario), ...counts(join(folder, name)) };
  });
  return { code, text, results };
}

/** What the suite would run against a client. */
export async function clientScenarios(suite) {
  if (suite.scenarios) return [];
  if (suite.version !== old) {
    const { client = [] } = requirements(suite);
    return [
      ...client.map((scenario) => ({ scenario, scored: true })),
      ...[...unscored(suite, 'client')].map((scenario) => ({ scenario, scored: false })),
    ];
  }
  const { text } = await conformance(old, ['list']);
  const lines = text.slice(text.indexOf('Client scenarios')).matchAll(/^ {2}- (\S+) \[(\S+)\]$/gm);
  return [...lines].map(([, scenario, versions]) => ({ scenario, scored: /\d{4}-/.test(versions) }));
}

export async function clientRun(suite, scenario, folder) {
  const adapter = `${JSON.stringify(process.execPath)} ${JSON.stringify(join(root, 'test', 'conformance', 'adapter.mjs'))}`;
  mkdirSync(folder, { recursive: true });
  const { code, text } = await conformance(suite.version, [
    'client',
    '--command',
    adapter,
    '--scenario',
    scenario,
    '--spec-version',
    suite.revision,
    // No revision requires an extension; what was not to be run was left out before.
    ...(suite.version === old ? [] : ['--force']),
    '-o',
    folder,
  ]);
  // A scenario's name may have a folder in it.
  const made = readdirSync(folder, { recursive: true }).find((name) => basename(name) === 'checks.json');
  return { code, text, ...counts(made === undefined ? folder : join(folder, dirname(made))) };
}

function counts(folder) {
  const file = join(folder, 'checks.json');
  const checks = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  const of = (status) => checks.filter((check) => check.status === status);
  const why = [...of('FAILURE'), ...of('WARNING')].map((check) => `${check.id}: ${check.errorMessage ?? check.description}`);
  return { ran: checks.length > 0, passed: of('SUCCESS').length, failed: of('FAILURE').length, warnings: of('WARNING').length, why };
}
