import { SearchX, Server } from 'lucide-react';
import { useState } from 'react';
import type { ServerRow } from '../../src/contract/servers.ts';
import { Button } from '../parts/button.tsx';
import { SearchInput } from '../parts/field.tsx';
import { Monogram } from '../parts/monogram.tsx';
import { Page, useScroller } from '../parts/page.tsx';
import { Rows, rowClass } from '../parts/rows.tsx';
import { Empty } from '../parts/state.tsx';
import { href } from '../router.ts';
import { useView } from '../store.ts';
import { count, plural, sentence } from '../words.ts';
import { eraTitle, eraWord, StateWord } from './state.tsx';

const matches = (server: ServerRow, text: string) =>
  [server.title, server.id, server.description, server.owner, server.dataClass].some((part) => part.toLowerCase().includes(text));

/** Every server that the company's policy lets this person discover. */
export function ServersPage() {
  const servers = useView((view) => view.servers);
  const [text, setText] = useState('');
  const shown = servers.filter((server) => matches(server, text.trim().toLowerCase()));
  return (
    <Page
      title="Servers"
      sub={servers.length === 0 ? undefined : `${plural(servers.length, 'server')} that your company has approved for you`}
    >
      {servers.length === 0 ? (
        <None />
      ) : (
        <>
          <SearchInput value={text} onValue={setText} label="Filter servers" className="mb-3 sm:max-w-80" />
          {shown.length === 0 ? (
            <Empty icon={SearchX} title="No server matches" action={<Button onClick={() => setText('')}>Clear filter</Button>}>
              Nothing here has “{text}” in its name, description or owner.
            </Empty>
          ) : (
            <List servers={shown} />
          )}
        </>
      )}
    </Page>
  );
}

function None() {
  const company = useView((view) => view.company);
  const bundle = useView((view) => view.bundle.state);
  if (bundle === 'none') {
    return (
      <Empty icon={Server} title="No servers yet">
        The list comes with your company’s policy, which is not here yet.
      </Empty>
    );
  }
  return (
    <Empty
      icon={Server}
      title="No servers for you yet"
      action={
        company.supportUrl && (
          <a href={company.supportUrl} target="_blank" rel="noreferrer" className="text-13 text-accent-ink underline underline-offset-2">
            Ask {company.name ?? 'your company'}
          </a>
        )
      }
    >
      {company.name ?? 'Your company'} has not approved any server for your groups. New ones appear here by themselves.
    </Empty>
  );
}

// Three layouts by width: all columns, some of them, or one line without a grid.
const columns =
  '@[640px]:grid @[640px]:gap-4 @[640px]:grid-cols-[minmax(140px,1fr)_minmax(0,1.5fr)_72px_108px] @[800px]:grid-cols-[minmax(140px,1fr)_minmax(0,1.5fr)_104px_72px_72px_64px_108px]';

function List({ servers }: { servers: ServerRow[] }) {
  const scroller = useScroller();
  return (
    <>
      <div aria-hidden className={`-mx-2 hidden px-2 pb-1 text-12 text-quiet ${columns}`}>
        <span>Name</span>
        <span />
        <span className="hidden @[800px]:block">Data</span>
        <span className="hidden @[800px]:block">Protocol</span>
        <span className="text-right">Tools</span>
        <span className="hidden text-right @[800px]:block">Today</span>
        <span>State</span>
      </div>
      <Rows items={servers} keyOf={(server) => server.id} height={44} label="Servers" scroller={scroller}>
        {(server) => (
          <a
            data-row
            href={href({ page: 'server', server: server.id, tab: 'tools' })}
            className={`${rowClass} flex items-center gap-3 ${columns}`}
          >
            <span className="flex min-w-0 flex-1 items-center gap-3">
              <Monogram name={server.title} />
              <span className="truncate font-medium" title={server.title}>
                {server.title}
              </span>
            </span>
            <span className="hidden truncate text-13 text-quiet @[640px]:block" title={server.description}>
              {server.description}
            </span>
            <span className="hidden truncate text-13 text-quiet @[800px]:block">
              <span className="sr-only">Data class: </span>
              {sentence(server.dataClass)}
            </span>
            <span className="hidden text-13 text-quiet @[800px]:block" title={eraTitle(server.era)}>
              <span className="sr-only">Protocol: </span>
              {eraWord(server.era)}
            </span>
            <span
              className="shrink-0 text-right text-13 tabular-nums"
              title={`${server.toolsAllowed} of ${server.toolsTotal} tools allowed`}
            >
              {count(server.toolsAllowed)}
              <span className="text-faint"> / {count(server.toolsTotal)}</span>
              <span className="sr-only"> tools allowed</span>
            </span>
            <span className="hidden text-right text-13 text-quiet tabular-nums @[800px]:block">
              {count(server.callsToday)}
              <span className="sr-only"> calls today</span>
            </span>
            <span className="flex w-26 shrink-0 @[640px]:w-auto" title={server.error}>
              <StateWord row={server} />
            </span>
          </a>
        )}
      </Rows>
    </>
  );
}
