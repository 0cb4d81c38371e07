import { Bot, Plus } from 'lucide-react';
import { useState } from 'react';
import type { AgentRow } from '../../src/contract/agents.ts';
import { Button } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { Page, Section } from '../parts/page.tsx';
import { Empty } from '../parts/state.tsx';
import { say } from '../parts/toast.tsx';
import { go } from '../router.ts';
import { heldBack, openExposure } from '../shell/port.ts';
import { useCall, useView } from '../store.ts';
import { AddAgent } from './add.tsx';
import { AllowLists } from './allow-lists.tsx';
import { Beside } from './beside.tsx';
import { ConfigDialog } from './config-dialog.tsx';
import { ConsentDialog } from './consent-dialog.tsx';
import { Consents } from './consents.tsx';
import { Detected } from './detected.tsx';
import { Exposed } from './exposed.tsx';
import { HeldBack } from './held-back.tsx';
import { LimitDialog } from './limit-dialog.tsx';
import { AgentList } from './list.tsx';

const withToken =
  'Its token stops working at once and its open sessions end. To connect it again you add it anew. Its past calls stay in the activity.';
const signedIn =
  'It is locked out at once and its open sessions end. To come back it signs in again, and you are asked. Its past calls stay in the activity.';

/** The programs that may use the gateway, each with a credential of its own. */
export function AgentsPage({ adding, request }: { adding: boolean; request: string | undefined }) {
  const consents = useView((view) => view.consents);
  const agents = useView((view) => view.agents);
  const gateway = useView((view) => view.gateway);
  const why = heldBack(gateway);
  const exposure = openExposure(gateway);
  const call = useCall();
  const [shown, setShown] = useState<string>();
  const [limiting, setLimiting] = useState<AgentRow>();
  const [revoking, setRevoking] = useState<AgentRow>();
  const active = agents.filter((agent) => !agent.revokedAt);
  const revoked = agents.filter((agent) => agent.revokedAt);
  // Agents whose token may have leaked are shown above, with what to do about it.
  const others = active.filter((agent) => !exposure?.agents.includes(agent.name));
  const list = (
    <AgentList
      agents={others}
      {...(why ? {} : { onShow: (agent: AgentRow) => setShown(agent.name) })}
      onLimit={setLimiting}
      onRevoke={setRevoking}
    />
  );
  const add = why ? undefined : (
    <Button look="primary" onClick={() => go('#/agents/add')}>
      <Plus aria-hidden /> Add agent
    </Button>
  );

  const revoke = async (name: string) => {
    const reply = await call('agent-revoke', { name });
    if (reply.ok) say({ tone: 'good', title: `${name} is revoked`, text: 'What it came in with no longer works.' });
    else
      say({ tone: 'bad', title: `${name} could not be revoked`, text: [reply.error.message, reply.error.fix].filter(Boolean).join(' ') });
  };

  return (
    <Page
      title="Agents"
      sub="Programs that use tools for you. Each comes in by itself, so that each can be stopped by itself."
      action={active.length > 0 && add}
    >
      <div className="flex flex-col gap-8">
        {consents.length > 0 && <Consents requests={consents} />}
        {exposure && <Exposed exposure={exposure} onRevoke={setRevoking} />}
        {why && (exposure === undefined || exposure.until !== undefined) && <HeldBack title="No agent can be added now" why={why} />}
        {active.length === 0 && (
          <Empty icon={Bot} title="No agent is connected yet" action={add}>
            Connect one that was found below, or give your agent the gateway’s address, and it asks here to sign in. For one that can do
            neither, add it: you get a token and the configuration to paste.
          </Empty>
        )}
        {others.length > 0 && (others.length < active.length ? <Section title="Other agents">{list}</Section> : <div>{list}</div>)}
        <Detected held={why !== undefined} />
        <Beside held={why !== undefined} />
        {/* Where the port is not ours, the lists would let in whoever has it, and the page says so above. */}
        {!why && <AllowLists />}
        {revoked.length > 0 && (
          <Section title="Revoked">
            <AgentList agents={revoked} />
          </Section>
        )}
      </div>
      <AddAgent open={adding} onClose={() => go('#/agents')} taken={active.map((agent) => agent.name)} />
      <ConsentDialog id={request} onClose={() => go('#/agents')} />
      <LimitDialog agent={limiting} onClose={() => setLimiting(undefined)} />
      <ConfigDialog name={shown} onClose={() => setShown(undefined)} />
      <Confirm
        open={revoking !== undefined}
        onOpenChange={(open) => !open && setRevoking(undefined)}
        title={`Revoke ${revoking?.name ?? ''}?`}
        text={revoking?.signIn ? signedIn : withToken}
        verb="Revoke"
        onConfirm={() => revoke(revoking?.name ?? '')}
      />
    </Page>
  );
}
