import { type ReactNode, useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { Command, Outputs, Reply } from '../../src/contract/contract.ts';
import type { Asked } from '../ask.ts';
import { Button } from '../parts/button.tsx';
import { DialogFoot } from '../parts/dialog.tsx';
import { Bar, Trouble } from '../parts/state.tsx';
import { Diff } from './diff.tsx';

type Preview = Extract<Command, `${string}-preview`>;

interface Props<C extends Preview, D extends Command> {
  /** What would change. */
  asked: Asked<C>;
  /** Carries it out as it was shown: where the file is another one by now, it is refused and shown anew. */
  carryOut: (planned: string) => Promise<Reply<D>>;
  onDone: (done: Outputs[D]) => void;
  onClose: () => void;
  words: { verb: string; busy: string; failed: string };
  /** Below the change. */
  children?: ReactNode;
  /** Below a refusal of the preview. */
  refused?: ReactNode;
}

/** A change to an agent's own file: nothing is written before it was seen. */
export function PlannedChange<C extends Preview, D extends Command>({
  asked,
  carryOut,
  onDone,
  onClose,
  words,
  children,
  refused,
}: Props<C, D>) {
  const [failed, setFailed] = useState<ErrorValue>();
  const [busy, setBusy] = useState(false);
  const shown = asked.value;

  const confirm = async () => {
    if (!shown) return;
    setBusy(true);
    setFailed(undefined);
    const reply = await carryOut(shown.planned);
    setBusy(false);
    if (reply.ok) return onDone(reply.value);
    setFailed(reply.error);
    asked.again();
  };

  return (
    <>
      <div className="flex flex-col gap-3">
        {failed && <Trouble error={failed} title={words.failed} />}
        {asked.error ? (
          <>
            <Trouble error={asked.error} title="Nothing is changed" again={asked.again} />
            {refused}
          </>
        ) : shown ? (
          <>
            <p className="break-all font-mono text-12 text-quiet">{shown.file}</p>
            <Diff text={shown.diff} what={`change of ${shown.file}`} />
            {children}
          </>
        ) : (
          <div className="h-60">{asked.slow && <Bar className="h-full w-full" />}</div>
        )}
      </div>
      <DialogFoot>
        <Button look="bare" onClick={onClose}>
          Cancel
        </Button>
        <Button look="primary" disabled={busy || !shown || asked.error !== undefined} onClick={() => void confirm()}>
          {busy ? words.busy : words.verb}
        </Button>
      </DialogFoot>
    </>
  );
}
