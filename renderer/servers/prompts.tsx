import { MessageSquareText } from 'lucide-react';
import type { PromptRow } from '../../src/contract/servers.ts';
import { DecisionIcon, verdictInk, verdictWord } from '../parts/decision.tsx';
import { useScroller } from '../parts/page.tsx';
import { Rows, rowClass } from '../parts/rows.tsx';
import { Empty } from '../parts/state.tsx';

export function PromptList({ prompts }: { prompts: PromptRow[] }) {
  const scroller = useScroller();
  if (prompts.length === 0) {
    return (
      <Empty icon={MessageSquareText} title="No prompts">
        Prompts are ready-made instructions that a server offers to agents. This one has none for you.
      </Empty>
    );
  }
  return (
    <Rows items={prompts} keyOf={(prompt) => prompt.name} height={52} label="Prompts" scroller={scroller}>
      {(prompt) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys walk these rows as they walk the others
        <div data-row tabIndex={0} className={`${rowClass} flex items-center gap-3`}>
          <DecisionIcon verdict={prompt.access.effect} />
          <span className="min-w-0 flex-1">
            <code className="block truncate font-mono text-13" title={prompt.name}>
              {prompt.name}
            </code>
            <span className="block truncate text-12 text-quiet leading-5" title={prompt.description}>
              {prompt.description ?? prompt.title}
            </span>
          </span>
          <Access access={prompt.access} />
        </div>
      )}
    </Rows>
  );
}

/** The decision and its reason, at the end of a row. */
export function Access({ access }: { access: PromptRow['access'] }) {
  return (
    <span className="flex w-28 shrink-0 flex-col items-end text-right @[720px]:w-80">
      <span className={`text-13 ${access.effect === 'allow' ? 'text-quiet' : verdictInk(access.effect)}`}>
        {verdictWord(access.effect)}
      </span>
      <span className="hidden max-w-full truncate text-12 text-quiet leading-5 @[720px]:block" title={`${access.rule}: ${access.reason}`}>
        {access.reason}
      </span>
    </span>
  );
}
