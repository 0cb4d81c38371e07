import { claudeCode } from './claude-code.ts';
import { claudeDesktop } from './claude-desktop.ts';
import type { Client } from './client.ts';
import { cline } from './cline.ts';
import { codex } from './codex.ts';
import { copilotCli } from './copilot-cli.ts';
import { cursor } from './cursor.ts';
import { gemini } from './gemini.ts';
import { goose } from './goose.ts';
import { jetbrains } from './jetbrains.ts';
import { lmStudio } from './lm-studio.ts';
import { opencode } from './opencode.ts';
import { qwen } from './qwen.ts';
import { vscode } from './vscode.ts';
import { windsurf } from './windsurf.ts';
import { zed } from './zed.ts';

/** The agents that can be connected by a command, in the order people use them. */
export const clients: readonly Client[] = [
  claudeCode,
  claudeDesktop,
  vscode,
  cursor,
  windsurf,
  codex,
  gemini,
  zed,
  jetbrains,
  copilotCli,
  cline,
  goose,
  opencode,
  qwen,
  lmStudio,
];
