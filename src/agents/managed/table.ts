import type { ManagedAgent } from './agent.ts';
import { claudeCode } from './claude-code.ts';
import { codex } from './codex.ts';
import { copilot } from './copilot.ts';
import { gemini } from './gemini.ts';

/** The agents that have a managed allow-list of their own. */
export const managedAgents: readonly ManagedAgent[] = [claudeCode, copilot, codex, gemini];

/** Agents whose list was tried, or read of, and does not hold. */
export const unlisted: Readonly<Record<string, string>> = {
  'qwen-code': 'Qwen Code 0.15.10 lists and starts servers that the mcp.allowed of its system settings leaves out.',
  opencode: 'opencode has managed settings, and no list of allowed servers in them.',
};
