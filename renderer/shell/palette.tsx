import { Command, defaultFilter } from 'cmdk';
import { Copy, LogOut, Plus } from 'lucide-react';
import { Dialog } from 'radix-ui';
import { type ReactNode, type RefObject, useDeferredValue, useEffect, useRef, useState } from 'react';
import type { ToolHit } from '../../src/contract/servers.ts';
import { useAsk } from '../ask.ts';
import { copy } from '../parts/copy.tsx';
import { DecisionIcon, verdictOf } from '../parts/decision.tsx';
import { Monogram } from '../parts/monogram.tsx';
import { say } from '../parts/toast.tsx';
import { go, href } from '../router.ts';
import { useCall, useView } from '../store.ts';
import { places } from './pages.ts';
import { signOut } from './sign-out.tsx';

/** Ctrl/Cmd-K from anywhere: to a page, a server, a tool, or one of the few things one does often. */
export function Palette({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey) || event.altKey || event.shiftKey) return;
      event.preventDefault();
      onOpenChange(true);
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, [onOpenChange]);

  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <div className="fixed inset-0 z-40 animate-fade bg-veil" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed inset-x-2 top-[12vh] z-40 mx-auto max-w-144 animate-enter overflow-hidden rounded-card bg-card shadow-float outline-none"
        >
          <Dialog.Title className="sr-only">Search and commands</Dialog.Title>
          <Items close={() => onOpenChange(false)} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Items({ close }: { close: () => void }) {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState('');
  // Whether the person moved to a row since typing: later results must not move the selection.
  const moved = useRef(false);
  const wanted = useDeferredValue(text.trim());
  const servers = useView((view) => view.servers);
  const url = useView((view) => view.gateway.url);
  const call = useCall();
  const run = (action: () => void) => () => {
    close();
    action();
  };

  return (
    <Command
      label="Search and commands"
      loop
      value={chosen}
      onValueChange={setChosen}
      filter={score}
      onKeyDown={({ key, ctrlKey }) => {
        if (ctrlKey || /^(Arrow|Home|End)/.test(key)) moved.current = true;
      }}
    >
      <Command.Input
        value={text}
        onValueChange={(typed) => {
          moved.current = false;
          setText(typed);
        }}
        placeholder="Go to a page, server or tool"
        className="h-12 w-full border-line border-b bg-transparent px-4 text-14 outline-none"
      />
      <Command.List
        onPointerMove={() => {
          moved.current = true;
        }}
        className="max-h-[min(400px,60vh)] overflow-y-auto p-2"
      >
        <Command.Empty className="px-2 py-8 text-center text-13 text-quiet">Nothing fits these words.</Command.Empty>
        <Group heading="Go to">
          {places.map(({ text: name, href: to, icon: Icon }) => (
            <Item key={to} value={`page ${name}`} onSelect={run(() => go(to))} icon={<Icon aria-hidden />} text={name} />
          ))}
        </Group>
        <Group heading="Do">
          <Item
            value="Add agent"
            onSelect={run(() => go(href({ page: 'agents', add: true })))}
            icon={<Plus aria-hidden />}
            text="Add agent"
          />
          {url && (
            <Item
              value="Copy gateway address"
              onSelect={run(() => void copy(url).then((done) => done && say({ tone: 'good', title: 'Gateway address copied', text: url })))}
              icon={<Copy aria-hidden />}
              text="Copy gateway address"
              note={url}
            />
          )}
          <Item value="Sign out" onSelect={run(() => void signOut(call))} icon={<LogOut aria-hidden />} text="Sign out" />
        </Group>
        {servers.length > 0 && (
          <Group heading="Servers">
            {servers.map((server) => (
              <Item
                key={server.id}
                value={`server ${server.title} ${server.id}`}
                onSelect={run(() => go(href({ page: 'server', server: server.id, tab: 'tools' })))}
                icon={<Monogram name={server.title} />}
                text={server.title}
                note={`${server.toolsAllowed} of ${server.toolsTotal} tools`}
              />
            ))}
          </Group>
        )}
        {wanted !== '' && <Tools text={wanted.slice(0, 200)} run={run} moved={moved} onChosen={setChosen} />}
      </Command.List>
    </Command>
  );
}

const mostTools = 20;

/**
 * Tools were found and ranked by the core: their place is their score. All else must have the words that were typed: cmdk by itself also takes
 * scattered letters, and "assign" would first offer the Settings.
 */
function score(value: string, text: string): number {
  const place = /^tool (\d+) /.exec(value)?.[1];
  if (place !== undefined) return 1 - Number(place) / 100;
  const words = text.toLowerCase().split(/\s+/);
  return words.every((word) => value.toLowerCase().includes(word)) ? defaultFilter(value, text) : 0;
}

/** A title that is the name again, in other spelling, says nothing new. */
function aboutOf({ name, title, description }: ToolHit): string | undefined {
  const letters = (text: string) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  return title !== undefined && letters(title) !== letters(name) ? title : (description ?? title);
}

/** Tools come from the core as one types: there may be thousands. */
function Tools({
  text,
  run,
  moved,
  onChosen,
}: {
  text: string;
  run: (action: () => void) => () => void;
  moved: RefObject<boolean>;
  onChosen: (value: string) => void;
}) {
  const hits = useAsk('tools-search', { text, limit: mostTools }).value?.tools;
  const [tools, setTools] = useState<ToolHit[]>([]);
  // The last ones stay until the next are there, so that Enter always has something under it.
  useEffect(() => {
    if (hits) setTools(hits);
  }, [hits]);
  // cmdk does not select rows that arrive late.
  // biome-ignore lint/correctness/useExhaustiveDependencies: new rows are what asks
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      if (moved.current && document.querySelector('[cmdk-item][aria-selected="true"]')) return;
      onChosen(document.querySelector('[cmdk-item]')?.getAttribute('data-value') ?? '');
    });
    return () => cancelAnimationFrame(frame);
  }, [tools, text]);
  if (tools.length === 0) return null;
  return (
    <Group heading="Tools">
      {tools.map((tool, place) => (
        <Item
          key={`${tool.server}/${tool.name}`}
          value={`tool ${place} ${tool.server} ${tool.name}`}
          onSelect={run(() => go(href({ page: 'server', server: tool.server, tab: 'tools', tool: tool.name })))}
          icon={<DecisionIcon verdict={verdictOf({ access: tool, conditional: tool.conditional })} title />}
          text={tool.name}
          mono
          about={aboutOf(tool)}
          note={tool.server}
        />
      ))}
    </Group>
  );
}

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-2 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:text-12 [&_[cmdk-group-heading]]:text-quiet"
    >
      {children}
    </Command.Group>
  );
}

function Item({
  value,
  onSelect,
  icon,
  text,
  about,
  note,
  mono = false,
}: {
  value: string;
  onSelect: () => void;
  icon: ReactNode;
  text: string;
  /** In words, where there is room. */
  about?: string | undefined;
  note?: string;
  mono?: boolean;
}) {
  return (
    <Command.Item
      value={value}
      onSelect={onSelect}
      className="flex h-9 cursor-default items-center gap-3 rounded-control px-2 text-13 aria-selected:bg-accent-soft"
    >
      <span className="grid size-6 shrink-0 place-items-center text-quiet">{icon}</span>
      <span className={`min-w-0 truncate ${mono ? 'font-mono' : ''}`}>{text}</span>
      {about && <span className="hidden min-w-0 flex-1 truncate text-12 text-quiet sm:block">{about}</span>}
      {note && <span className="ml-auto min-w-0 max-w-1/2 truncate pl-4 text-12 text-quiet">{note}</span>}
    </Command.Item>
  );
}
