import { ChevronRight, RotateCw } from 'lucide-react';
import { useLayoutEffect, useRef, useState } from 'react';
import { useAsk } from '../ask.ts';
import { Button } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Bar, Trouble } from '../parts/state.tsx';
import { Tip } from '../parts/tip.tsx';

/** What a local server wrote on standard error: the first thing IT asks for when it does not start. Read only once it is unfolded. */
export function ServerOutput({ server, state }: { server: string; state: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details className="group mt-4" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="-ml-1 inline-flex h-11 list-none items-center gap-1 rounded-control pr-2 text-13 text-quiet hover:text-ink sm:h-8 [&::-webkit-details-marker]:hidden">
        <ChevronRight aria-hidden className="transition-transform group-open:rotate-90" /> Output of this server
      </summary>
      {open && <Lines server={server} state={state} />}
    </details>
  );
}

function Lines({ server, state }: { server: string; state: string }) {
  const asked = useAsk('server-stderr', { server }, state);
  const scroller = useRef<HTMLElement>(null);
  const text = asked.value?.lines.join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the newest line is the last one, so each new text begins at its end
  useLayoutEffect(() => {
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [text]);
  if (asked.error) return <Trouble error={asked.error} title="Its output could not be read" again={asked.again} />;
  if (text === undefined) return asked.slow ? <Bar className="mt-1 h-20 w-full" /> : null;
  return (
    <div className="mt-1 flex items-start rounded-control border border-line bg-well">
      {text === '' ? (
        <p className="min-w-0 flex-1 px-3 py-2.5 text-13 text-quiet">
          It has written nothing since Gatehouse started it. A server starts with its first call.
        </p>
      ) : (
        <section
          ref={scroller}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
          tabIndex={0}
          aria-label="Output of this server"
          className="ring-inside max-h-80 min-w-0 flex-1 overflow-auto rounded-control py-2.5 pl-3 font-mono text-13 leading-5"
        >
          <pre className="whitespace-pre-wrap break-words [overflow-wrap:anywhere]">{text}</pre>
        </section>
      )}
      <span className="flex flex-col p-1">
        {text !== '' && <CopyButton value={text} what="output" />}
        <Tip text="Read again">
          <Button look="bare" icon onClick={asked.again} aria-label="Read the output again">
            <RotateCw aria-hidden />
          </Button>
        </Tip>
      </span>
    </div>
  );
}
