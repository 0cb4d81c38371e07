import { CloudOff, Hourglass, KeyRound, type LucideIcon, PlugZap, ShieldAlert } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { View } from '../../src/contract/view.ts';
import { Button, buttonClass } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Ago, useNow } from '../parts/time.tsx';
import { say } from '../parts/toast.tsx';
import { href, useRoute } from '../router.ts';
import { useCall, useView, useWindow } from '../store.ts';
import { ago, plural } from '../words.ts';
import { heldBy, isTaken, openExposure, takenTitle } from './port.ts';
import type { Tone } from './standing.ts';

interface Notice {
  tone: Tone;
  icon: LucideIcon;
  title: string;
  text: ReactNode;
  refresh?: boolean;
  /** Leads to the agents, in these words. */
  agents?: string;
  /** Leads to this one that wants to sign in. */
  request?: string;
  details?: unknown;
}

const looks: Record<Tone, string> = {
  allow: 'border-allow-line bg-allow-soft text-allow',
  ask: 'border-ask-line bg-ask-soft text-ask',
  deny: 'border-deny-line bg-deny-soft text-deny',
  stale: 'border-stale-line bg-stale-soft text-stale',
  info: 'border-info-line bg-info-soft text-info',
};

/** Stands above every page: what limits all of Gatehouse now, and what to do. */
export function Banner() {
  const view = useView((whole) => whole);
  const link = useWindow((state) => state.link);
  const now = useNow();
  const { page } = useRoute();
  // Who waits for the person, trouble of the gateway, and of the policy: one notice each. The agents page shows the first two in full itself.
  const notices =
    link === 'lost'
      ? [lost]
      : [page === 'agents' ? undefined : ofConsents(view), page === 'agents' ? undefined : ofGateway(view.gateway), ofPolicy(view, now)];
  return notices.map((notice) => notice && <One key={notice.title} notice={notice} />);
}

function One({ notice }: { notice: Notice }) {
  const { icon: Icon } = notice;
  return (
    <div role="status" className={`flex shrink-0 flex-wrap items-center gap-x-3 gap-y-2 border-b px-4 py-2 md:px-8 ${looks[notice.tone]}`}>
      <Icon aria-hidden className="mt-0.5 self-start md:mt-0 md:self-center" />
      <p className="min-w-0 flex-1 basis-64 break-words text-13">
        <span className="font-medium">{notice.title}</span> <span className="text-ink">{notice.text}</span>
      </p>
      <div className="flex items-center gap-1">
        {notice.agents && (
          <a
            href={href({ page: 'agents', add: false, ...(notice.request === undefined ? {} : { request: notice.request }) })}
            className={buttonClass('plain')}
          >
            {notice.agents}
          </a>
        )}
        {notice.refresh && <Refresh />}
        {notice.details !== undefined && <CopyButton value={JSON.stringify(notice.details, null, 2)} what="details" />}
      </div>
    </div>
  );
}

/** An agent waits in the browser, so the person looks for a way on. */
function ofConsents({ consents }: View): Notice | undefined {
  const [first] = consents;
  if (!first) return undefined;
  const looks = { tone: 'info', icon: KeyRound } as const;
  if (consents.length > 1) return { ...looks, title: `${plural(consents.length, 'agent')} want to sign in.`, text: '', agents: 'Review' };
  return {
    ...looks,
    title: 'An agent wants to sign in.',
    text: (
      <>
        It calls itself “{first.client.name}”. Code <code className="font-medium font-mono">{first.id}</code>
      </>
    ),
    agents: 'Review',
    request: first.id,
  };
}

const lost: Notice = {
  tone: 'deny',
  icon: PlugZap,
  title: 'Gatehouse is not answering.',
  text: 'What you see may be old. This window reconnects by itself; if it does not, start Gatehouse again.',
};

function ofGateway(gateway: View['gateway']): Notice | undefined {
  const { state, error } = gateway;
  const exposure = openExposure(gateway);
  if (exposure || isTaken(gateway)) return taken(gateway, exposure);
  if (state === 'failed')
    return {
      tone: 'deny',
      icon: PlugZap,
      title: 'Agents cannot reach the gateway.',
      text: said(error, ''),
      details: error,
    };
  if (error)
    return { tone: 'ask', icon: PlugZap, title: 'Part of the gateway’s port is not secured.', text: said(error, ''), details: error };
  return undefined;
}

/** Another program has the port, or had it and may have been sent tokens that still work. */
function taken({ error, state }: View['gateway'], exposure: View['gateway']['exposure']): Notice {
  const agents = exposure?.agents.length ?? 0;
  const looks = { tone: 'deny', icon: ShieldAlert, details: { error, ...exposure } } as const;
  if (exposure?.until !== undefined)
    return {
      ...looks,
      title: agents === 1 ? 'A token may have leaked.' : `${plural(agents, 'token')} may have leaked.`,
      text: (
        <>
          {heldBy(exposure)} Noticed <Ago at={exposure.since} />, gone <Ago at={exposure.until} />. Revoke what it may have been sent.
        </>
      ),
      agents: 'See agents',
    };
  return {
    ...looks,
    title: `${takenTitle(state)}.`,
    text: (
      <>
        {error?.message}
        {exposure && (
          <>
            {' '}
            Noticed <Ago at={exposure.since} />.
          </>
        )}
        {agents > 0 && ` It may have been sent the tokens of ${plural(agents, 'agent')}.`}
      </>
    ),
    agents: 'What to do',
  };
}

function ofPolicy({ bundle, company }: View, now: number): Notice | undefined {
  const last = company.lastContactAt ? ` Last contact ${ago(company.lastContactAt, now)}.` : '';
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
