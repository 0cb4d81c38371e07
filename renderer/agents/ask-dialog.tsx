import type { ShadowServer } from '../../src/contract/shadow.ts';
import { Dialog } from '../parts/dialog.tsx';
import { RequestForm } from '../parts/request-form.tsx';
import { useCall } from '../store.ts';

/** Asks the company to bless a server that an agent has beside the gate. */
export function AskDialog({ server, onClose }: { server: ShadowServer | undefined; onClose: () => void }) {
  const call = useCall();
  return (
    <Dialog
      open={server !== undefined}
      onOpenChange={(open) => !open && onClose()}
      title={`Ask to bless ${server?.name ?? ''}`}
      description="Your company is told its name, where it leads as shown here, and your reason. No secret is sent."
    >
      {server && (
        <>
          <p className="break-all pb-3 font-mono text-12 text-quiet">{server.target}</p>
          <RequestForm send={(reason) => call('shadow-request', { id: server.id, name: server.name, reason })} onClose={onClose} />
        </>
      )}
    </Dialog>
  );
}
