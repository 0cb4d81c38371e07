import { Activity, Bot, House, type LucideIcon, Server, Settings } from 'lucide-react';
import { href, type Route } from '../router.ts';

export interface Place {
  text: string;
  href: string;
  icon: LucideIcon;
  /** The pages that count as being in this place. */
  pages: Route['page'][];
}

/** Where one can go: the sidebar, the bottom bar and the palette show the same. */
export const places: Place[] = [
  { text: 'Overview', href: href({ page: 'overview' }), icon: House, pages: ['overview'] },
  { text: 'Servers', href: href({ page: 'servers' }), icon: Server, pages: ['servers', 'server'] },
  { text: 'Agents', href: href({ page: 'agents', add: false }), icon: Bot, pages: ['agents'] },
  { text: 'Activity', href: href({ page: 'activity', query: {} }), icon: Activity, pages: ['activity'] },
  { text: 'Settings', href: href({ page: 'settings' }), icon: Settings, pages: ['settings'] },
];
