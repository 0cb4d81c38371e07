import type { View } from '../../src/contract/view.ts';
import { useView } from '../store.ts';
import { plural } from '../words.ts';

/** The only servers that an agent may reach; undefined: all that the company allows. */
export type Reach = string[] | undefined;

const option = 'flex min-h-11 cursor-pointer items-center gap-3 px-3 text-13 sm:min-h-9 hover:bg-hover';

/** All servers, or only some of them. */
export function ReachField({ value, onValue, wrong }: { value: Reach; onValue: (value: Reach) => void; wrong: boolean }) {
  const servers = useView((view) => view.servers);
  // A server that is not there at present may come back: the person decides whether it stays in the list.
  const gone = (value ?? []).filter((id) => !servers.some((server) => server.id === id));
  const rows = [...servers.map(({ id, title }) => ({ id, title })), ...gone.map((id) => ({ id, title: `${id} (not there now)` }))];
  const toggle = (id: string, on: boolean) => onValue(on ? [...(value ?? []), id] : (value ?? []).filter((other) => other !== id));
  return (
    <fieldset>
      <legend className="pb-1 font-medium text-13">What it may reach</legend>
      <div className="overflow-hidden rounded-control border border-edge">
        <label className={option}>
          <input
            type="radio"
            name="reach"
            className="size-4 accent-accent-fill"
            checked={value === undefined}
            onChange={() => onValue(undefined)}
          />
          <span className="min-w-0 flex-1">All servers you may use</span>
          <span className="text-12 text-quiet">{plural(servers.length, 'server')} now</span>
        </label>
        <label className={`${option} border-line border-t`}>
          <input
            type="radio"
            name="reach"
            className="size-4 accent-accent-fill"
            checked={value !== undefined}
            onChange={() => onValue(value ?? [])}
          />
          Only these
        </label>
        {value !== undefined && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard
          <ul aria-label="Servers" tabIndex={0} className="ring-inside max-h-40 overflow-y-auto border-line border-t bg-well">
            {rows.map(({ id, title }) => (
              <li key={id}>
                <label className={`${option} pl-10`}>
                  <input
                    type="checkbox"
                    className="size-4 accent-accent-fill"
                    checked={value.includes(id)}
                    onChange={(event) => toggle(id, event.target.checked)}
                  />
                  <span className="min-w-0 flex-1 truncate">{title}</span>
                </label>
              </li>
            ))}
          </ul>
        )}
      </div>
      <p className={`min-h-4 pt-1 text-12 ${wrong ? 'text-deny' : 'text-quiet'}`} aria-live="polite">
        {wrong ? 'Choose at least one server.' : 'Within these, your company’s policy decides each call.'}
      </p>
    </fieldset>
  );
}

/** "Tickets, Memory and 3 more" */
export function reachWords(reach: string[], servers: View['servers']): string {
  const titles = reach.map((id) => servers.find((server) => server.id === id)?.title ?? id);
  return titles.length <= 3 ? titles.join(', ') : `${titles.slice(0, 2).join(', ')} and ${titles.length - 2} more`;
}
