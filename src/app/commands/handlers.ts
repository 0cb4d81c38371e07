import type { Command, CommandParsed, Outputs } from '../../contract/contract.ts';

/** What carries out some of the commands, each with the rooms that it needs. */
export type Handlers<Commands extends Command, Rooms> = {
  [C in Commands]: (rooms: Rooms, input: CommandParsed<C>) => Outputs[C] | Promise<Outputs[C]>;
};
