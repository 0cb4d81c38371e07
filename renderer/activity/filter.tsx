import { useEffect, useState } from 'react';
import { Choice, SearchInput } from '../parts/field.tsx';
import { useView } from '../store.ts';

export interface Filter {
  text: string;
  agent: string;
  server: string;
  decision: '' | 'allow' | 'ask' | 'deny';
  outcome: '' | 'ok' | 'error';
}

/** Reads the filter from the address. Anything else in a hand-written one is ignored. */
export function filterOf(query: Record<string, string>): Filter {
  const oneOf = <T extends string>(value: string | undefined, choices: readonly T[]): T | '' =>
    choices.find((choice) => choice === value) ?? '';
  return {
    text: (query['text'] ?? '').slice(0, 200),
    agent: (query['agent'] ?? '').slice(0, 64),
    server: (query['server'] ?? '').slice(0, 64),
    decision: oneOf(query['decision'], ['allow', 'ask', 'deny'] as const),
    outcome: oneOf(query['outcome'], ['ok', 'error'] as const),
  };
}

export const isFiltered = (filter: Filter) => Object.values(filter).some((value) => value !== '');

/** The filter as a command's input. Empty fields are left out. */
export function inputOf(filter: Filter) {
  const { text, agent, server, decision, outcome } = filter;
  return {
    ...(text === '' ? {} : { text }),
    ...(agent === '' ? {} : { agent }),
    ...(server === '' ? {} : { server }),
    ...(decision === '' ? {} : { decision }),
    ...(outcome === '' ? {} : { outcome }),
  };
}

export function FilterBar({ filter, onFilter }: { filter: Filter; onFilter: (filter: Filter) => void }) {
  const agents = useView((view) => view.agents);
  const servers = useView((view) => view.servers);
  const [text, setText] = useState(filter.text);
  useEffect(() => setText(filter.text), [filter.text]);
  // Typing waits for a pause: each change asks the ledger.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the text waits
  useEffect(() => {
    if (text === filter.text) return;
    const timer = setTimeout(() => onFilter({ ...filter, text }), 180);
    return () => clearTimeout(timer);
  }, [text]);

  const withChosen = (all: string, values: { value: string; text: string }[], chosen: string) => [
    { value: '', text: all },
    ...values,
    // What an address asks for may be gone by now; the select must show it all the same.
    ...(chosen === '' || values.some(({ value }) => value === chosen) ? [] : [{ value: chosen, text: chosen }]),
  ];
  const names = [...new Set(agents.map((agent) => agent.name))];
  return (
    <div className="grid grid-cols-2 gap-2 pb-3 @[520px]:grid-cols-4 @[760px]:grid-cols-[minmax(160px,1.4fr)_repeat(4,minmax(0,1fr))]">
      <SearchInput value={text} onValue={setText} label="Filter activity" className="col-span-2 @[520px]:col-span-4 @[760px]:col-span-1" />
      <Choice
        label="Agent"
        value={filter.agent}
        onValue={(agent) => onFilter({ ...filter, agent })}
        options={withChosen(
          'All agents',
          names.map((name) => ({ value: name, text: name })),
          filter.agent,
        )}
      />
      <Choice
        label="Server"
        value={filter.server}
        onValue={(server) => onFilter({ ...filter, server })}
        options={withChosen(
          'All servers',
          servers.map(({ id, title }) => ({ value: id, text: title })),
          filter.server,
        )}
      />
      <Choice
        label="Decision"
        value={filter.decision}
        onValue={(decision) => onFilter({ ...filter, decision: decision as Filter['decision'] })}
        options={[
          { value: '', text: 'All decisions' },
          { value: 'allow', text: 'Allowed' },
          { value: 'ask', text: 'Needs approval' },
          { value: 'deny', text: 'Denied' },
        ]}
      />
      <Choice
        label="Outcome"
        value={filter.outcome}
        onValue={(outcome) => onFilter({ ...filter, outcome: outcome as Filter['outcome'] })}
        options={[
          { value: '', text: 'All outcomes' },
          { value: 'ok', text: 'Succeeded' },
          { value: 'error', text: 'Failed' },
        ]}
      />
    </div>
  );
}
