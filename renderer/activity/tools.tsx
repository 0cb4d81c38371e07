import { CircleAlert, CircleCheck, Download, ShieldCheck } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { useState } from 'react';
import type { Outputs } from '../../src/contract.ts';
import { Button, buttonClass } from '../parts/button.tsx';
import { Dialog, DialogFoot } from '../parts/dialog.tsx';
import { say } from '../parts/toast.tsx';
import { href } from '../router.ts';
import { useCall } from '../store.ts';
import { plural } from '../words.ts';
import { exportLedger } from './export.ts';

/** What is done with the whole ledger: prove that it is whole, and take it along. */
export function Tools() {
  const call = useCall();
  const [busy, setBusy] = useState<'verify' | 'export'>();
  const [result, setResult] = useState<Outputs['ledger-verify']>();

  const verify = async () => {
    setBusy('verify');
    const reply = await call('ledger-verify', {});
    setBusy(undefined);
    if (reply.ok) setResult(reply.value);
    else
      say({
        tone: 'bad',
        title: 'The ledger could not be verified',
        text: [reply.error.message, reply.error.fix].filter(Boolean).join(' '),
      });
  };
  const take = async (format: 'jsonl' | 'csv') => {
    setBusy('export');
    const done = await exportLedger(call, format);
    setBusy(undefined);
    if (typeof done === 'number') say({ tone: 'good', title: 'Ledger exported', text: `${plural(done, 'record')}, in your downloads.` });
    else say({ tone: 'bad', title: 'The ledger could not be exported', text: [done.message, done.fix].filter(Boolean).join(' ') });
  };

  return (
    <div className="flex gap-2">
      <Button disabled={busy !== undefined} onClick={() => void verify()}>
        <ShieldCheck aria-hidden /> {busy === 'verify' ? 'Verifying…' : 'Verify'}
      </Button>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger disabled={busy !== undefined} className={buttonClass('plain')}>
          <Download aria-hidden /> {busy === 'export' ? 'Exporting…' : 'Export'}
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content align="end" sideOffset={6} className="z-40 min-w-48 animate-fade rounded-card bg-card p-1 shadow-float">
            <Format text="JSON lines" note="every field" onSelect={() => void take('jsonl')} />
            <Format text="CSV" note="for spreadsheets" onSelect={() => void take('csv')} />
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      <Verified result={result} onClose={() => setResult(undefined)} />
    </div>
  );
}

function Format({ text, note, onSelect }: { text: string; note: string; onSelect: () => void }) {
  return (
    <DropdownMenu.Item
      onSelect={onSelect}
      className="flex h-10 cursor-default items-center justify-between gap-6 rounded-control px-2.5 text-13 outline-none data-highlighted:bg-accent-soft sm:h-8"
    >
      {text} <span className="text-12 text-quiet">{note}</span>
    </DropdownMenu.Item>
  );
}

function Verified({ result, onClose }: { result: Outputs['ledger-verify'] | undefined; onClose: () => void }) {
  const good = result?.ok ?? true;
  return (
    <Dialog
      open={result !== undefined}
      onOpenChange={(open) => !open && onClose()}
      title={good ? 'The ledger is whole' : 'The ledger was changed'}
    >
      <div className="flex items-start gap-3 text-14">
        <span className={`pt-0.5 ${good ? 'text-allow' : 'text-deny'}`}>
          {good ? <CircleCheck aria-hidden /> : <CircleAlert aria-hidden />}
        </span>
        <div className="min-w-0">
          {good ? (
            <p>{plural(result?.records ?? 0, 'record')} checked from the first to the last. None was changed, removed or put in between.</p>
          ) : (
            <>
              <p className="break-words">{result?.problem?.message ?? 'A record does not fit the one before it.'}</p>
              <p className="pt-1 text-quiet">Do not delete anything, and tell your IT department.</p>
            </>
          )}
        </div>
      </div>
      <DialogFoot>
        {result?.problem && (
          <a
            href={href({ page: 'activity', query: {}, seq: Math.max(1, result.problem.seq) })}
            onClick={onClose}
            className={buttonClass('plain')}
          >
            See record {result.problem.seq}
          </a>
        )}
        <Button look="primary" onClick={onClose}>
          Close
        </Button>
      </DialogFoot>
    </Dialog>
  );
}
