import { CircleAlert, CircleCheck, Download, ShieldCheck } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import { useState } from 'react';
import type { Outputs } from '../../src/contract/contract.ts';
import { Button, buttonClass } from '../parts/button.tsx';
import { Dialog, DialogFoot } from '../parts/dialog.tsx';
import { say } from '../parts/toast.tsx';
import { href } from '../router.ts';
import { useCall } from '../store.ts';
import { count, plural } from '../words.ts';
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

const words = {
  whole: { title: 'The ledger is whole', tone: 'text-allow' },
  changed: { title: 'The ledger was changed', tone: 'text-deny' },
  alone: { title: 'The ledger is not comparable', tone: 'text-ask' },
};

function Comparison({ who, told }: { who: string; told: Outputs['ledger-verify']['vault'] }) {
  return <li>{'upTo' in told ? `Compared with ${who}, up to record ${count(told.upTo)}.` : `Not compared with ${who}: ${told.why}.`}</li>;
}

function Verified({ result, onClose }: { result: Outputs['ledger-verify'] | undefined; onClose: () => void }) {
  const state = result === undefined || result.ok ? 'whole' : result.problem ? 'changed' : 'alone';
  const { title, tone } = words[state];
  return (
    <Dialog open={result !== undefined} onOpenChange={(open) => !open && onClose()} title={title}>
      <div className="flex items-start gap-3 text-14">
        <span className={`pt-0.5 ${tone}`}>{state === 'whole' ? <CircleCheck aria-hidden /> : <CircleAlert aria-hidden />}</span>
        <div className="min-w-0">
          {state === 'changed' ? (
            <>
              <p className="break-words">{result?.problem?.message}</p>
              <p className="pt-1 text-quiet">Do not delete anything, and tell your IT department.</p>
            </>
          ) : (
            <p>
              {plural(result?.records ?? 0, 'record')} checked from the first to the last. None was changed, removed or put in between.
              {state === 'alone' && ' Nothing outside of the ledger’s folder says whether that is all.'}
            </p>
          )}
          {result?.loss && result.loss.seq !== result.problem?.seq && (
            <p className="break-words pt-1 text-quiet">A loss that was accepted: {result.loss.message}</p>
          )}
          {result && (
            <ul className="pt-2 text-quiet">
              <Comparison who="the vault" told={result.vault} />
              <Comparison who="the central API" told={result.central} />
            </ul>
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
