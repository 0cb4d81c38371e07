import { Ban, Braces, ListChecks } from 'lucide-react';
import type { AgentRow } from '../../src/contract/agents.ts';
import { Button } from '../parts/button.tsx';
import { Monogram } from '../parts/monogram.tsx';
import { Ago, useNow } from '../parts/time.tsx';
import { Tip } from '../parts/tip.tsx';
import { href } from '../router.ts';
import { eraTitle, eraWord } from '../servers/state.tsx';
import { useView } from '../store.ts';
import { count, date, plural } from '../words.ts';
import { reachWords } from './reach.tsx';

const columns = '@[800px]:grid @[800px]:grid-cols-[minmax(160px,1.2fr)_minmax(0,1fr)_72px_96px_104px_64px_104px] @[800px]:gap-4';

interface Props {
  agents: AgentRow[];
  onShow?: (agent: AgentRow) => void;
  onLimit?: (agent: AgentRow) => void;
  onRevoke?: (agent: AgentRow) => void;
}

export function AgentList({ agents, onShow, onLimit, onRevoke }: Props) {
  return (
    <>
      <div aria-hidden className={`-mx-2 hidden px-2 pb-1 text-12 text-quiet ${columns}`}>
        <span>Name</span>
        <span>Program</span>
        <span>Protocol</span>
        <span>Sessions</span>
        <span>{onRevoke ? 'Last seen' : 'Revoked'}</span>
        <span className="text-right">Today</span>
      </div>
      <ul className="-mx-2" aria-label={onRevoke ? 'Agents' : 'Revoked agents'}>
        {agents.map((agent) => (
          <li
            key={`${agent.name} ${agent.createdAt}`}
            className={`flex min-h-14 items-center gap-3 border-line border-b px-2 @[800px]:min-h-11 ${columns}`}
          >
            <a
              href={href({ page: 'activity', query: { agent: agent.name } })}
              title={`${agent.name}: show its activity`}
              className="flex min-w-0 flex-1 items-center gap-3 rounded-control py-1 hover:underline"
            >
              <Monogram name={agent.name} />
              <span className="min-w-0">
                <span className={`block truncate font-medium ${onRevoke ? '' : 'text-quiet'}`}>{agent.name}</span>
                <span className="block truncate text-12 text-quiet @[800px]:hidden">
                  <Program agent={agent} />
                </span>
                {onRevoke && <Limits agent={agent} />}
              </span>
            </a>
            <span className="hidden truncate text-13 text-quiet @[800px]:block">
              <Program agent={agent} />
            </span>
            <span className="hidden text-13 text-quiet @[800px]:block" title={eraTitle(agent.era)}>
              {eraWord(agent.era)}
            </span>
            <span className="hidden text-13 @[800px]:flex">
              {agent.sessions > 0 ? (
                <span className="inline-flex items-center gap-2 whitespace-nowrap">
                  <span aria-hidden className="size-1.5 rounded-full bg-allow" />
                  {count(agent.sessions)} open
                </span>
              ) : (
                <span className="text-quiet">None</span>
              )}
            </span>
            <span className="hidden text-13 text-quiet @[800px]:block">
              <Seen at={onRevoke ? agent.lastSeenAt : agent.revokedAt} />
            </span>
            <span className="hidden text-right text-13 text-quiet tabular-nums @[800px]:block">
              {count(agent.callsToday)}
              <span className="sr-only"> calls today</span>
            </span>
            <span className="-mr-2 flex shrink-0 justify-end">
              {onLimit && (
                <Tip text="What it may reach">
                  <Button look="bare" icon aria-label={`What ${agent.name} may reach`} onClick={() => onLimit(agent)}>
                    <ListChecks aria-hidden />
                  </Button>
                </Tip>
              )}
              {onShow && !agent.signIn && (
                <Tip text="Configuration">
                  <Button look="bare" icon aria-label={`Configuration of ${agent.name}`} onClick={() => onShow(agent)}>
                    <Braces aria-hidden />
                  </Button>
                </Tip>
              )}
              {onRevoke && (
                <Tip text="Revoke">
                  <Button look="bare" icon aria-label={`Revoke ${agent.name}`} onClick={() => onRevoke(agent)}>
                    <Ban aria-hidden />
                  </Button>
                </Tip>
              )}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What is special about it: which servers it may reach, until when, and whether it has to sign in again. */
function Limits({ agent }: { agent: AgentRow }) {
  const servers = useView((view) => view.servers);
  const now = useNow();
  const over = agent.expiresAt !== undefined && Date.parse(agent.expiresAt) <= now;
  const parts = [
    agent.expiresAt && (over ? `Over since ${date(agent.expiresAt)}` : `Until ${date(agent.expiresAt)}`),
    agent.signIn?.open === false && !over && 'Signed out',
    agent.servers && `Only ${reachWords(agent.servers, servers)}`,
  ].filter(Boolean);
  if (parts.length === 0) return null;
  return (
    <span className={`block truncate text-12 ${over ? 'text-ask' : 'text-quiet'}`} title={agent.servers?.join(', ')}>
      {parts.join(' · ')}
    </span>
  );
}

function Program({ agent }: { agent: AgentRow }) {
  if (!agent.client) return <>{agent.lastSeenAt ? 'Not named' : 'Not connected yet'}</>;
  const text = `${agent.client.name} ${agent.client.version}`;
  return (
    <span title={`${text}, as the program calls itself${agent.sessions > 0 ? `; ${plural(agent.sessions, 'session')} open` : ''}`}>
      {text}
    </span>
  );
}

const Seen = ({ at }: { at: string | undefined }) => (at ? <Ago at={at} /> : <>Never</>);
