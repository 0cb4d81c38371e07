import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { AgentFile, ConfigLanguage, Machine } from '../../src/agents/clients/programs/client.ts';

export type System = 'linux' | 'darwin' | 'win32';
export const systems: System[] = ['linux', 'darwin', 'win32'];

/** An empty home as a system of that kind has it, on the disk of this one. */
export function homeOf(t: TestContext, platform: System): Machine {
  const home = realpathSync(mkdtempSync(join(tmpdir(), `gatehouse-home-${platform}-`)));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const windows = { APPDATA: join(home, 'AppData', 'Roaming'), LOCALAPPDATA: join(home, 'AppData', 'Local') };
  return { home, platform, env: { PATH: join(home, 'bin'), ...(platform === 'win32' ? windows : {}) } };
}

/** A file that its agent and its person have used: comments, odd spaces, other servers, a secret of somebody else. */
export function usedFile(language: ConfigLanguage, container: string): string {
  if (language === 'toml')
    return `# mine\nmodel = "x"   # keep\n\n[${container}.files]\ncommand = "npx"\nargs = [ "-y",\n  "files" ]\nenv = { API_KEY = "sk-other" }\n\n[tui]\nstarted = 2026-11-01T10:00:00Z\n`;
  if (language === 'yaml')
    return `# mine\nGOOSE_MODEL: x   # keep\n${container}:\n    # of the team\n    files:\n        type: stdio\n        cmd: 'npx'\n        envs: {API_KEY: "sk-other"}\n\nlast: |\n    text\n`;
  return `{\n    // mine\n    "theme" : "dark", "numStartups": 12,\n    "${container}": {\n        // of the team\n        "files": { "command": "npx", "args": ["-y", "files"], "env": { "API_KEY": "sk-other" } },\n    },\n    "last": [1,2 , 3] /* keep */\n}\n`;
}

/** What an update of the agent leaves: settings of its own, and none of what was there. */
export const resetFile: Record<ConfigLanguage, string> = {
  jsonc: '{\n  "version": 2\n}\n',
  toml: 'version = 2\n',
  yaml: 'version: 2\n',
};

/** Writes a file where the agent looks first, and returns its path. */
export function fileIn(config: AgentFile, machine: Machine, text: string | Buffer, mode = 0o600): string {
  const file = config.files(machine)[0]!;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
  return file;
}
