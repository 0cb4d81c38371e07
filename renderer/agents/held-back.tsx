import { KeyRound, RotateCw } from 'lucide-react';
import { useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import { Button } from '../parts/button.tsx';
import { say } from '../parts/toast.tsx';
import { heldBack } from '../shell/port.ts';
import { useCall } from '../store.ts';

/** Stands where a token, or the way to one, would be shown. Says that it is held back, why, and what to do. */
export function HeldBack({ title, why }: { title: string; why: ErrorValue }) {
  return (
    <div role="status" className="flex items-start gap-3 rounded-card border border-ask-line bg-ask-soft p-4">
      <span className="pt-0.5 text-ask">
        <KeyRound aria-hidden />
      </span>
      <div className="min-w-0 max-w-160 flex-1 text-13">
        <p className="font-medium text-14">{title}</p>
        <p className="break-words pt-0.5">{why.message}</p>
        {why.fix && <p className="break-words pt-0.5">{why.fix}</p>}
        <div className="pt-3">
          <CheckAgain />
        </div>
      </div>
    </div>
  );
}

/** The core looks by itself every few seconds; a person who has just ended the other program does not want to wait. */
export function CheckAgain() {
  const call = useCall();
  const [busy, setBusy] = useState(false);
  const check = async () => {
    setBusy(true);
    const reply = await call('status', {});
    setBusy(false);
    const why = reply.ok ? heldBack(reply.value.gateway) : reply.error;
    if (why) say({ tone: 'bad', title: 'Not yet', text: [why.message, why.fix].filter(Boolean).join(' ') });
    else say({ tone: 'good', title: 'The port is Gatehouse’s own', text: 'Agents reach it, and can be added.' });
  };
  return (
    <Button disabled={busy} onClick={() => void check()}>
      <RotateCw aria-hidden /> {busy ? 'Checking…' : 'Check again'}
    </Button>
  );
}
