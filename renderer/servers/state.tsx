import { CircleCheck, CircleDashed, CircleX, KeyRound, LoaderCircle, type LucideIcon, RotateCw } from 'lucide-react';
import type { ServerState } from '../../src/contract/servers.ts';

const looks: Record<ServerState, { icon: LucideIcon; word: string; ink: string }> = {
  idle: { icon: CircleDashed, word: 'Ready', ink: 'text-quiet' },
  connecting: { icon: LoaderCircle, word: 'Connecting', ink: 'text-info' },
  connected: { icon: CircleCheck, word: 'Connected', ink: 'text-allow' },
  'backing-off': { icon: RotateCw, word: 'Retrying', ink: 'text-ask' },
  'needs-secret': { icon: KeyRound, word: 'Needs a key', ink: 'text-ask' },
  failed: { icon: CircleX, word: 'Failed', ink: 'text-deny' },
};

/** `idle` reads "Ready": a server is connected when it is first used, so nothing is wrong with one that is not. */
export function StateWord({ state }: { state: ServerState }) {
  const { icon: Icon, word, ink } = looks[state];
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap text-13 ${ink}`}>
      <Icon aria-hidden className={state === 'connecting' ? 'animate-spin' : ''} />
      {word}
    </span>
  );
}

export const eraWord = (era: 'legacy' | 'modern' | undefined) => (era === 'modern' ? '2026-07' : era === 'legacy' ? '2025-11' : '–');
export const eraTitle = (era: 'legacy' | 'modern' | undefined) =>
  era === 'modern' ? 'Speaks MCP 2026-07-28' : era === 'legacy' ? 'Speaks MCP 2025-11-25 or older' : 'Known after the first connection';
