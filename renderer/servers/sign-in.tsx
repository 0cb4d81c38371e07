import { CircleUserRound, LogIn, LogOut } from 'lucide-react';
import { useState } from 'react';
import type { ServerRow, ServerSignIn } from '../../src/contract/servers.ts';
import { Button } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { say } from '../parts/toast.tsx';
import { useCall } from '../store.ts';
import { exact } from '../words.ts';

/** The person's own sign-in at a server: as whom, until when, and the way in and out. Nothing where the server has none. */
export function SignIn({ row }: { row: ServerRow }) {
  return row.signIn ? <Standing row={row} signIn={row.signIn} /> : null;
}

function Standing({ row, signIn }: { row: ServerRow; signIn: ServerSignIn }) {
  const call = useCall();
  const [busy, setBusy] = useState(false);
  const [url, setUrl] = useState<string>();
  const run = async (command: 'server-sign-in' | 'server-sign-out') => {
    setBusy(true);
    const reply = await call(command, { server: row.id });
    setBusy(false);
    if (reply.ok) setUrl('url' in reply.value ? reply.value.url : undefined);
    else
      say({
        tone: 'bad',
        title: command === 'server-sign-in' ? `The sign-in to ${row.title} could not begin` : `You are still signed in to ${row.title}`,
        text: [reply.error.message, reply.error.fix].filter(Boolean).join(' '),
      });
  };
  if (signIn.state === 'signed-in' && !signIn.wanted)
    return (
      <div className="mb-4 flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1 rounded-card border border-line px-4 py-1 sm:min-h-10">
        <CircleUserRound aria-hidden className="text-allow" />
        <p className="min-w-0 flex-1 basis-32 break-words text-13">
          Signed in{signIn.account && ' as '}
          {signIn.account && <span className="font-medium">{signIn.account}</span>}
          {signIn.until && <span className="text-quiet">, until {exact(signIn.until)}</span>}
        </p>
        <Button look="bare" disabled={busy} onClick={() => void run('server-sign-out')}>
          <LogOut aria-hidden /> Sign out
        </Button>
      </div>
    );
  const waiting = signIn.state === 'signing-in' || url !== undefined;
  return (
    <div
      role="status"
      className="mb-4 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-card border border-ask-line bg-ask-soft py-2 pr-2 pl-4"
    >
      <p className="min-w-0 flex-1 basis-64 text-13">
        {signIn.state === 'unknown' ? (
          <>
            <span className="font-medium text-ask">Sign-in not readable.</span> Unlock this computer’s keychain; Gatehouse looks again by
            itself.
          </>
        ) : waiting ? (
          <>
            <span className="font-medium text-ask">Finish in your browser.</span> Calls that wait for it go on as soon as you are signed in.
          </>
        ) : (
          <>
            <span className="font-medium text-ask">{signIn.wanted ? 'Sign in once more.' : 'Sign in to use it.'}</span> {row.title}{' '}
            {signIn.wanted
              ? 'refused what your present sign-in is good for.'
              : 'wants to know who you are. Your agents’ calls are made as you.'}
          </>
        )}
      </p>
      {signIn.state !== 'unknown' && (
        <div className="flex gap-1">
          {url !== undefined && <CopyButton value={url} what="sign-in address" />}
          <Button look={waiting ? 'plain' : 'primary'} disabled={busy} onClick={() => void run('server-sign-in')}>
            <LogIn aria-hidden /> {waiting ? 'Open again' : 'Sign in'}
          </Button>
        </div>
      )}
    </div>
  );
}
