import { ExternalLink } from 'lucide-react';
import { useState } from 'react';
import type { View } from '../../src/contract/view.ts';
import { Button, buttonClass } from '../parts/button.tsx';
import { CopyButton, CopyLine } from '../parts/copy.tsx';
import { useNow } from '../parts/time.tsx';
import { useCall } from '../store.ts';
import { span } from '../words.ts';
import { Frame } from './frame.tsx';

/** The person signs in in a browser, here or on another device. Says where, and lets the person cancel. */
export function Waiting({ prompt, company }: { prompt: View['identity']['prompt']; company: string | undefined }) {
  const call = useCall();
  const now = useNow();
  const [stopping, setStopping] = useState(false);
  const left = prompt?.expiresAt ? Math.round((Date.parse(prompt.expiresAt) - now) / 1000) : undefined;
  const device = prompt?.method === 'device';
  const cancel = async () => {
    setStopping(true);
    await call('sign-in-cancel', {});
    setStopping(false);
  };
  return (
    <Frame
      title={device ? 'Enter this code' : 'Continue in your browser'}
      sub={
        device
          ? 'On any device with a browser, open the address below and type the code.'
          : `Sign in at ${company ?? 'your company'} there; this window follows by itself. If no browser opened, use the address below.`
      }
      foot={left !== undefined && left > 0 ? `This works for another ${span(left)}.` : undefined}
    >
      {device && prompt?.userCode && (
        <div className="mb-4 flex items-center justify-between rounded-card border border-line bg-well py-3 pr-2 pl-4">
          <span className="select-all font-mono font-medium text-28 tracking-wider">{prompt.userCode}</span>
          <CopyButton value={prompt.userCode} what="code" />
        </div>
      )}
      {prompt && <CopyLine value={prompt.url} what="address" whole={device} />}
      <p role="status" className="flex items-center gap-2.5 py-5 text-13 text-quiet">
        <span aria-hidden className="size-2 animate-wait rounded-full bg-accent" />
        Waiting for you to sign in
      </p>
      <div className="flex gap-2">
        <Button disabled={stopping} onClick={() => void cancel()} className="flex-1">
          Cancel
        </Button>
        {prompt && (
          <a href={prompt.url} target="_blank" rel="noreferrer" className={`${buttonClass('plain')} flex-1`}>
            Open <ExternalLink aria-hidden />
          </a>
        )}
      </div>
    </Frame>
  );
}
