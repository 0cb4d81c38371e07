import { CircleAlert, CircleCheck, CircleX, CloudOff, Hourglass, type LucideIcon, ShieldAlert } from 'lucide-react';
import type { View } from '../../src/contract/view.ts';
import type { Link } from '../link.ts';
import { ago } from '../words.ts';
import { isTaken, openExposure } from './port.ts';

export type Tone = 'allow' | 'ask' | 'deny' | 'stale' | 'info';

/** A tone's ink, for an icon beside a word. */
export const toneInk: Record<Tone, string> = {
  allow: 'text-allow',
  ask: 'text-ask',
  deny: 'text-deny',
  stale: 'text-stale',
  info: 'text-info',
};

export interface Standing {
  tone: Tone;
  icon: LucideIcon;
  word: string;
}

/** One word for how things stand: the worst that is true wins. */
export function standing(view: View, link: Link): Standing {
  if (link === 'lost') return { tone: 'deny', icon: CircleX, word: 'Not answering' };
  if (isTaken(view.gateway)) return { tone: 'deny', icon: CircleX, word: 'Port taken' };
  if (view.gateway.state === 'failed') return { tone: 'deny', icon: CircleX, word: 'Gateway failed' };
  if (view.gateway.state === 'off') return { tone: 'ask', icon: CircleX, word: 'Gateway off' };
  if (openExposure(view.gateway)) return { tone: 'deny', icon: ShieldAlert, word: 'Tokens may have leaked' };
  if (view.gateway.error) return { tone: 'ask', icon: CircleAlert, word: 'Port not secured' };
  if (view.bundle.state === 'none') return { tone: 'ask', icon: ShieldAlert, word: 'No policy yet' };
  if (view.bundle.state === 'expired') return { tone: 'deny', icon: ShieldAlert, word: 'Policy expired' };
  if (view.bundle.state === 'refused') return { tone: 'deny', icon: ShieldAlert, word: 'Policy refused' };
  if (view.bundle.state === 'stale') return { tone: 'stale', icon: Hourglass, word: 'Policy stale' };
  if (view.company.state === 'offline') return { tone: 'ask', icon: CloudOff, word: 'Offline' };
  return { tone: 'allow', icon: CircleCheck, word: 'Gateway on' };
}

/** Which bundle, and how long it holds. */
export function freshness(bundle: View['bundle'], now: number): string {
  if (bundle.version === undefined) return 'No policy bundle';
  const version = `Version ${bundle.version}`;
  switch (bundle.state) {
    case 'fresh':
      return bundle.issuedAt ? `${version}, ${ago(bundle.issuedAt, now)}` : version;
    case 'stale':
      return bundle.staleAfter ? `${version}, stale ${ago(bundle.staleAfter, now)}` : `${version}, stale`;
    case 'expired':
      return bundle.notAfter ? `${version}, expired ${ago(bundle.notAfter, now)}` : `${version}, expired`;
    default:
      return `${version}, ${bundle.state}`;
  }
}
