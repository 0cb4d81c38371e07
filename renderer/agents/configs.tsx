import { Tabs } from 'radix-ui';
import { useAsk } from '../ask.ts';
import { CopyBlock } from '../parts/copy.tsx';
import { Bar, Trouble } from '../parts/state.tsx';

/** "VS Code", "vs-code" and "vscode" mean the same program. */
const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Copy-ready configuration for each known agent. Without a token the text holds a placeholder. */
export function Configs({ name, token }: { name: string; token?: string }) {
  const asked = useAsk('agent-configs', { name, ...(token === undefined ? {} : { token }) });
  const configs = asked.value?.configs;
  if (asked.error) return <Trouble error={asked.error} title="The configuration could not be made" again={asked.again} />;
  if (!configs?.[0]) return <div className="h-60">{asked.slow && <Bar className="h-full w-full" />}</div>;
  const called = plain(name);
  const first = configs.find(({ id, title }) => [id, title].some((label) => plain(label) === called)) ?? configs[0];
  return (
    <Tabs.Root defaultValue={first.id} className="min-h-60">
      <Tabs.List aria-label="Agent program" className="flex flex-wrap gap-1">
        {configs.map((config) => (
          <Tabs.Trigger
            key={config.id}
            value={config.id}
            className="ring-inside h-10 whitespace-nowrap rounded-control px-2.5 text-13 text-quiet transition-colors hover:bg-hover hover:text-ink data-[state=active]:bg-press data-[state=active]:font-medium data-[state=active]:text-ink sm:h-7"
          >
            {config.title}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {configs.map((config) => (
        <Tabs.Content key={config.id} value={config.id} className="pt-3">
          <p className="break-words pb-2 text-13 text-quiet">
            {config.file ? (
              <>
                Put this in <code className="break-all font-mono text-ink">{config.file}</code>
              </>
            ) : (
              'Run this in a terminal'
            )}
          </p>
          <CopyBlock value={config.text} wrap={config.language === 'shell'} what={`configuration for ${config.title}`} />
          {config.note && <p className="pt-2 text-pretty text-13 text-quiet">{config.note}</p>}
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}
