import type { ShadowServer } from '../../src/contract/shadow.ts';
import { useAsk } from '../ask.ts';
import { Dialog } from '../parts/dialog.tsx';
import { say } from '../parts/toast.tsx';
import { useCall } from '../store.ts';
import { PlannedChange } from './planned-change.tsx';

/** First what would change in the agent's file, then the change. */
export function MoveDialog({ server, onClose }: { server: ShadowServer | undefined; onClose: () => void }) {
  const same = server?.equivalent?.title ?? '';
  return (
    <Dialog
      open={server !== undefined}
      onOpenChange={(open) => !open && onClose()}
      wide
      title={`Move ${server?.name ?? ''} behind the gate`}
      description={`This is taken out of the configuration of ${server?.title ?? 'the agent'}, which then has ${same} through the gateway. You can put it back; until then a copy of the file, with its secrets, is kept here for you alone.`}
    >
      {server && <Plan server={server} onClose={onClose} />}
    </Dialog>
  );
}

function Plan({ server, onClose }: { server: ShadowServer; onClose: () => void }) {
  const { id, name, title } = server;
  const call = useCall();
  const asked = useAsk('shadow-move-preview', { id, name });
  return (
    <PlannedChange<'shadow-move-preview', 'shadow-move'>
      asked={asked}
      carryOut={(planned) => call('shadow-move', { id, name, planned })}
      onDone={() => {
        say({ tone: 'good', title: `${name} is behind the gate`, text: `Restart ${title} if it is running.` });
        onClose();
      }}
      onClose={onClose}
      words={{ verb: 'Move', busy: 'Moving…', failed: 'It could not be moved' }}
    />
  );
}
