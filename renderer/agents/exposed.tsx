import { Ban, CircleCheck, ShieldAlert } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { AgentRow, View } from '../../src/contract.ts';
import { Button } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Monogram } from '../parts/monogram.tsx';
import { Ago } from '../parts/time.tsx';
import { say } from '../parts/toast.tsx';
import { href } from '../router.ts';
import { isTaken } from '../shell/port.ts';
import { useCall, useView } from '../store.ts';

type Exposure = NonNullable<View['gateway']['exposure']>;
interface Props {
  exposure: Exposure;
  onRevoke: (agent: AgentRow) => void;
}

/** Another program has or had the port: who, when, whose tokens it may have been sent, and what makes them worthless. */
export function Exposed({ exposure, onRevoke }: Props) {
  const gateway = useView((view) => view.gateway);
  const { since, until, address, holder, agents, revoked } = exposure;
  const lasts = until === undefined;
  const title = lasts
    ? isTaken(gateway)
      ? 'Another program has the gateway’s port'
      : 'The gateway’s port is not its own'
    : 'Tokens may have leaked to another program';
  return (
    <section aria-label="Tokens that may have leaked" className="mb-8 overflow-hidden rounded-card border border-deny-line">
      <div className="flex items-start gap-3 bg-deny-soft p-4">
        <span className="pt-0.5 text-deny">
          <ShieldAlert aria-hidden />
        </span>
        <div className="min-w-0 max-w-160 flex-1 text-13">
          <h2 className="font-medium text-14">{title}</h2>
          <p className="break-words pt-1">
            {isTaken(gateway) ? gateway.error?.message : `${address} was held by ${holder}.`} Noticed <Ago at={since} />
            {until && (
              <>
                , gone <Ago at={until} />
              </>
            )}
            .
          </p>
          <p className="break-words pt-2">
            {agents.length > 0 ? leaked(agents.length, lasts) : 'No token that still works can have leaked to it.'}
          </p>
          {lasts && (
            <p className="break-words pt-2">
              {!isTaken(gateway) && gateway.error?.message} {gateway.error?.fix} Until the port is Gatehouse’s own again, no agent is added
              and no configuration is shown: tokens would go to the other program.
            </p>
          )}
        </div>
        <CopyButton value={JSON.stringify({ error: gateway.error, ...exposure }, null, 2)} what="details" />
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

function leaked(agents: number, lasts: boolean): string {
  const who = agents === 1 ? 'The agent below' : 'The agents below';
  return lasts
    ? `${who} may have sent it a token, and may do so with every request. Revoke ${agents === 1 ? 'it' : 'them'} now.`
    : `${who} may have sent it a token, with which it can act as that agent. Revoke ${agents === 1 ? 'it' : 'each'}, then add ${agents === 1 ? 'it' : 'each'} again.`;
}

function Row({ name, children }: { name: string; children: (agent: AgentRow) => ReactNode }) {
  const agent = useView((view) => view.agents.find((one) => one.name === name));
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

/** The deliberate way out. The question is about what was on the screen: if that changes meanwhile, it is withdrawn. */
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
      <Button look="bare" onClick={() => setAsked(about)}>
        Keep these tokens…
      </Button>
      <Confirm
        open={asked === about}
        onOpenChange={(open) => !open && setAsked(undefined)}
        title="Keep these tokens?"
        text={`They go on working: ${exposure.agents.join(', ')}. If that program was sent one, whoever runs it can act as that agent within your policy until you revoke it.`}
        verb="I have checked, keep them"
        onConfirm={keep}
      />
    </div>
  );
}
