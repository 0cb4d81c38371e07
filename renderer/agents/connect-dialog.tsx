import { CircleCheck, TriangleAlert } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import type { AgentDetected } from '../../src/contract/agents.ts';
import type { Outputs } from '../../src/contract/contract.ts';
import { useAsk } from '../ask.ts';
import { Button } from '../parts/button.tsx';
import { Dialog, DialogFoot } from '../parts/dialog.tsx';
import { Field, TextInput } from '../parts/field.tsx';
import { useCall } from '../store.ts';
import { plural } from '../words.ts';
import { PlannedChange } from './planned-change.tsx';

const allowed = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;

interface Props {
  agent: AgentDetected | undefined;
  onClose: () => void;
  onDisconnect: (id: string) => Promise<void>;
}

/** First what would change, then the change, then the proof that it works. */
export function ConnectDialog({ agent, onClose, onDisconnect }: Props) {
  const [done, setDone] = useState<Outputs['agent-connect']>();
  const close = () => {
    setDone(undefined);
    onClose();
  };
  const mine = done?.id === agent?.id ? done : undefined;
  return (
    <Dialog
      open={agent !== undefined}
      onOpenChange={(open) => !open && close()}
      wide
      title={mine ? `${mine.title} is connected` : `Connect ${agent?.title ?? ''}`}
      description={mine ? undefined : 'This is the change to its own configuration. Nothing else changes.'}
    >
      {mine ? (
        <Connected done={mine} onClose={close} onUndo={() => onDisconnect(mine.id).then(close)} />
      ) : (
        agent && <Plan key={agent.id} agent={agent} onDone={setDone} onClose={close} />
      )}
    </Dialog>
  );
}

function Plan({ agent, onDone, onClose }: { agent: AgentDetected; onDone: (done: Outputs['agent-connect']) => void; onClose: () => void }) {
  const call = useCall();
  const [entry, setEntry] = useState<string>();
  const chosen = { id: agent.id, ...(entry === undefined ? {} : { entry }) };
  const asked = useAsk('agent-connect-preview', chosen);
  return (
    <PlannedChange<'agent-connect-preview', 'agent-connect'>
      asked={asked}
      carryOut={(planned) => call('agent-connect', { ...chosen, planned })}
      onDone={onDone}
      onClose={onClose}
      words={{ verb: 'Connect', busy: 'Connecting…', failed: 'It could not be connected' }}
      refused={agent.isTaken && <OtherName onChosen={setEntry} />}
    >
      <p className="text-13 text-quiet">
        {asked.value?.hasToken
          ? 'It gets a token of its own, which is not shown here.'
          : 'It gets no token. When it starts, it asks here, and you allow it once.'}
      </p>
      {asked.value?.warnings.map((warning) => (
        <Warning key={warning} text={warning} />
      ))}
    </PlannedChange>
  );
}

/** An entry of our name may be somebody else's: ours then needs another. */
function OtherName({ onChosen }: { onChosen: (name: string) => void }) {
  const [name, setName] = useState('gatehouse-company');
  const [wrong, setWrong] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (allowed.test(name)) onChosen(name);
    else setWrong('Use letters, digits, “_” and “-”; begin with a letter.');
  };
  return (
    <form onSubmit={submit} noValidate className="flex flex-wrap items-start gap-2">
      <div className="min-w-0 flex-1">
        <Field label="Another name for the entry" hint="For where an entry of that name is there already." wrong={wrong}>
          {(ids) => (
            <TextInput
              {...ids}
              maxLength={32}
              value={name}
              aria-invalid={wrong !== undefined}
              onChange={(event) => {
                setName(event.target.value);
                setWrong(undefined);
              }}
            />
          )}
        </Field>
      </div>
      <Button type="submit" className="mt-6">
        Use this name
      </Button>
    </form>
  );
}

function Warning({ text }: { text: string }) {
  return (
    <p className="flex items-start gap-2 rounded-card border border-ask-line bg-ask-soft p-3 text-13">
      <span className="pt-0.5 text-ask">
        <TriangleAlert aria-hidden />
      </span>
      <span className="min-w-0 break-words">{text}</span>
    </p>
  );
}

function Connected({ done, onClose, onUndo }: { done: Outputs['agent-connect']; onClose: () => void; onUndo: () => Promise<void> }) {
  const [busy, setBusy] = useState(false);
  const undo = () => {
    setBusy(true);
    void onUndo();
  };
  return (
    <>
      <div role="status" className="flex items-start gap-3 rounded-card border border-allow-line bg-allow-soft p-4">
        <span className="pt-0.5 text-allow">
          <CircleCheck aria-hidden />
        </span>
        <div className="min-w-0 text-13">
          <p className="font-medium text-14">Tried with what stands in its file now</p>
          <p className="pt-0.5">
            {done.tools === undefined
              ? 'It leads here, and holds no token. If it is running, restart it, then allow it here: it asks once.'
              : `The gateway let it in and showed it ${plural(done.tools, 'tool')}. If it is running, restart it.`}
          </p>
          <p className="break-all pt-2 font-mono text-12 text-quiet">{done.file}</p>
        </div>
      </div>
      {done.warnings.length > 0 && (
        <div className="flex flex-col gap-3 pt-3">
          {done.warnings.map((warning) => (
            <Warning key={warning} text={warning} />
          ))}
        </div>
      )}
      <DialogFoot>
        <Button look="bare" disabled={busy} onClick={undo}>
          {busy ? 'Undoing…' : 'Undo'}
        </Button>
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </DialogFoot>
    </>
  );
}
