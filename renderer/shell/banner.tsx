import { CloudOff, Hourglass, type LucideIcon, PlugZap, ShieldAlert } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { View } from '../../src/contract/view.ts';
import type { Link } from '../link.ts';
import { Button } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { useNow } from '../parts/time.tsx';
import { say } from '../parts/toast.tsx';
import { useCall, useView, useWindow } from '../store.ts';
import { ago } from '../words.ts';
import type { Tone } from './standing.ts';

interface Notice {
  tone: Tone;
  icon: LucideIcon;
  title: string;
  text: string;
  refresh?: boolean;
  details?: unknown;
}

const looks: Record<Tone, string> = {
  allow: 'border-allow-line bg-allow-soft text-allow',
  ask: 'border-ask-line bg-ask-soft text-ask',
  deny: 'border-deny-line bg-deny-soft text-deny',
  stale: 'border-stale-line bg-stale-soft text-stale',
  info: 'border-info-line bg-info-soft text-info',
};

/** What limits everything on every page, above the page: what holds now, and what to do. */
export function Banner() {
  const view = useView((whole) => whole);
  const link = useWindow((state) => state.link);
  const now = useNow();
  const notice = pick(view, link, now);
  if (!notice) return null;
  const { icon: Icon } = notice;
  return (
    <div role="status" className={`flex shrink-0 flex-wrap items-center gap-x-3 gap-y-2 border-b px-4 py-2 md:px-8 ${looks[notice.tone]}`}>
      <Icon aria-hidden />
      <p className="min-w-0 flex-1 basis-64 text-13">
        <span className="font-medium">{notice.title}</span> <span className="text-ink">{notice.text}</span>
      </p>
      <div className="flex items-center gap-1">
        {notice.refresh && <Refresh />}
        {notice.details !== undefined && <CopyButton value={JSON.stringify(notice.details, null, 2)} what="details" />}
      </div>
    </div>
  );
}

function pick({ bundle, company, gateway }: View, link: Link, now: number): Notice | undefined {
  const last = company.lastContactAt ? ` Last contact ${ago(company.lastContactAt, now)}.` : '';
  if (link === 'lost')
    return {
      tone: 'deny',
      icon: PlugZap,
      title: 'Gatehouse is not answering.',
      text: 'What you see may be old. This window reconnects by itself; if it does not, start Gatehouse again.',
    };
  if (gateway.state === 'failed')
    return {
      tone: 'deny',
      icon: PlugZap,
      title: 'The gateway could not start.',
      text: said(gateway.error, 'Agents cannot connect.'),
      details: gateway.error,
    };
  if (bundle.state === 'expired')
    return {
      tone: 'deny',
      icon: ShieldAlert,
      title: 'Your policy has expired: every call is denied.',
      text: `Gatehouse needs a new one from your company.${last}`,
      refresh: true,
    };
  if (bundle.state === 'refused')
    return {
      tone: 'deny',
      icon: ShieldAlert,
      title: 'The policy was refused: every call is denied.',
      text: said(bundle.error, 'It did not pass its checks.'),
      refresh: true,
      details: bundle.error,
    };
  if (bundle.state === 'stale')
    return {
      tone: 'stale',
      icon: Hourglass,
      title: 'Your policy is stale: only tools that read are allowed.',
      text: `Gatehouse could not reach your company for a while.${last}`,
      refresh: true,
    };
  if (bundle.state === 'none')
    return {
      tone: 'ask',
      icon: ShieldAlert,
      title: 'No policy yet: every call is denied.',
      text: said(company.error ?? bundle.error, 'Gatehouse is fetching it from your company.'),
      refresh: true,
      details: company.error,
    };
  if (bundle.error)
    return {
      tone: 'ask',
      icon: ShieldAlert,
      title: 'A newer policy was refused; the last good one still holds.',
      text: said(bundle.error, ''),
      refresh: true,
      details: bundle.error,
    };
  if (company.state === 'offline')
    return {
      tone: 'ask',
      icon: CloudOff,
      title: 'Offline.',
      text: `Your company cannot be reached; the last policy still holds.${last}`,
      refresh: true,
      ...(company.error ? { details: company.error } : {}),
    };
  return undefined;
}

const said = (error: { message: string; fix?: string } | undefined, otherwise: string) =>
  error ? [error.message, error.fix].filter(Boolean).join(' ') : otherwise;

function Refresh(): ReactNode {
  const call = useCall();
  const [busy, setBusy] = useState(false);
  const refresh = async () => {
    setBusy(true);
    const reply = await call('bundle-refresh', {});
    setBusy(false);
    if (!reply.ok) say({ tone: 'bad', title: 'The policy could not be refreshed', text: said(reply.error, '') });
  };
  return (
    <Button disabled={busy} onClick={() => void refresh()}>
      {busy ? 'Refreshing…' : 'Refresh now'}
    </Button>
  );
}
