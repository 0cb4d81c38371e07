import { CircleCheck } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { Reply } from '../../src/contract/contract.ts';
import { Button } from './button.tsx';
import { Field, TextArea } from './field.tsx';
import { Trouble } from './state.tsx';

interface Props {
  send: (reason: string) => Promise<Reply<'access-request' | 'shadow-request'>>;
  onClose: () => void;
}

/** A request to the company, with a reason. What is typed stays when sending fails. */
export function RequestForm({ send, onClose }: Props) {
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState<string>();
  const [failed, setFailed] = useState<ErrorValue>();
  const [wrong, setWrong] = useState<string>();

  if (sent !== undefined) {
    return (
      <p role="status" className="flex animate-fade items-start gap-2 text-13">
        <span className="pt-0.5 text-allow">
          <CircleCheck aria-hidden />
        </span>
        <span className="min-w-0">
          Your request was sent. Its number is <code className="break-all font-mono">{sent}</code>. If it is granted, the change arrives
          here by itself.
        </span>
      </p>
    );
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim() === '') return setWrong('Say what you need it for: whoever decides sees only this.');
    setBusy(true);
    setFailed(undefined);
    const reply = await send(reason.trim());
    setBusy(false);
    if (reply.ok) setSent(reply.value.id);
    else setFailed(reply.error);
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate className="animate-fade">
      <Field label="What do you need it for?" hint="Whoever decides at your company reads this." wrong={wrong}>
        {(ids) => (
          <TextArea
            {...ids}
            autoFocus
            maxLength={2000}
            value={reason}
            aria-invalid={wrong !== undefined}
            onChange={(event) => {
              setReason(event.target.value);
              setWrong(undefined);
            }}
          />
        )}
      </Field>
      {failed && (
        <div className="pt-3">
          <Trouble error={failed} title="The request could not be sent" />
        </div>
      )}
      <div className="flex gap-2 pt-3">
        <Button type="submit" look="primary" disabled={busy}>
          {busy ? 'Sending…' : 'Send request'}
        </Button>
        <Button look="bare" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
