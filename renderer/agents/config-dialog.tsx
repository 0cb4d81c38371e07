import { Button } from '../parts/button.tsx';
import { Dialog, DialogFoot } from '../parts/dialog.tsx';
import { Configs } from './configs.tsx';

/** The configuration again, for an agent that has its token already. */
export function ConfigDialog({ name, onClose }: { name: string | undefined; onClose: () => void }) {
  return (
    <Dialog
      open={name !== undefined}
      onOpenChange={(open) => !open && onClose()}
      wide
      title={`Configuration of ${name ?? ''}`}
      description="Its token is not kept, so a placeholder stands for it. If you have lost the token, revoke the agent and add it again."
    >
      {name !== undefined && <Configs name={name} />}
      <DialogFoot>
        <Button onClick={onClose}>Close</Button>
      </DialogFoot>
    </Dialog>
  );
}
