import { Ban, CircleCheck, ShieldAlert } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { AgentRow } from '../../src/contract/agents.ts';
import type { View } from '../../src/contract/view.ts';
import { Button } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Monogram } from '../parts/monogram.tsx';
import { Ago } from '../parts/time.tsx';
import { say } from '../parts/toast.tsx';
import { href } from '../router.ts';
import { heldBy, isTaken, takenTitle } from '../shell/port.ts';
import { useCall, useView } from '../store.ts';
import { count } from '../words.ts';
import { CheckAgain } from './held-back.tsx';

type Exposure = NonNullable<View['gateway']['exposure']>;
interface Props {
  exposure: Exposure;
  onRevoke: (agent: AgentRow) => void;
}

/** Another program has or had the port: who, when, whose tokens it may have been sent, and what makes them worthless. */
export function Exposed({ exposure, onRevoke }: Props) {
  const gateway = useView((view) => view.gateway);
  const { since, until, agents, revoked } = exposure;
  const taken = isTaken(gateway);
  const lasts = until === undefined;
  const title = !lasts
    ? 'Tokens may have leaked to another program'
    : taken
      ? takenTitle(gateway.state)
      : 'The gateway’s port is not its own yet';
  return (
    <section aria-label={title} className="overflow-hidden rounded-card border border-deny-line">
      <div className="flex items-start gap-3 bg-deny-soft p-4 pr-3">
        <span className="pt-0.5 text-deny">
          <ShieldAlert aria-hidden />
        </span>
        <div className="flex min-w-0 flex-1 flex-col gap-2 text-13 *:max-w-160 *:break-words">
          <h2 className="font-medium text-14">{title}</h2>
          <p className="-mt-1.5">
            {taken ? gateway.error?.message : heldBy(exposure)} Noticed <Ago at={since} />
            {until && (
              <>
                , gone <Ago at={until} />
              </>
            )}
            .
          </p>
          <p>{stake(agents.length, lasts)}</p>
          {lasts && (
            <p>
              {!taken && gateway.error?.message} {gateway.error?.fix} Until the port is Gatehouse’s own, no agent is added and no
              configuration is shown: the token would go to that program.
            </p>
          )}
          {lasts && (
            <div>
              <CheckAgain />
            </div>
          )}
        </div>
        <span className="-mt-3 sm:-mt-1.5">
          <CopyButton value={JSON.stringify({ error: gateway.error, ...exposure }, null, 2)} what="details" />
        </span>
      </div>
      {(agents.length > 0 || revoked.length > 0) && (
        <ul>
          {agents.map((name) => (
            <Row key={name} name={name}>
              {(agent) => (
                <Button onClick={() => onRevoke(agent)} aria-label={`Revoke ${name}`}>
                  <Ban aria-hidden /> Revoke
                </Button>
              )}
            </Row>
          ))}
          {revoked.map((name) => (
            <Row key={name} name={name}>
              {(agent) => (
                <span className="inline-flex items-center gap-1.5 whitespace-nowrap text-13 text-allow">
                  <CircleCheck aria-hidden />
                  {agent.revokedAt ? 'Revoked' : 'Replaced'}
                </span>
              )}
            </Row>
          ))}
        </ul>
      )}
      {!lasts && <Keep exposure={exposure} />}
    </section>
  );
}

function stake(agents: number, lasts: boolean): string {
  if (agents === 0) return 'No token that still works can have leaked to it.';
  if (agents === 1)
    return lasts
      ? 'This agent may have sent it its token, and may do so again with every request. Revoke it now.'
      : 'This agent may have sent it its token. Whoever has that can act as the agent. Revoke it, then add it again.';
  return lasts
    ? 'These agents may have sent it their tokens, and may do so again with every request. Revoke them now.'
    : 'These agents may have sent it their tokens. Whoever has one can act as that agent. Revoke each, then add it again.';
}

function Row({ name, children }: { name: string; children: (agent: AgentRow) => ReactNode }) {
  const agent = useView((view) => view.agents.find((row) => row.name === name));
  if (!agent) return null;
  return (
    <li className="flex min-h-14 items-center gap-3 border-line border-t py-1 pr-3 pl-4 sm:min-h-12">
      <a
        href={href({ page: 'activity', query: { agent: name } })}
        title={`${name}: show its activity`}
        className="flex min-w-0 flex-1 items-center gap-3 rounded-control py-1 hover:underline"
      >
        <Monogram name={name} />
        <span className="min-w-0">
          <span className="block truncate font-medium text-13">{name}</span>
          <span className="block truncate text-12 text-quiet">
            {agent.lastSeenAt ? (
              <>
                Last seen here <Ago at={agent.lastSeenAt} />
              </>
            ) : (
              'Never seen here'
            )}
          </span>
        </span>
      </a>
      {children(agent)}
    </li>
  );
}

const few = (names: string[]) =>
  names.length <= 6 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${count(names.length - 5)} more`;

/** Dismisses the warning. The question is about the exposure on the screen: if that changes meanwhile, the question closes. */
function Keep({ exposure }: { exposure: Exposure }) {
  const call = useCall();
  const [asked, setAsked] = useState<string>();
  const about = JSON.stringify(exposure);
  const keep = async () => {
    const reply = await call('exposure-dismiss', {});
    if (reply.ok) say({ tone: 'good', title: 'The tokens are kept', text: 'The ledger has a note of it.' });
    else
      say({
        tone: 'bad',
        title: 'The notice could not be put away',
        text: [reply.error.message, reply.error.fix].filter(Boolean).join(' '),
      });
  };
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 border-line border-t py-2 pr-3 pl-4">
      <p className="min-w-0 flex-1 basis-64 text-13 text-quiet">
        If you know that program, and nobody else can use it, the tokens may stay.
      </p>
      <Button onClick={() => setAsked(about)}>Keep these tokens…</Button>
      <Confirm
        open={asked === about}
        onOpenChange={(open) => !open && setAsked(undefined)}
        title="Keep these tokens?"
        text={`They go on working: ${few(exposure.agents)}. If that program was sent one, whoever runs it can act as that agent within your policy until you revoke it.`}
        verb="I have checked, keep them"
        onConfirm={keep}
      />
    </div>
  );
}
