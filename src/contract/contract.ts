import { z } from 'zod';
import type { ErrorValue } from '../base/errors.ts';
import { type ActivityOutputs, activityCommands } from './activity.ts';
import { type AgentOutputs, agentCommands } from './agents.ts';
import { type CompanyOutputs, companyCommands } from './company.ts';
import { type ConsentOutputs, consentCommands } from './consent.ts';
import { type ServerOutputs, serverCommands } from './servers.ts';
import { type ShadowOutputs, shadowCommands } from './shadow.ts';
import type { View } from './view.ts';

/**
 * What a window, a browser or the command line may ask of the core, and what it sees. One contract over its carriers: Electron's IPC, HTTP with a
 * launch token, and the control socket. Times are ISO 8601 in UTC, durations milliseconds, sizes bytes.
 */

/** Input of each command. An unknown key is refused, so that a misspelt one is noticed. */
export const commands = {
  ...companyCommands,
  ...serverCommands,
  ...agentCommands,
  ...consentCommands,
  ...shadowCommands,
  ...activityCommands,
  status: z.strictObject({}),
} as const satisfies Record<string, z.ZodType>;

export interface Outputs extends CompanyOutputs, ServerOutputs, AgentOutputs, ConsentOutputs, ShadowOutputs, ActivityOutputs {
  status: View;
}

export type Command = keyof typeof commands;
/** As the caller writes it (defaults may be left out). */
export type CommandInput<C extends Command> = z.input<(typeof commands)[C]>;
/** As the core receives it. */
export type CommandParsed<C extends Command> = z.output<(typeof commands)[C]>;

export type Reply<C extends Command> = { ok: true; value: Outputs[C] } | { ok: false; error: ErrorValue };

/** What the renderer holds, whichever carrier is below. */
export interface Gatehouse {
  call<C extends Command>(command: C, input: CommandInput<C>): Promise<Reply<C>>;
  /** Calls back at once with the present View, then with each new one; returns how to stop. */
  watch(listener: (view: View) => void): () => void;
}
