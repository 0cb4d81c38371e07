import { CircleCheck, CircleDashed, KeyRound, TriangleAlert } from 'lucide-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { SecretRow, ServerRow } from '../../src/contract/servers.ts';
import { Button } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Field, TextInput } from '../parts/field.tsx';
import { say } from '../parts/toast.tsx';
import { useCall, useView } from '../store.ts';

/** Whether the server cannot be used without it, and it is not there. */
export const lacks = ({ state, required }: SecretRow) => state === 'missing' && required;

/** What people supply for this server themselves: what each is for, whether it is there, and a field for what is missing. No value is ever shown. */
export function Secrets({ row }: { row: ServerRow }) {
  const needed = row.secrets.some(lacks);
  const memory = useView((view) => view.app.vault === 'memory');
  return (
    <section aria-labelledby="secrets" className={`mb-4 overflow-hidden rounded-card border ${needed ? 'border-ask-line' : 'border-line'}`}>
      <header className={`flex items-start gap-3 border-b px-4 py-3 ${needed ? 'border-ask-line bg-ask-soft' : 'border-line bg-well'}`}>
        <KeyRound aria-hidden className={`mt-0.5 ${needed ? 'text-ask' : 'text-faint'}`} />
        <div className="min-w-0">
          <h2 id="secrets" className="font-medium text-13">
            {title(row)}
          </h2>
          <p className="text-pretty text-13 text-quiet">
            {about(row)}{' '}
            {memory ? 'This computer has no keychain, so it is kept until Gatehouse ends.' : 'It stays in the vault of this computer.'}
          </p>
        </div>
      </header>
      <ul>
        {row.secrets.map((secret) => (
          <li key={secret.name} className="border-line border-t px-4 py-3 first:border-t-0">
            <Secret server={row} secret={secret} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function title({ title, secrets }: ServerRow): string {
  if (secrets.some(lacks)) return `${title} needs something from you`;
  return secrets.some(({ state }) => state !== 'missing') ? 'What you have given to this server' : 'What you can give to this server';
}

function about({ kind, secrets }: ServerRow): string {
  if (secrets.some(lacks)) return 'Agents cannot use it until then. Enter it here only: no agent has to know it.';
  if (secrets.some(({ state }) => state === 'unavailable')) return 'It cannot be read now, so nothing is sent to the server.';
  return `${kind === 'local' ? 'Its program gets it when it starts' : 'Gatehouse sends it'}; agents are not given it.`;
}

function Secret({ server, secret }: { server: ServerRow; secret: SecretRow }) {
  const { name, description, required, state, why, goesTo } = secret;
  const [replacing, setReplacing] = useState(false);
  const entering = state === 'missing' || replacing;
  const own = useRef<HTMLDivElement>(null);
  const acted = useRef(false);
  // The field and the buttons take each other's place: the keyboard goes on where the other one was.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the change moves the focus
  useEffect(() => {
    if (acted.current) own.current?.querySelector<HTMLElement>('input, button')?.focus();
    acted.current = false;
  }, [entering]);
  const show = (next: boolean) => {
    acted.current = true;
    setReplacing(next);
  };
  /** Before the command: the view may change before its answer is there. */
  const acting = (on: boolean) => {
    acted.current = on;
  };
  return (
    <div ref={own} className="grid gap-x-8 gap-y-3 @[720px]:grid-cols-[minmax(0,1fr)_minmax(0,360px)]">
      <div className="min-w-0">
        <p className="flex flex-wrap items-center gap-x-3 gap-y-0.5">
          <code className="break-all font-medium font-mono text-13">{name}</code>
          <Standing state={state} required={required} />
        </p>
        {description && <p className="break-words pt-0.5 text-13">{description}</p>}
        <p className="break-words pt-0.5 text-12 text-quiet">
          {server.kind === 'local' ? 'Given to the program' : 'Sent to'} <span className="font-mono">{goesTo}</span>
          {required ? '' : '. The server works without it, too'}.
        </p>
        {/* Of what cannot be read the page says above why. */}
        {why && state === 'missing' && (
          <p className="break-words pt-1 text-13 text-ask">{`${why[0]!.toUpperCase()}${why.slice(1)}`.replace(/\.?$/, '.')}</p>
        )}
      </div>
      {entering ? (
        <Entering
          server={server}
          secret={secret}
          acting={acting}
          onDone={() => setReplacing(false)}
          {...(replacing ? { onCancel: () => show(false) } : {})}
        />
      ) : (
        state === 'set' && <Held server={server} secret={secret} acting={acting} onReplace={() => show(true)} />
      )}
    </div>
  );
}

function Standing({ state, required }: Pick<SecretRow, 'state' | 'required'>) {
  const look = 'inline-flex items-center gap-1.5 whitespace-nowrap text-13';
  if (state === 'set')
    return (
      <span className={`${look} text-allow`}>
        <CircleCheck aria-hidden /> Set
      </span>
    );
  if (state === 'unavailable')
    return (
      <span className={`${look} text-deny`}>
        <TriangleAlert aria-hidden /> Cannot be read now
      </span>
    );
  return (
    <span className={`${look} ${required ? 'text-ask' : 'text-quiet'}`}>
      <CircleDashed aria-hidden /> {required ? 'Missing' : 'Not set'}
    </span>
  );
}

interface Acting {
  server: ServerRow;
  secret: SecretRow;
  acting: (on: boolean) => void;
}

function Entering({ server, secret, acting, onDone, onCancel }: Acting & { onDone: () => void; onCancel?: () => void }) {
  const call = useCall();
  const [value, setValue] = useState('');
  /** Where it went when the person began to enter it. */
  const [place, setPlace] = useState(secret.place);
  const [wrong, setWrong] = useState<string>();
  const [busy, setBusy] = useState(false);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (value.trim() === '') return setWrong('Enter the value first.');
    setBusy(true);
    acting(true);
    // Copied text often brings the spaces around it along.
    const reply = await call('server-secret-set', { server: server.id, name: secret.name, value: value.trim(), place });
    setBusy(false);
    if (!reply.ok) {
      acting(false);
      // What the page says now is what they read before they try again.
      setPlace(secret.place);
      return setWrong([reply.error.message, reply.error.fix].filter(Boolean).join(' '));
    }
    setValue('');
    say({ tone: 'good', title: `${secret.name} is saved`, text: `The next call to ${server.title} uses it.` });
    onDone();
  };
  return (
    <form onSubmit={(event) => void save(event)} noValidate>
      <Field label={onCancel ? `New value of ${secret.name}` : `Value of ${secret.name}`} wrong={wrong}>
        {(ids) => (
          <div className="flex gap-2">
            <TextInput
              {...ids}
              type="password"
              autoComplete="new-password"
              maxLength={8192}
              aria-invalid={wrong !== undefined}
              value={value}
              onChange={(event) => {
                if (value === '') setPlace(secret.place);
                setValue(event.target.value);
                setWrong(undefined);
              }}
              onKeyDown={(event) => event.key === 'Escape' && onCancel?.()}
              className="min-w-0 flex-1 font-mono"
            />
            <Button type="submit" look={secret.required ? 'primary' : 'plain'} disabled={busy}>
              {busy ? 'Saving…' : 'Save'}
            </Button>
            {onCancel && <Button onClick={onCancel}>Cancel</Button>}
          </div>
        )}
      </Field>
    </form>
  );
}

function Held({ server, secret, acting, onReplace }: Acting & { onReplace: () => void }) {
  const call = useCall();
  const [asking, setAsking] = useState(false);
  const remove = async () => {
    acting(true);
    const reply = await call('server-secret-clear', { server: server.id, name: secret.name });
    if (reply.ok) return;
    acting(false);
    say({ tone: 'bad', title: `${secret.name} is not removed`, text: [reply.error.message, reply.error.fix].filter(Boolean).join(' ') });
  };
  return (
    <div className="flex flex-wrap items-start gap-2 @[720px]:justify-end">
      <Button onClick={onReplace} aria-label={`Replace ${secret.name}`}>
        Replace
      </Button>
      <Button look="bare" onClick={() => setAsking(true)} aria-label={`Remove ${secret.name}`}>
        Remove
      </Button>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Remove ${secret.name}?`}
        text={
          secret.required
            ? `Agents cannot use ${server.title} without it. To use it again, you have to enter it again.`
            : `${server.title} goes on without it. Gatehouse cannot show it to you before.`
        }
        verb="Remove"
        onConfirm={remove}
      />
    </div>
  );
}
