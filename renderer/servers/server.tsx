import { Server } from 'lucide-react';
import { useAsk } from '../ask.ts';
import { buttonClass } from '../parts/button.tsx';
import { Detail, Page } from '../parts/page.tsx';
import { Bar, Empty, SkeletonRows, Trouble } from '../parts/state.tsx';
import { href, type Route, serverTabs } from '../router.ts';
import { useView } from '../store.ts';
import { count } from '../words.ts';
import { ServerFacts, ServerHead } from './head.tsx';
import { LeftOut } from './left-out.tsx';
import { ServerOutput } from './output.tsx';
import { PromptList } from './prompts.tsx';
import { ResourceList } from './resources.tsx';
import { Secrets } from './secrets.tsx';
import { SignIn } from './sign-in.tsx';
import { ToolDetail } from './tool.tsx';
import { ToolList } from './tools.tsx';
import { UseTab } from './use.tsx';

type ServerRoute = Extract<Route, { page: 'server' }>;
const words = { tools: 'Tools', prompts: 'Prompts', resources: 'Resources', use: 'Use' } as const;

/** One server: what it is, what of it may be used and why, what was used. */
export function ServerPage({ route }: { route: ServerRoute }) {
  const row = useView((view) => view.servers.find((server) => server.id === route.server));
  const bundle = useView((view) => view.bundle);
  const reachable = useView((view) => view.gateway.url !== undefined);
  // The answer depends on these; the day's numbers change with every call and are asked for by the Use tab alone.
  const asked = useAsk(
    'server-get',
    { server: route.server.slice(0, 64) },
    [bundle.version, bundle.state, row?.state, row?.toolsAllowed].join(),
  );
  const detail = asked.value;

  if (!row && (asked.error || detail)) {
    return (
      <Page title="Server not found" back={{ href: '#/servers', text: 'Servers' }}>
        <Empty
          icon={Server}
          title="This server is not there for you"
          action={
            <a href="#/servers" className={buttonClass('plain')}>
              See all servers
            </a>
          }
        >
          It has another name, or your company’s policy no longer shows it to you.
        </Empty>
      </Page>
    );
  }
  if (!row)
    return (
      <Page title={route.server} back={{ href: '#/servers', text: 'Servers' }}>
        {asked.slow && <SkeletonRows />}
      </Page>
    );

  const counts = { tools: detail?.tools.length, prompts: detail?.prompts.length, resources: detail?.resources.length, use: undefined };
  const tool = route.tool === undefined ? undefined : detail?.tools.find((tool) => tool.name === route.tool);
  const close = { href: href({ page: 'server', server: route.server, tab: 'tools' }), text: 'All tools' };
  return (
    <Page
      title={row.title}
      back={{ href: '#/servers', text: 'Servers' }}
      head={<ServerHead row={row} />}
      detail={
        route.tool !== undefined && detail ? (
          <Detail label="Tool" close={close} key={route.tool}>
            {tool ? (
              <ToolDetail tool={tool} />
            ) : (
              <p className="text-13 text-quiet">There is no tool “{route.tool}” here, or your policy does not show it.</p>
            )}
          </Detail>
        ) : undefined
      }
    >
      <SignIn key={`${row.id} sign-in`} row={row} />
      {row.secrets.length > 0 && <Secrets key={`${row.id} secrets`} row={row} />}
      <ServerFacts row={row} url={reachable ? detail?.url : undefined} />
      {detail && detail.leftOut.length > 0 && <LeftOut key={`${row.id} faults`} items={detail.leftOut} />}
      {row.kind === 'local' && <ServerOutput key={row.id} server={row.id} state={row.state} />}
      <nav aria-label="Parts of this server" className="-mx-4 mt-6 flex overflow-x-auto border-line border-b px-2 md:-mx-2 md:px-0">
        {serverTabs.map((tab) => (
          <a
            key={tab}
            href={href({ page: 'server', server: route.server, tab })}
            aria-current={tab === route.tab ? 'page' : undefined}
            className="ring-inside flex h-11 items-center gap-1.5 border-transparent border-b-2 px-2 text-13 text-quiet transition-colors hover:text-ink aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-ink sm:mr-3 sm:h-10"
          >
            {words[tab]}
            {counts[tab] !== undefined && <span className="text-12 text-faint">{count(counts[tab])}</span>}
          </a>
        ))}
      </nav>
      <div className="pt-4">
        {route.tab === 'use' ? (
          <UseTab server={route.server} callsToday={row.callsToday} />
        ) : detail ? (
          <>
            {route.tab === 'tools' && <ToolList tools={detail.tools} chosen={route.tool} />}
            {route.tab === 'prompts' && <PromptList prompts={detail.prompts} />}
            {route.tab === 'resources' && <ResourceList resources={detail.resources} />}
          </>
        ) : asked.error ? (
          <Trouble error={asked.error} title="This server’s tools could not be read" again={asked.again} />
        ) : (
          asked.slow && (
            <>
              {route.tab === 'tools' && <Bar className="mb-3 h-11 w-full sm:h-8 sm:w-64" />}
              <SkeletonRows height={52} />
            </>
          )
        )}
      </div>
    </Page>
  );
}
