import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import type { ReactNode } from 'react';

interface Props {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  wide?: boolean;
  /** What is shown cannot be shown again: a click beside it must not close it. */
  keep?: boolean;
  children: ReactNode;
}

/** A modal dialog. The overlay is our own: Radix's locks scrolling with an inline style element, which the content security policy refuses. */
export function Dialog({ open, onOpenChange, title, description, wide = false, keep = false, children }: Props) {
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <div className="fixed inset-0 z-40 animate-fade bg-veil" />
        <Radix.Content
          {...(description ? {} : { 'aria-describedby': undefined })}
          onInteractOutside={(event) => keep && event.preventDefault()}
          onCloseAutoFocus={() => requestAnimationFrame(keepFocus)}
          className={`fixed inset-x-2 top-[max(8px,8vh)] z-40 mx-auto flex max-h-[min(680px,84vh)] animate-enter flex-col rounded-card bg-card shadow-float outline-none ${wide ? 'max-w-160' : 'max-w-112'}`}
        >
          <header className="flex items-start gap-4 px-5 pt-4 pb-3">
            <div className="min-w-0 flex-1">
              <Radix.Title className="break-words font-semibold text-16">{title}</Radix.Title>
              {description && <Radix.Description className="break-words pt-0.5 text-13 text-quiet">{description}</Radix.Description>}
            </div>
            <Radix.Close
              aria-label="Close"
              className="-mr-2 grid size-8 shrink-0 place-items-center rounded-control text-faint hover:bg-hover hover:text-ink"
            >
              <X aria-hidden />
            </Radix.Close>
          </header>
          <div className="min-h-0 overflow-y-auto px-5 pb-5">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** What opened the dialog may be gone (the first agent was added): then the keyboard goes on in the page, not at the window's top. */
function keepFocus(): void {
  if (document.activeElement === document.body) document.getElementById('content')?.focus();
}

/** The row of buttons at a dialog's foot; the primary one last. */
export function DialogFoot({ children }: { children: ReactNode }) {
  return <div className="flex flex-wrap justify-end gap-2 pt-5">{children}</div>;
}
