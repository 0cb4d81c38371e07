import { Failure, toErrorValue } from '../base/errors.ts';
import { type Command, commands } from '../contract/contract.ts';
import type { AppState, Dispatch } from './app-state.ts';
import { activityHandlers } from './commands/activity.ts';
import { agentHandlers } from './commands/agents.ts';
import { companyHandlers } from './commands/company.ts';
import type { Handlers } from './commands/handlers.ts';
import { serverHandlers } from './commands/servers.ts';
import { buildView } from './view.ts';

const handlers: Handlers<Command, AppState> = {
  ...companyHandlers,
  ...serverHandlers,
  ...agentHandlers,
  ...activityHandlers,
  async status(house) {
    await house.port?.check();
    return buildView(house);
  },
};

/** Refuses unknown commands, checks every input, and returns errors as values. The text of an unexpected error is logged, not returned. */
export function dispatcher(house: AppState): Dispatch {
  return async (command, input) => {
    try {
      if (!Object.hasOwn(commands, command))
        throw new Failure(
          'bad-input',
          `There is no command ${JSON.stringify(command.slice(0, 64))}.`,
          'Use a window or command line of the same version as the host.',
        );
      const parsed = commands[command as Command].safeParse(input ?? {});
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        throw new Failure(
          'bad-input',
          `${command}: ${issue?.path.join('.') || 'input'}: ${issue?.message ?? 'not valid'}`,
          'Correct the input and try again.',
        );
      }
      const handle = handlers[command as Command] as (house: AppState, input: unknown) => unknown;
      return { ok: true, value: await handle(house, parsed.data) };
    } catch (error) {
      if (!(error instanceof Failure)) house.host.log.error({ err: error, command }, 'a command failed');
      return { ok: false, error: toErrorValue(error) };
    }
  };
}
