import { useSyncExternalStore } from 'react';

export const serverTabs = ['tools', 'prompts', 'resources', 'use'] as const;
export type ServerTab = (typeof serverTabs)[number];

export type Route =
  | { page: 'overview' }
  | { page: 'servers' }
  | { page: 'server'; server: string; tab: ServerTab; tool?: string }
  | { page: 'agents'; add: boolean; request?: string }
  | { page: 'activity'; seq?: number; query: Record<string, string> }
  | { page: 'settings' }
  | { page: 'unknown' };

/** The page an address stands for. Any text may be in the hash: what is not understood is `unknown`, never an exception. */
export function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?', 2);
  const parts = path.split('/').filter(Boolean).map(decode);
  const [head, subject, tabName, toolName] = parts;
  if (head === undefined) return { page: 'overview' };
  if (head === 'servers' && subject === undefined) return { page: 'servers' };
  if (head === 'servers' && subject !== undefined) {
    const tab = serverTabs.find((serverTab) => serverTab === (tabName ?? 'tools'));
    if (!tab) return { page: 'unknown' };
    return { page: 'server', server: subject, tab, ...(tab === 'tools' && toolName !== undefined ? { tool: toolName } : {}) };
  }
  if (head === 'agents')
    return { page: 'agents', add: subject === 'add', ...(subject === 'requests' && tabName !== undefined ? { request: tabName } : {}) };
  if (head === 'activity') {
    const seq = Number(subject);
    return {
      page: 'activity',
      query: Object.fromEntries(new URLSearchParams(search)),
      ...(Number.isInteger(seq) && seq > 0 ? { seq } : {}),
    };
  }
  if (head === 'settings') return { page: 'settings' };
  return { page: 'unknown' };
}

/** The address of a page. */
export function href(route: Exclude<Route, { page: 'unknown' }>): string {
  switch (route.page) {
    case 'overview':
      return '#/';
    case 'server': {
      const tool = route.tool === undefined ? '' : `/${encodeURIComponent(route.tool)}`;
      return `#/servers/${encodeURIComponent(route.server)}/${route.tab}${tool}`;
    }
    case 'agents':
      if (route.request !== undefined) return `#/agents/requests/${encodeURIComponent(route.request)}`;
      return route.add ? '#/agents/add' : '#/agents';
    case 'activity': {
      const search = new URLSearchParams(Object.entries(route.query).filter(([, value]) => value !== '')).toString();
      return `#/activity${route.seq === undefined ? '' : `/${route.seq}`}${search === '' ? '' : `?${search}`}`;
    }
    default:
      return `#/${route.page}`;
  }
}

export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') location.hash = to;
  else {
    history.replaceState(null, '', to);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
}

const subscribe = (changed: () => void) => {
  addEventListener('hashchange', changed);
  return () => removeEventListener('hashchange', changed);
};

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return parse(hash);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
