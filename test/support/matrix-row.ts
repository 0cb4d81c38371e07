import assert from 'node:assert/strict';
import type { Agent, CallOptions, Talk } from './matrix-agent.ts';
import type { Column, Place } from './matrix-column.ts';
import type { Json } from './matrix-server.ts';

export interface Cell extends Column {
  place: Place;
  agent: Agent;
}

export interface Row {
  feature: string;
  run(cell: Cell): Promise<void>;
  /** Why this cell cannot be. */
  not?(place: Place): string | undefined;
  /** What the cell says where it is more than "yes". */
  says?(place: Place): string | undefined;
}

export const tool = (agent: Agent, name: string, options?: CallOptions, args: Json = {}): Promise<Talk> =>
  agent.call('tools/call', { name, arguments: args }, options);
export const textOf = ({ answer }: Talk): string => answer?.['result']?.content?.[0]?.text ?? assert.fail(JSON.stringify(answer));
export const seen = async (agent: Agent): Promise<Json[]> => JSON.parse(textOf(await tool(agent, 'seen')));
/** A vendor's own key, which no hop may lose. */
export const kept = { _meta: { 'com.example/kept': [1] } };
