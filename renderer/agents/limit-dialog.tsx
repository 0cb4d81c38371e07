import { type FormEvent, useEffect, useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { AgentRow } from '../../src/contract/agents.ts';
import { Button } from '../parts/button.tsx';
import { Dialog, DialogFoot } from '../parts/dialog.tsx';
import { Trouble } from '../parts/state.tsx';
import { say } from '../parts/toast.tsx';
import { useCall } from '../store.ts';
import { type Reach, ReachField } from './reach.tsx';

/** What an agent that is there already may reach from now on. */
export function LimitDialog({ agent, onClose }: { agent: AgentRow | undefined; onClose: () => void }) {
  return (
    <Dialog
      open={agent !== undefined}
      onOpenChange={(open) => !open && onClose()}
      title={`What ${agent?.name ?? ''} may reach`}
      description="It holds from its next request on. What is out of reach is not there for it."
    >
      {agent && <Limit key={agent.name} agent={agent} onClose={onClose} />}
    </Dialog>
  );
}

function Limit({ agent, onClose }: { agent: AgentRow; onClose: () => void }) {
  const call = useCall();
  const [reach, setReach] = useState<Reach>(agent.servers);
  const [wrong, setWrong] = useState(false);
  const [failed, setFailed] = useState<ErrorValue>();
  useEffect(() => {
    if (reach === undefined || reach.length > 0) setWrong(false);
  }, [reach]);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (reach?.length === 0) return setWrong(true);
    const reply = await call('agent-limit', { name: agent.name, ...(reach === undefined ? {} : { servers: reach }) });
    if (!reply.ok) return setFailed(reply.error);
    say({ tone: 'good', title: `${agent.name} is ${reach === undefined ? 'not limited any more' : 'limited'}` });
    onClose();
  };
  return (
    <form onSubmit={(event) => void save(event)} noValidate>
      <ReachField value={reach} onValue={setReach} wrong={wrong} />
      {failed && (
        <div className="pt-4">
          <Trouble error={failed} title="It could not be saved" />
        </div>
      )}
      <DialogFoot>
        <Button look="bare" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" look="primary">
          Save
        </Button>
      </DialogFoot>
    </form>
  );
}
