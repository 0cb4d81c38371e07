import { CopyLine } from '../parts/copy.tsx';
import { Frame } from './frame.tsx';

/** No launch token, or one of an earlier start: a browser tab on its own has no right to the window. */
export function LockedPage() {
  return (
    <Frame
      title="Open this window again"
      sub="The link that opened it is no longer valid: Gatehouse was restarted, or this tab was opened without it. Run this in a terminal:"
      foot="Or restart Gatehouse: it prints a new link."
    >
      <CopyLine value="gatehouse open" what="command" />
    </Frame>
  );
}
