import { useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { ShadowServer } from '../../src/contract/shadow.ts';
import { useAsk } from '../ask.ts';
import { Button } from '../parts/button.tsx';
import { Dialog, DialogFoot } from '../parts/dialog.tsx';
import { Bar, Trouble } from '../parts/state.tsx';
import { say } from '../parts/toast.tsx';
import { useCall } from '../store.ts';
import { Diff } from './diff.tsx';

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
  const [failed, setFailed] = useState<ErrorValue>();
  const [busy, setBusy] = useState(false);
  const shown = asked.value;

  const move = async () => {
    if (!shown) return;
    setBusy(true);
    setFailed(undefined);
    const reply = await call('shadow-move', { id, name, planned: shown.planned });
    setBusy(false);
    if (reply.ok) {
      say({ tone: 'good', title: `${name} is behind the gate`, text: `Restart ${title} if it is running.` });
      return onClose();
    }
    setFailed(reply.error);
    asked.again();
  };

  return (
    <>
      <div className="flex flex-col gap-3">
        {failed && <Trouble error={failed} title="It could not be moved" />}
        {asked.error ? (
          <Trouble error={asked.error} title="Nothing is changed" again={asked.again} />
        ) : shown ? (
          <>
            <p className="break-all font-mono text-12 text-quiet">{shown.file}</p>
            <Diff text={shown.diff} what={`change of ${shown.file}`} />
          </>
        ) : (
          <div className="h-60">{asked.slow && <Bar className="h-full w-full" />}</div>
        )}
      </div>
      <DialogFoot>
        <Button look="bare" onClick={onClose}>
          Cancel
        </Button>
        <Button look="primary" disabled={busy || !shown || asked.error !== undefined} onClick={() => void move()}>
          {busy ? 'Moving…' : 'Move'}
        </Button>
      </DialogFoot>
    </>
  );
}
