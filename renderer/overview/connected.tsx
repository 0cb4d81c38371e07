import { Monogram } from '../parts/monogram.tsx';
import { Section } from '../parts/page.tsx';
import { Ago } from '../parts/time.tsx';
import { useView } from '../store.ts';
import { count, plural } from '../words.ts';

const most = 4;

/** The agents that were here last, open sessions first. */
export function Connected() {
  const all = useView((view) => view.agents);
  const agents = all
    .filter((agent) => !agent.revokedAt)
    .sort((a, b) => Number(b.sessions > 0) - Number(a.sessions > 0) || (b.lastSeenAt ?? '').localeCompare(a.lastSeenAt ?? ''));
  return (
    <Section
      title="Agents"
      side={
        agents.length > most ? (
          <a href="#/agents" className="rounded-control text-13 text-quiet hover:text-ink">
            All {count(agents.length)}
          </a>
        ) : undefined
      }
    >
      {agents.length === 0 ? (
        <p className="text-pretty text-13 text-quiet">
          None yet. An agent is a program such as Claude Code or Cursor that uses tools for you.{' '}
          <a href="#/agents/add" className="whitespace-nowrap text-accent-ink underline underline-offset-2">
            Add agent
          </a>
        </p>
      ) : (
        <ul className="-mx-2">
          {agents.slice(0, most).map((agent) => (
            <li key={agent.name}>
              <a href="#/agents" className="flex h-11 items-center gap-3 rounded-control px-2 hover:bg-hover">
                <Monogram name={agent.name} />
                <span className="min-w-0 flex-1 truncate text-13" title={agent.name}>
                  {agent.name}
                </span>
                <span className="shrink-0 text-12 text-quiet">
                  {agent.sessions > 0 ? plural(agent.sessions, 'session') : agent.lastSeenAt ? <Ago at={agent.lastSeenAt} /> : 'Never seen'}
                </span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
