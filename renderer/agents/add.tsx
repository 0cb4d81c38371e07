import { KeyRound } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { Outputs } from '../../src/contract/contract.ts';
import { Button } from '../parts/button.tsx';
import { CopyLine } from '../parts/copy.tsx';
import { Dialog, DialogFoot } from '../parts/dialog.tsx';
import { Field, TextInput } from '../parts/field.tsx';
import { Trouble } from '../parts/state.tsx';
import { heldBack } from '../shell/port.ts';
import { useCall, useView } from '../store.ts';
import { Configs } from './configs.tsx';
import { HeldBack } from './held-back.tsx';

const allowed = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;
const usualNames = ['claude-code', 'vscode', 'cursor', 'codex', 'gemini'];

/** A name, then the token: shown once, because only its hash is kept. */
export function AddAgent({ open, onClose, taken }: { open: boolean; onClose: () => void; taken: string[] }) {
  const [made, setMade] = useState<Outputs['agent-add']>();
  const why = heldBack(useView((view) => view.gateway));
  // The token must not outlive the dialog.
  useEffect(() => {
    if (!open) setMade(undefined);
  }, [open]);
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => !next && onClose()}
      keep={made !== undefined}
      wide={made !== undefined}
      title={made ? `Connect ${made.name}` : 'Add agent'}
      description={
        made && why
          ? 'The token is shown here once the port is Gatehouse’s own again. It is lost if you close this.'
          : made
            ? 'Copy the token now: it cannot be shown again.'
            : 'It gets a token of its own and reaches every server you may use.'
      }
    >
      {why ? (
        <>
          <HeldBack title={made ? 'The token is held back' : 'No agent can be added now'} why={why} />
          <DialogFoot>
            <Button onClick={onClose}>Close</Button>
          </DialogFoot>
        </>
      ) : made ? (
        <Token made={made} onClose={onClose} />
      ) : (
        <Name taken={taken} onMade={setMade} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Name({ taken, onMade, onClose }: { taken: string[]; onMade: (made: Outputs['agent-add']) => void; onClose: () => void }) {
  const call = useCall();
  const url = useView((view) => view.gateway.url);
  const [name, setName] = useState('');
  const [wrong, setWrong] = useState<string>();
  const [failed, setFailed] = useState<ErrorValue>();
  const [busy, setBusy] = useState(false);
  const free = usualNames.filter((usualName) => !taken.includes(usualName));

  const add = async () => {
    const wanted = name.trim();
    const problem = check(wanted, taken);
    setWrong(problem);
    setFailed(undefined);
    if (problem) return;
    setBusy(true);
    const reply = await call('agent-add', { name: wanted });
    setBusy(false);
    if (reply.ok) return onMade(reply.value);
    // An error about the name is shown at its field, as if it had been found here.
    if (reply.error.code === 'bad-input' || reply.error.code === 'conflict')
      setWrong([reply.error.message, reply.error.fix].filter(Boolean).join(' '));
    else setFailed(reply.error);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void add();
  };
  const change = (value: string) => {
    setName(value);
    setWrong(undefined);
  };

  return (
    <form onSubmit={submit} noValidate>
      <Field label="Name" hint="As you will find it in the activity." wrong={wrong}>
        {(ids) => (
          <TextInput
            {...ids}
            autoFocus
            placeholder="claude-code"
            maxLength={64}
            value={name}
            aria-invalid={wrong !== undefined}
            onChange={(event) => change(event.target.value)}
          />
        )}
      </Field>
      {free.length > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset brings a frame and a legend that a row of buttons does not want
        <div className="flex flex-wrap gap-1.5 pt-2" role="group" aria-label="Usual names">
          {free.map((usualName) => (
            <button
              key={usualName}
              type="button"
              onClick={() => change(usualName)}
              className="h-10 rounded-full border border-line px-3 text-12 text-quiet transition-colors hover:border-edge hover:text-ink sm:h-7"
            >
              {usualName}
            </button>
          ))}
        </div>
      )}
      {url && (
        <div className="mt-4 border-line border-t pt-4">
          <p className="pb-2 text-pretty text-13 text-quiet">
            Claude Code, Codex, opencode and others can sign in by themselves. Give them only this address; you are then asked here to allow
            them:
          </p>
          <CopyLine value={url} what="gateway address" />
        </div>
      )}
      {failed && (
        <div className="pt-4">
          <Trouble error={failed} title="The agent could not be added" />
        </div>
      )}
      <DialogFoot>
        <Button look="bare" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" look="primary" disabled={busy}>
          {busy ? 'Adding…' : 'Add agent'}
        </Button>
      </DialogFoot>
    </form>
  );
}

function check(name: string, taken: string[]): string | undefined {
  if (name === '') return 'Give it a name.';
  if (taken.includes(name)) return 'You have an agent of this name. Choose another, or revoke that one first.';
  if (!allowed.test(name)) return 'Use letters, digits, spaces, “.”, “_” and “-”; begin with a letter or digit.';
  return undefined;
}

function Token({ made, onClose }: { made: Outputs['agent-add']; onClose: () => void }) {
  return (
    <div>
      <div className="rounded-card border border-ask-line bg-ask-soft p-3">
        <p className="flex items-center gap-2 pb-2 font-medium text-13 text-ask">
          <KeyRound aria-hidden /> Token
        </p>
        <CopyLine value={made.token} what="token" />
      </div>
      <p className="pt-4 pb-1 font-medium text-13">Gateway address</p>
      <CopyLine value={made.url} what="gateway address" />
      <p className="pt-4 pb-1 font-medium text-13">Configuration, with the token in it</p>
      <Configs name={made.name} token={made.token} />
      <DialogFoot>
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </DialogFoot>
    </div>
  );
}
