import { useState } from 'react';
import { Button } from '../parts/button.tsx';
import { RequestForm } from '../parts/request-form.tsx';
import { useCall } from '../store.ts';

/** Asks the company for a tool. */
export function RequestAccess({ server, tool, needed = true }: { server: string; tool?: string; needed?: boolean }) {
  const call = useCall();
  const [open, setOpen] = useState(false);
  if (open) {
    const asked = { server, ...(tool === undefined ? {} : { tool }) };
    return <RequestForm send={(reason) => call('access-request', { ...asked, reason })} onClose={() => setOpen(false)} />;
  }
  return (
    <div>
      <Button look={needed ? 'primary' : 'plain'} onClick={() => setOpen(true)}>
        Request access
      </Button>
    </div>
  );
}
