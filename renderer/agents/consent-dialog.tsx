import { TriangleAlert } from 'lucide-react';
import { type FormEvent, useEffect, useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { ConsentRequest } from '../../src/contract/consent.ts';
import { Button } from '../parts/button.tsx';
import { Dialog, DialogFoot } from '../parts/dialog.tsx';
import { Field, Segments, TextInput } from '../parts/field.tsx';
import { Facts } from '../parts/page.tsx';
import { Trouble } from '../parts/state.tsx';
import { say } from '../parts/toast.tsx';
import { heldBack } from '../shell/port.ts';
import { useCall, useView } from '../store.ts';
import { useDeny } from './consents.tsx';
import { HeldBack } from './held-back.tsx';
import { type Reach, ReachField } from './reach.tsx';

/** One agent that wants to sign in: who it says it is, where its answer goes, and what the person gives it. Nothing is allowed by opening this. */
export function ConsentDialog({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  const request = useView((view) => view.consents.find((each) => each.id === id));
  const [last, setLast] = useState<ConsentRequest>();
  // What was shown stays while the dialog closes, and while its answer is on the way.
  useEffect(() => {
    if (request) setLast(request);
    if (id === undefined) setLast(undefined);
  }, [request, id]);
  const shown = request ?? last;
  return (
    <Dialog
      open={id !== undefined}
      onOpenChange={(open) => !open && onClose()}
      keep
      title={shown ? `Allow “${shown.client.name}”?` : 'This agent waits no more'}
      description={
        shown
          ? 'That is what it calls itself; nobody has checked it.'
          : 'It was decided already, or it waited too long. Start its sign-in again.'
      }
    >
      {shown && id !== undefined ? (
        <Consent key={shown.id} request={shown} waits={request !== undefined} onClose={onClose} />
      ) : (
        <DialogFoot>
          <Button onClick={onClose}>Close</Button>
        </DialogFoot>
      )}
    </Dialog>
  );
}

/** The end that it was given before, if that is still to come: whoever signs in again must not stay longer by a default. */
const asBefore = { value: 'before', text: 'As before' } as const;
const times = [
  { value: '0', text: 'Until revoked' },
  { value: '30', text: '30 days' },
  { value: '7', text: '7 days' },
  { value: '1', text: '1 day' },
] as const;

function Consent({ request, waits, onClose }: { request: ConsentRequest; waits: boolean; onClose: () => void }) {
  const call = useCall();
  const deny = useDeny();
  const why = heldBack(useView((view) => view.gateway));
  const [name, setName] = useState(request.name);
  const [reach, setReach] = useState<Reach>(request.again?.servers);
  const ends = request.again?.expiresAt !== undefined && Date.parse(request.again.expiresAt) > Date.now();
  const [time, setTime] = useState<(typeof times)[number]['value'] | 'before'>(ends ? 'before' : '0');
  const [wrong, setWrong] = useState<{ name?: string; reach?: boolean }>({});
  const [failed, setFailed] = useState<ErrorValue>();
  const [busy, setBusy] = useState(false);

  const allow = async (event: FormEvent) => {
    event.preventDefault();
    setFailed(undefined);
    const problem = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/.test(name.trim())
      ? undefined
      : 'Use letters, digits, spaces, “.”, “_” and “-”; begin with a letter or digit.';
    const empty = request.server === undefined && reach?.length === 0;
    setWrong({ ...(problem === undefined ? {} : { name: problem }), reach: empty });
    if (problem || empty) return;
    setBusy(true);
    const reply = await call('consent-allow', {
      id: request.id,
      name: name.trim(),
      servers: servers(request, reach),
      ...(time === 'before' ? {} : { days: Number(time) }),
    });
    setBusy(false);
    if (reply.ok) {
      say({ tone: 'good', title: `${reply.value.name} is allowed`, text: 'It goes on now.' });
      return onClose();
    }
    if (reply.error.code === 'conflict') setWrong({ name: [reply.error.message, reply.error.fix].filter(Boolean).join(' ') });
    else setFailed(reply.error);
  };

  return (
    <form onSubmit={(event) => void allow(event)} noValidate className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 rounded-card border border-line bg-well px-4 py-3">
        <code className="font-medium font-mono text-20">{request.id}</code>
        <span className="min-w-0 flex-1 basis-40 text-13 text-quiet">
          {request.redirect.reach === 'pipe'
            ? 'The same code stands in the log of the program, if it shows one.'
            : 'Your browser shows the same code, if this is the sign-in you started.'}
        </span>
      </div>
      <Who request={request} />
      {why ? (
        <HeldBack title="No agent can be allowed now" why={why} />
      ) : (
        <>
          <Field
            label="Name"
            hint={request.again ? 'It signed in before, and goes on as this agent.' : 'As you will find it in the activity.'}
            wrong={wrong.name}
          >
            {(ids) => (
              <TextInput
                {...ids}
                maxLength={64}
                value={name}
                aria-invalid={wrong.name !== undefined}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          {request.server === undefined && (
            <ReachField value={reach} onValue={setReach} wrong={wrong.reach === true && reach?.length === 0} />
          )}
          <div>
            <p className="pb-1 font-medium text-13">For how long</p>
            <Segments label="For how long" value={time} onValue={setTime} options={[...(ends ? [asBefore] : []), ...times]} />
          </div>
        </>
      )}
      {failed && <Trouble error={failed} title="It could not be allowed" />}
      {/* In sight however long the rest is: the question is what this is about. */}
      <div className="-mx-5 -bottom-5 -mb-5 sticky rounded-b-card border-line border-t bg-card px-5 pb-4 [&>div]:pt-4">
        <DialogFoot>
          <Button look="bare" onClick={onClose}>
            Later
          </Button>
          <Button
            look="danger"
            disabled={busy || !waits}
            onClick={() => {
              void deny(request);
              onClose();
            }}
          >
            Deny
          </Button>
          {!why && (
            <Button type="submit" look="primary" disabled={busy || !waits}>
              {waits ? 'Allow' : 'Waits no more'}
            </Button>
          )}
        </DialogFoot>
      </div>
    </form>
  );
}

/** An agent with an address of one server reaches that one there, whatever else it may reach elsewhere. */
const servers = ({ server, again }: ConsentRequest, reach: Reach): string[] | 'all' => {
  if (server === undefined) return reach ?? 'all';
  return again ? (again.servers ? [...new Set([...again.servers, server])] : 'all') : [server];
};

function Who({ request }: { request: ConsentRequest }) {
  const { client, redirect, server, program } = request;
  const all = useView((view) => view.servers);
  const title = all.find(({ id }) => id === server)?.title;
  const here = redirect.reach !== 'web';
  return (
    <div className="flex flex-col gap-3">
      <Facts
        rows={[
          [
            'Known by',
            redirect.reach === 'pipe' ? (
              'The program that started the bridge, as this system names it'
            ) : client.host === undefined ? (
              'Itself only: it registered itself'
            ) : (
              <>
                A description at <span className="font-mono">{client.host}</span>
              </>
            ),
          ],
          [
            redirect.reach === 'pipe' ? 'Started by' : 'Answer to',
            redirect.reach === 'pipe' ? (
              capital(program ?? 'a program on this computer')
            ) : here ? (
              <>
                {program === undefined ? 'A program on this computer' : capital(program)}, at{' '}
                <span className="font-mono">{redirect.place}</span>
              </>
            ) : (
              <>
                <span className="font-mono">{redirect.place}</span> on the web
              </>
            ),
          ],
          [
            'Asks for',
            server === undefined ? `All servers you may use (${all.length} now)` : (title ?? `${server}, which you do not have`),
          ],
        ]}
      />
      <p className="flex items-start gap-2 rounded-control bg-ask-soft px-3 py-2 text-13">
        <TriangleAlert aria-hidden className="mt-0.5 text-ask" />
        <span className="min-w-0 text-pretty">
          {redirect.reach === 'pipe'
            ? 'Whatever runs inside this program gets the same, and a program of yours can start another one. Allow it only if you have just started it.'
            : here
              ? 'Any program on this computer can pose as it. Allow it only if you have just started its sign-in.'
              : 'The answer leaves this computer. Allow it only if you know this place and have just started its sign-in.'}
        </span>
      </p>
    </div>
  );
}

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);
