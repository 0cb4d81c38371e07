import { CircleCheck, CircleDashed, CircleX, KeyRound, LoaderCircle, LogIn, type LucideIcon, RotateCw } from 'lucide-react';
import type { ServerRow, ServerState } from '../../src/contract/servers.ts';

const looks: Record<ServerState, { icon: LucideIcon; word: string; ink: string }> = {
  idle: { icon: CircleDashed, word: 'Ready', ink: 'text-quiet' },
  connecting: { icon: LoaderCircle, word: 'Connecting', ink: 'text-info' },
  connected: { icon: CircleCheck, word: 'Connected', ink: 'text-allow' },
  'backing-off': { icon: RotateCw, word: 'Retrying', ink: 'text-ask' },
  'needs-secret': { icon: KeyRound, word: 'Needs a key', ink: 'text-ask' },
  failed: { icon: CircleX, word: 'Failed', ink: 'text-deny' },
};

const signIn = { icon: LogIn, word: 'Sign in', ink: 'text-ask' };

/** The person has to sign in before it can be used. */
export const wantsSignIn = ({ signIn }: ServerRow) =>
  signIn?.state === 'signed-out' || signIn?.state === 'signing-in' || signIn?.wanted === true;

/** `idle` reads "Ready": a server is connected when it is first used, so nothing is wrong with one that is not. */
export function StateWord({ row }: { row: ServerRow }) {
  const { icon: Icon, word, ink } = row.state !== 'failed' && wantsSignIn(row) ? signIn : looks[row.state];
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap text-13 ${ink}`}>
      <Icon aria-hidden className={word === 'Connecting' ? 'animate-spin' : ''} />
      {word}
    </span>
  );
}

export const eraWord = (era: 'legacy' | 'modern' | undefined) => (era === 'modern' ? '2026-07' : era === 'legacy' ? '2025-11' : '–');
export const eraTitle = (era: 'legacy' | 'modern' | undefined) =>
  era === 'modern' ? 'Speaks MCP 2026-07-28' : era === 'legacy' ? 'Speaks MCP 2025-11-25 or older' : 'Known after the first connection';
