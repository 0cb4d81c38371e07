import { Check, Copy as CopyIcon } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from './button.tsx';
import { Tip } from './tip.tsx';
import { say } from './toast.tsx';

/** Copies to the clipboard, and says so where that fails. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (copyByEvent(text)) return true;
    say({ tone: 'bad', title: 'Could not copy', text: 'The system refused the clipboard. Select the text and copy it by hand.' });
    return false;
  }
}

/** Electron's window has no permissions at all, also not for the clipboard's own interface; a copy that the person began needs none. */
function copyByEvent(text: string): boolean {
  let done = false;
  const put = (event: ClipboardEvent) => {
    event.clipboardData?.setData('text/plain', text);
    event.preventDefault();
    event.stopImmediatePropagation();
    done = true;
  };
  document.addEventListener('copy', put, { capture: true });
  document.execCommand('copy');
  document.removeEventListener('copy', put, { capture: true });
  return done;
}

/** `what` names the thing: "Copy gateway address". With `words` the button shows them, else the icon alone. */
export function CopyButton({ value, what, words }: { value: string; what: string; words?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  const icon = done ? <Check aria-hidden className="text-allow" /> : <CopyIcon aria-hidden />;
  const onClick = () => void copy(value).then(setDone);
  const live = (
    <span role="status" className="sr-only">
      {done ? 'Copied' : ''}
    </span>
  );
  if (words) {
    return (
      <Button onClick={onClick}>
        {icon}
        {words}
        {live}
      </Button>
    );
  }
  return (
    <Tip text={done ? 'Copied' : `Copy ${what}`}>
      <Button look="bare" icon onClick={onClick} aria-label={`Copy ${what}`}>
        {icon}
        {live}
      </Button>
    </Tip>
  );
}

/** A value in mono with its copy button, as one control. `whole`: must be readable to its end, on several lines if need be. */
export function CopyLine({ value, what, whole = false }: { value: string; what: string; whole?: boolean }) {
  return (
    <div className="flex min-w-0 items-center rounded-control border border-line bg-well pl-3">
      <code className={`min-w-0 flex-1 select-all font-mono text-13 ${whole ? 'break-all py-1.5' : 'truncate'}`} title={value}>
        {value}
      </code>
      <CopyButton value={value} what={what} />
    </div>
  );
}

/** Several lines of text to copy: configuration, schemas. Scrolls or wraps by itself, so that it never widens the page. */
export function CopyBlock({ value, what, wrap = false }: { value: string; what: string; wrap?: boolean }) {
  return (
    <div className="flex items-start rounded-control border border-line bg-well">
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={what}
        className="ring-inside max-h-64 min-w-0 flex-1 overflow-auto rounded-control py-2.5 pl-3 font-mono text-12 leading-5"
      >
        <pre className={wrap ? 'whitespace-pre-wrap break-all' : ''}>{value}</pre>
      </section>
      <span className="p-1">
        <CopyButton value={value} what={what} />
      </span>
    </div>
  );
}
