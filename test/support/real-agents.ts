import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Exactly these: what an agent does on the wire changes from one release to the next. */
const wanted: Record<string, string> = {
  '@anthropic-ai/claude-code': '2.1.330',
  '@google/gemini-cli': '0.61.0',
  '@modelcontextprotocol/inspector': '2.12.0',
  '@openai/codex': '0.169.0',
  'opencode-ai': '1.18.33',
};
/** Agents of which only the configuration is tried: `mcp list` needs no model. In a folder of their own, as they are large. */
const listed: Record<string, string> = {
  '@github/copilot': '1.0.102',
  '@google/gemini-cli': '0.61.0',
  '@qwen-code/qwen-code': '0.15.10',
  'opencode-ai': '1.18.33',
};
const cache = resolve(process.env['GATEHOUSE_TEST_CACHE'] ?? 'node_modules/.cache/gatehouse');
const folder = join(cache, 'agents');
const installMs = 150_000;

export interface RealAgents {
  claude: string[];
  codex: string[];
  gemini: string[];
  inspector: string[];
  opencode: string[];
}

let installing: Promise<RealAgents | string> | undefined;

/** The commands of real agents, installed on demand into a cache beside the dependencies; a string says why they cannot be had. */
export function realAgents(): Promise<RealAgents | string> {
  installing ??= install();
  return installing;
}

export interface ListingAgents {
  copilot: string[];
  gemini: string[];
  qwen: string[];
  opencode: string[];
}

/** As `realAgents`, of those that only list. */
export async function listingAgents(): Promise<ListingAgents | string> {
  const failed = await installInto(join(cache, 'listing-agents'), listed);
  if (failed !== undefined) return failed;
  const modules = join(cache, 'listing-agents', 'node_modules');
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const opencode = join(modules, `opencode-${system}-${process.arch}`, 'bin', process.platform === 'win32' ? 'opencode.exe' : 'opencode');
  if (!existsSync(opencode)) return `there is no opencode for ${process.platform}-${process.arch}`;
  return {
    copilot: [process.execPath, join(modules, '@github', 'copilot', 'npm-loader.js')],
    gemini: [process.execPath, join(modules, '@google', 'gemini-cli', 'bundle', 'gemini.js')],
    qwen: [process.execPath, join(modules, '@qwen-code', 'qwen-code', 'cli.js')],
    opencode: [opencode],
  };
}

/** The official tool for MCP Bundles. */
export async function mcpbTool(): Promise<string[] | string> {
  const failed = await installInto(join(cache, 'mcpb'), { '@anthropic-ai/mcpb': '2.1.2' });
  return failed ?? [process.execPath, join(cache, 'mcpb', 'node_modules', '@anthropic-ai', 'mcpb', 'dist', 'cli', 'cli.js')];
}

/** Says why not, or nothing. */
async function installInto(folder: string, wanted: Record<string, string>): Promise<string | undefined> {
  if (process.env['GATEHOUSE_SKIP_AGENTS']) return 'GATEHOUSE_SKIP_AGENTS is set';
  const stamp = join(folder, 'installed.json');
  const want = JSON.stringify(wanted);
  if ((await readFile(stamp, 'utf8').catch(() => '')) !== want) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"private":true}\n');
    const packages = Object.entries(wanted).map(([name, version]) => `${name}@${version}`);
    const failed = await new Promise<string | undefined>((done) => {
      execFile(
        process.platform === 'win32' ? 'npm.cmd' : 'npm',
        // Their own scripts only copy a binary about that is found without them.
        ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', '--save-exact', '--loglevel=error', ...packages],
        { timeout: installMs, shell: process.platform === 'win32' },
        (error, _stdout, stderr) => done(error ? `${error.message} ${stderr}`.trim().split('\n').slice(0, 3).join(' ') : undefined),
      );
    });
    if (failed !== undefined) return `the agents could not be installed: ${failed}`;
    await writeFile(stamp, want);
  }
  return undefined;
}

async function install(): Promise<RealAgents | string> {
  const failed = await installInto(folder, wanted);
  if (failed !== undefined) return failed;
  const modules = join(folder, 'node_modules');
  const claude = [`linux-${process.arch}`, `linux-${process.arch}-musl`, `darwin-${process.arch}`, `win32-${process.arch}`]
    .filter((name) => name.startsWith(process.platform))
    .map((name) => join(modules, '@anthropic-ai', `claude-code-${name}`, process.platform === 'win32' ? 'claude.exe' : 'claude'))
    .find(existsSync);
  if (claude === undefined) return `there is no Claude Code for ${process.platform}-${process.arch}`;
  const opencode = [`opencode-${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`]
    .flatMap((name) => [name, `${name}-baseline`])
    .map((name) => join(modules, name, 'bin', process.platform === 'win32' ? 'opencode.exe' : 'opencode'))
    .find(existsSync);
  if (opencode === undefined) return `there is no opencode for ${process.platform}-${process.arch}`;
  return {
    claude: [claude],
    opencode: [opencode],
    codex: [process.execPath, join(modules, '@openai', 'codex', 'bin', 'codex.js')],
    gemini: [process.execPath, join(modules, '@google', 'gemini-cli', 'bundle', 'gemini.js')],
    inspector: [process.execPath, join(modules, '@modelcontextprotocol', 'inspector', 'clients', 'launcher', 'build', 'index.js'), '--cli'],
  };
}

/** Runs one to its end in a process group of its own, in an environment that holds nothing but what is given. */
export function runAgent(
  command: string[],
  options: { cwd: string; env: Record<string, string>; timeoutMs?: number },
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((done, fail) => {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: options.cwd,
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-8000);
    });
    const endAll = () => {
      try {
        process.kill(process.platform === 'win32' ? child.pid! : -child.pid!, 'SIGKILL');
      } catch {
        // All gone already.
      }
    };
    const timer = setTimeout(endAll, options.timeoutMs ?? 90_000);
    child.once('error', fail);
    child.once('close', (code) => {
      clearTimeout(timer);
      endAll();
      done({ code, stdout, stderr });
    });
  });
}

/** Gives Codex a model on loopback in place of its maker's, and nothing else to talk to. `features`, `more`: further lines of its configuration. */
export async function scriptedCodex(home: string, model: string, features = '', more = ''): Promise<void> {
  await mkdir(join(home, '.codex'));
  await writeFile(
    join(home, '.codex', 'config.toml'),
    `model = "scripted"
model_provider = "scripted"
approval_policy = "never"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
plugins = false
apps = false
${features}
[model_providers.scripted]
name = "Scripted"
base_url = "${model}/v1"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
${more}
`,
  );
}
