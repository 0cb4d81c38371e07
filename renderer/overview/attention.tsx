import { ChevronRight, CircleAlert, KeyRound, LogIn } from 'lucide-react';
import type { ServerRow, ServerState } from '../../src/contract/servers.ts';
import { href } from '../router.ts';
import { lacks } from '../servers/secrets.tsx';
import { wantsSignIn } from '../servers/state.tsx';
import { useView } from '../store.ts';

const needs = ({ secrets }: ServerRow) =>
  `needs ${secrets
    .filter(lacks)
    .map(({ name }) => name)
    .join(' and ')} from you`;
const waiting: ReadonlySet<ServerState> = new Set(['failed', 'backing-off', 'needs-secret']);

/** Servers that cannot be reached, or need something from the person, a sign-in included: shown here only while there are any. */
export function Attention() {
  const servers = useView((view) => view.servers).filter((server) => waiting.has(server.state) || wantsSignIn(server));
  if (servers.length === 0) return null;
  return (
    <ul aria-label="Needs attention" className="mt-4 overflow-hidden rounded-card border border-ask-line">
      {servers.slice(0, 3).map((server) => (
        <li key={server.id} className="border-line border-t first:border-t-0">
          <a
            href={href({ page: 'server', server: server.id, tab: 'tools' })}
            className="ring-inside flex min-h-11 items-center gap-3 px-4 py-1 text-13 hover:bg-hover"
          >
            {server.state === 'needs-secret' ? (
              <KeyRound aria-hidden className="text-ask" />
            ) : server.error === undefined && wantsSignIn(server) ? (
              <LogIn aria-hidden className="text-ask" />
            ) : (
              <CircleAlert aria-hidden className="text-ask" />
            )}
            <span className="min-w-0 shrink-0 truncate font-medium sm:max-w-48">{server.title}</span>
            <span className="min-w-0 flex-1 truncate text-quiet" title={server.error}>
              {server.state === 'needs-secret'
                ? needs(server)
                : (server.error ?? (wantsSignIn(server) ? 'wants you to sign in' : 'cannot be reached'))}
            </span>
            <ChevronRight aria-hidden className="text-faint" />
          </a>
        </li>
      ))}
      {servers.length > 3 && (
        <li className="border-line border-t">
          <a href="#/servers" className="ring-inside flex min-h-9 items-center px-4 text-13 text-quiet hover:bg-hover">
            And {servers.length - 3} more
          </a>
        </li>
      )}
    </ul>
  );
}
