import type { Command, CommandParsed, Outputs } from '../../contract/contract.ts';

/** The handlers of some commands, with the parts of the app that they need. */
export type Handlers<Commands extends Command, Rooms> = {
  [C in Commands]: (rooms: Rooms, input: CommandParsed<C>) => Outputs[C] | Promise<Outputs[C]>;
};
