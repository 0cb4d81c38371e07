import { useState } from 'react';
import { Button } from './button.tsx';
import { Dialog, DialogFoot } from './dialog.tsx';

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  text: string;
  verb: string;
  onConfirm: () => Promise<void>;
}

/** Asks before what cannot be undone. Cancel has the focus first, so that Enter does no harm. */
export function Confirm({ open, onOpenChange, title, text, verb, onConfirm }: Props) {
  const [busy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    await onConfirm().finally(() => setBusy(false));
    onOpenChange(false);
  };
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={title} description={text}>
      <DialogFoot>
        <Button autoFocus onClick={() => onOpenChange(false)}>
          Cancel
        </Button>
        <Button look="danger" disabled={busy} onClick={() => void confirm()}>
          {verb}
        </Button>
      </DialogFoot>
    </Dialog>
  );
}
