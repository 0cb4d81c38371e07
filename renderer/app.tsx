import { Tooltip } from 'radix-ui';
import { useEffect, useRef, useState } from 'react';
import { ActivityPage } from './activity/page.tsx';
import { AgentsPage } from './agents/page.tsx';
import { inElectron } from './carrier.ts';
import { OverviewPage } from './overview/page.tsx';
import { buttonClass } from './parts/button.tsx';
import { Page } from './parts/page.tsx';
import { Notes } from './parts/toast.tsx';
import { useRoute } from './router.ts';
import { ServersPage } from './servers/page.tsx';
import { ServerPage } from './servers/server.tsx';
import { SettingsPage } from './settings/page.tsx';
import { Banner } from './shell/banner.tsx';
import { Palette } from './shell/palette.tsx';
import { BottomBar, Sidebar } from './shell/sidebar.tsx';
import { TitleBar } from './shell/title-bar.tsx';
import { TopBar } from './shell/top-bar.tsx';
import { LockedPage } from './sign-in/locked.tsx';
import { SignInPage } from './sign-in/page.tsx';
import { StartingPage } from './sign-in/starting.tsx';
import { useWindow } from './store.ts';

/** What the window shows: not allowed in, not yet there, signing in, or the pages. */
export function App() {
  return (
    <Tooltip.Provider delayDuration={500} skipDelayDuration={200}>
      <div className="flex h-full flex-col">
        {inElectron() && <TitleBar />}
        <Content />
      </div>
      <Notes />
    </Tooltip.Provider>
  );
}

function Content() {
  const link = useWindow((state) => state.link);
  const identity = useWindow((state) => state.view?.identity.state);
  if (link === 'locked') return <LockedPage />;
  if (identity === undefined || identity === 'starting') return <StartingPage />;
  if (identity !== 'signed-in') return <SignInPage />;
  return <Shell />;
}

function Shell() {
  const [palette, setPalette] = useState(false);
  return (
    <div className="flex min-h-0 flex-1">
      <button type="button" onClick={skip} className={`${buttonClass('primary')} -top-20 fixed left-2 z-50 focus:top-2`}>
        Skip to content
      </button>
      <Sidebar onSearch={() => setPalette(true)} />
      <div className="flex min-w-0 flex-1 flex-col">
        <TopBar onSearch={() => setPalette(true)} />
        <Banner />
        <main id="content" tabIndex={-1} className="flex min-h-0 flex-1 outline-none">
          <Routed />
        </main>
        <BottomBar />
      </div>
      <Palette open={palette} onOpenChange={setPalette} />
    </div>
  );
}

/** A button and not an anchor: the hash holds the route. */
function skip(): void {
  document.getElementById('content')?.focus();
}

function Routed() {
  const route = useRoute();
  const place = route.page === 'server' ? `server ${route.server}` : route.page;
  const first = useRef(true);
  // A new page takes the keyboard focus, if the focused element is gone with the old page. The first page leaves it at the window's top.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a change of page moves the focus
  useEffect(() => {
    const opening = first.current;
    first.current = false;
    if (!opening && document.activeElement === document.body) document.getElementById('content')?.focus();
  }, [place]);
  switch (route.page) {
    case 'overview':
      return <OverviewPage />;
    case 'servers':
      return <ServersPage />;
    case 'server':
      return <ServerPage key={route.server} route={route} />;
    case 'agents':
      return <AgentsPage adding={route.add} request={route.request} />;
    case 'activity':
      return <ActivityPage route={route} />;
    case 'settings':
      return <SettingsPage />;
    default:
      return (
        <Page title="Not found" sub="There is no such page.">
          <a href="#/" className={buttonClass('plain')}>
            Go to the overview
          </a>
        </Page>
      );
  }
}
