import { CircleCheck, CircleDashed, Plug, TriangleAlert, Unplug } from 'lucide-react';
import { useState } from 'react';
import type { AgentDetected } from '../../src/contract/agents.ts';
import { useAsk } from '../ask.ts';
import { Button } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Section } from '../parts/page.tsx';
import { SkeletonRows, Trouble } from '../parts/state.tsx';
import { Ago } from '../parts/time.tsx';
import { Tip } from '../parts/tip.tsx';
import { say } from '../parts/toast.tsx';
import { useCall, useView } from '../store.ts';
import { ConnectDialog } from './connect-dialog.tsx';
import { AgentLine, AgentState, Place, Why } from './line.tsx';

const restored = {
  whole: 'Its configuration is as it was before.',
  entry: 'Our entry is out of its configuration; what changed since stays.',
  nothing: 'Its configuration is left as it is: our entry was not in it any more.',
} as const;

/** The agents that were found on this machine, each to be connected in one click. `held`: no address and no token may be given out now. */
export function Detected({ held }: { held: boolean }) {
  const call = useCall();
  const [round, setRound] = useState(0);
  const known = useView((view) =>
    view.agents.map(({ name, revokedAt, config }) => [name, revokedAt, config?.state, config?.repairedAt].join()).join(';'),
  );
  const asked = useAsk('agents-detect', {}, `${round} ${known}`);
  const [connecting, setConnecting] = useState<AgentDetected>();
  const [leaving, setLeaving] = useState<AgentDetected>();

  const disconnect = async (id: string) => {
    const reply = await call('agent-disconnect', { id });
    setRound((before) => before + 1);
    if (reply.ok) say({ tone: 'good', title: `${reply.value.title} is disconnected`, text: restored[reply.value.restored] });
    else say({ tone: 'bad', title: 'It could not be put back', text: [reply.error.message, reply.error.fix].filter(Boolean).join(' ') });
  };

  if (asked.error) return <Trouble error={asked.error} title="The agents on this machine could not be looked for" again={asked.again} />;
  const agents = asked.value?.agents;
  const here = agents?.filter(({ installed, entry }) => installed || entry !== undefined);
  const others = agents?.filter((agent) => !here?.includes(agent)).map(({ title }) => title);
  return (
    <Section title="On this machine">
      {here?.length === 0 ? (
        <p className="max-w-160 text-13 text-quiet">No agent that can be connected in one click was found.</p>
      ) : here ? (
        <ul className="-mx-2" aria-label="Agents on this machine">
          {here.map((agent) => (
            <Row key={agent.id} agent={agent} held={held} onConnect={() => setConnecting(agent)} onDisconnect={() => setLeaving(agent)} />
          ))}
        </ul>
      ) : (
        asked.slow && <SkeletonRows rows={3} height={52} />
      )}
      {others && others.length > 0 && <p className="max-w-160 pt-3 text-13 text-quiet">Not found here: {others.join(', ')}.</p>}
      <ConnectDialog
        agent={connecting}
        onClose={() => {
          setConnecting(undefined);
          setRound((before) => before + 1);
        }}
        onDisconnect={disconnect}
      />
      <Confirm
        open={leaving !== undefined}
        onOpenChange={(open) => !open && setLeaving(undefined)}
        title={`Disconnect ${leaving?.title ?? ''}?`}
        text={`${leaving?.agent === undefined ? 'Its configuration is put back as it was. What you allowed it stays until you revoke it.' : 'Its token stops working at once, and its configuration is put back as it was.'} Where more has changed since, only our entry is taken out.`}
        verb="Disconnect"
        onConfirm={() => disconnect(leaving?.id ?? '')}
      />
    </Section>
  );
}

const states = {
  connected: { icon: CircleCheck, word: 'Connected', look: 'text-allow' },
  'not-connected': { icon: CircleDashed, word: 'Not connected', look: 'text-quiet' },
  changed: { icon: TriangleAlert, word: 'Needs a look', look: 'text-ask' },
} as const;

interface RowProps {
  agent: AgentDetected;
  held: boolean;
  onConnect: () => void;
  onDisconnect: () => void;
}

function Row({ agent, held, onConnect, onDisconnect }: RowProps) {
  const { title, state, file, why, repairedAt } = agent;
  const verb = state === 'changed' ? 'Reconnect' : 'Connect';
  const actions = (
    <>
      {state !== 'connected' && (
        <Button disabled={held} onClick={onConnect} aria-label={`${verb} ${title}`}>
          <Plug aria-hidden /> {verb}
        </Button>
      )}
      {state === 'connected' ? (
        <Button look="bare" onClick={onDisconnect} aria-label={`Disconnect ${title}`}>
          <Unplug aria-hidden /> Disconnect
        </Button>
      ) : (
        agent.entry !== undefined && (
          <Tip text="Disconnect">
            <Button look="bare" icon onClick={onDisconnect} aria-label={`Disconnect ${title}`}>
              <Unplug aria-hidden />
            </Button>
          </Tip>
        )
      )}
    </>
  );
  const heading = (
    <>
      <AgentState title={title} {...states[state]} />
      {repairedAt && (
        <span className="whitespace-nowrap text-13 text-quiet">
          Put back <Ago at={repairedAt} />
        </span>
      )}
    </>
  );
  return (
    <AgentLine title={title} heading={heading} actions={actions}>
      {why ? <Why text={why} /> : file && <Place text={file} />}
    </AgentLine>
  );
}
