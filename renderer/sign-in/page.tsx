import { CircleAlert } from 'lucide-react';
import { useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import { Button, buttonClass } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { useCall, useView } from '../store.ts';
import { Frame } from './frame.tsx';
import { Waiting } from './waiting.tsx';

/** The sign-in page: the company's name, one action, and what is wrong if something is. */
export function SignInPage() {
  const identity = useView((view) => view.identity);
  const company = useView((view) => view.company);
  const call = useCall();
  const [failed, setFailed] = useState<ErrorValue>();
  const [busy, setBusy] = useState(false);

  const start = async (method: 'browser' | 'device') => {
    setBusy(true);
    setFailed(undefined);
    const reply = await call('sign-in', { method });
    if (!reply.ok) setFailed(reply.error);
    setBusy(false);
  };

  if (company.state === 'unconfigured') return <Unconfigured error={company.error} />;
  if (identity.state === 'signing-in') return <Waiting prompt={identity.prompt} company={company.name} />;

  const expired = identity.state === 'expired';
  const offline = company.state === 'offline';
  const error = failed ?? identity.error ?? (offline ? company.error : undefined);
  const name = company.name ?? 'your company';
  return (
    <Frame
      title={expired ? 'Sign in again' : `Sign in to ${name}`}
      sub={
        expired
          ? `Your sign-in at ${name} has ended. Until you sign in again, agents cannot call anything.`
          : 'Your agents then reach the tools that your company has approved for you.'
      }
      foot={
        <>
          {company.central && (
            <span className="block truncate" title={company.central}>
              {company.central}
            </span>
          )}
          {company.supportUrl && (
            <a href={company.supportUrl} target="_blank" rel="noreferrer" className="underline underline-offset-2 hover:text-ink">
              Get help
            </a>
          )}
        </>
      }
    >
      {(error || offline) && (
        <div
          role="alert"
          className="mb-4 flex items-start gap-2.5 rounded-control border border-deny-line bg-deny-soft py-2.5 pr-1 pl-3 text-13"
        >
          <span className="pt-0.5 text-deny">
            <CircleAlert aria-hidden />
          </span>
          <div className="min-w-0 flex-1">
            <p className="break-words font-medium">{error?.message ?? 'Your company cannot be reached.'}</p>
            <p className="break-words text-quiet">{error?.fix ?? (offline ? 'Check the network or VPN, then try again.' : 'Try again.')}</p>
          </div>
          {error && <CopyButton value={JSON.stringify(error, null, 2)} what="details" />}
        </div>
      )}
      <div className="flex flex-col gap-2">
        <Button look="primary" disabled={busy} onClick={() => void start('browser')} className="h-11! w-full text-14! sm:h-10!">
          {busy ? 'Opening…' : error ? 'Try again' : 'Sign in'}
        </Button>
        <Button look="bare" disabled={busy} onClick={() => void start('device')}>
          Use a code on another device
        </Button>
      </div>
    </Frame>
  );
}

function Unconfigured({ error }: { error: ErrorValue | undefined }) {
  const supportUrl = useView((view) => view.company.supportUrl);
  return (
    <Frame
      title="Not set up yet"
      sub={error?.message ?? 'Gatehouse does not know your company’s address. Your IT department sets it for you.'}
      foot="If you look after this computer, see the README on managed settings."
    >
      <p className="text-13 text-quiet">
        {error?.fix ?? 'Ask IT to install the Gatehouse profile on this computer, then start Gatehouse again.'}
      </p>
      {supportUrl && (
        <a href={supportUrl} target="_blank" rel="noreferrer" className={`${buttonClass('plain')} mt-4`}>
          Ask for help
        </a>
      )}
    </Frame>
  );
}
