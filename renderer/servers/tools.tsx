import { SearchX, Wrench } from 'lucide-react';
import { useState } from 'react';
import type { ToolRow } from '../../src/contract/servers.ts';
import { Button } from '../parts/button.tsx';
import { DecisionIcon, type Effect, verdictInk, verdictOf, verdictWord } from '../parts/decision.tsx';
import { SearchInput, Segments } from '../parts/field.tsx';
import { useScroller } from '../parts/page.tsx';
import { Rows, rowClass } from '../parts/rows.tsx';
import { Empty } from '../parts/state.tsx';
import { href } from '../router.ts';
import { count } from '../words.ts';
import { Hints } from './hints.tsx';

type Pick = 'all' | Effect;

/** A server's tools with the decision on each: first what it is called, then whether it may be used and why. */
export function ToolList({ tools, chosen }: { tools: ToolRow[]; chosen: string | undefined }) {
  const scroller = useScroller();
  const [text, setText] = useState('');
  const [pick, setPick] = useState<Pick>('all');
  if (tools.length === 0)
    return (
      <Empty icon={Wrench} title="No tools">
        This server offers none, or none that your policy shows you.
      </Empty>
    );

  const wanted = text.trim().toLowerCase();
  const matches = tools.filter((tool) =>
    [tool.name, tool.title ?? '', tool.description ?? '', tool.tags.join(' ')].some((part) => part.toLowerCase().includes(wanted)),
  );
  const shown = pick === 'all' ? matches : matches.filter((tool) => verdictOf(tool) === pick);
  const verdicts = (['allow', 'may', 'ask', 'deny'] as const).filter((verdict) => tools.some((tool) => verdictOf(tool) === verdict));
  const options = [
    { value: 'all' as Pick, text: 'All', count: count(matches.length) },
    ...verdicts.map((verdict) => ({
      value: verdict as Pick,
      text: verdictWord(verdict),
      count: count(matches.filter((tool) => verdictOf(tool) === verdict).length),
    })),
  ];
  const clear = () => {
    setText('');
    setPick('all');
  };

  return (
    <>
      <div className="flex flex-wrap items-center gap-3 pb-3">
        <SearchInput value={text} onValue={setText} label="Filter tools" className="w-full sm:w-64" />
        {verdicts.length > 1 && <Segments label="Decision" value={pick} onValue={setPick} options={options} />}
      </div>
      {shown.length === 0 ? (
        <Empty icon={SearchX} title="No tool matches" action={<Button onClick={clear}>Clear filter</Button>}>
          None of the {count(tools.length)} tools fits what you filter by.
        </Empty>
      ) : (
        <Rows items={shown} keyOf={(tool) => tool.name} height={52} label="Tools" scroller={scroller}>
          {(tool) => <Row tool={tool} current={tool.name === chosen} />}
        </Rows>
      )}
    </>
  );
}

function Row({ tool, current }: { tool: ToolRow; current: boolean }) {
  const verdict = verdictOf(tool);
  const open = verdict === 'allow';
  return (
    <a
      data-row
      href={href({ page: 'server', server: tool.server, tab: 'tools', tool: tool.name })}
      aria-current={current ? 'true' : undefined}
      className={`${rowClass} flex items-center gap-3`}
    >
      <DecisionIcon verdict={verdict} />
      <span className="min-w-0 flex-1">
        <span className="flex min-w-0 items-center gap-2">
          <code className="truncate font-mono text-13" title={tool.name}>
            {tool.name}
          </code>
          <Hints tool={tool} short />
        </span>
        <span className="block truncate text-12 text-quiet leading-5">{tool.description ?? tool.title}</span>
      </span>
      <span className="w-28 shrink-0 text-right text-12 @[720px]:w-80">
        <span className={`block text-13 ${open ? 'text-quiet' : verdictInk(verdict)}`}>{verdictWord(verdict)}</span>
        <span className="hidden truncate text-quiet leading-5 @[720px]:block" title={`${tool.access.rule}: ${tool.access.reason}`}>
          {tool.access.missing && verdict === 'may' ? tool.access.missing : tool.access.reason}
        </span>
      </span>
    </a>
  );
}
