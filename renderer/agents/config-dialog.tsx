import { Button } from '../parts/button.tsx';
import { Dialog, DialogFoot } from '../parts/dialog.tsx';
import { heldBack } from '../shell/port.ts';
import { useView } from '../store.ts';
import { Configs } from './configs.tsx';
import { HeldBack } from './held-back.tsx';

/** The configuration again, for an agent that has its token already. */
export function ConfigDialog({ name, onClose }: { name: string | undefined; onClose: () => void }) {
  const why = heldBack(useView((view) => view.gateway));
  return (
    <Dialog
      open={name !== undefined}
      onOpenChange={(open) => !open && onClose()}
      wide
      title={`Configuration of ${name ?? ''}`}
      description="Its token is not kept, so a placeholder stands for it. If you have lost the token, revoke the agent and add it again."
    >
      {why ? <HeldBack title="The configuration is held back" why={why} /> : name !== undefined && <Configs name={name} />}
      <DialogFoot>
        <Button onClick={onClose}>Close</Button>
      </DialogFoot>
    </Dialog>
  );
}
