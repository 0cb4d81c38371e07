import { Eye, Globe, Pencil, Trash2 } from 'lucide-react';
import type { ToolRow } from '../../src/contract/servers.ts';

/** What the company has blessed the tool as: reading, changing, removing, reaching out. `short` keeps the icons and hides the words. */
export function Hints({ tool, short = false }: { tool: ToolRow; short?: boolean }) {
  const hints = [
    tool.readOnly
      ? { icon: Eye, word: 'Only reads' }
      : tool.destructive
        ? { icon: Trash2, word: 'Can remove or overwrite' }
        : { icon: Pencil, word: 'Changes things' },
    ...(tool.openWorld ? [{ icon: Globe, word: 'Reaches outside' }] : []),
  ];
  return (
    <span className={`inline-flex shrink-0 items-center text-faint ${short ? 'gap-1' : 'flex-wrap gap-x-4 gap-y-1 text-13 text-quiet'}`}>
      {hints.map(({ icon: Icon, word }) =>
        short ? (
          <span key={word} title={word}>
            <Icon role="img" aria-label={word} className="size-3.5" />
          </span>
        ) : (
          <span key={word} className="inline-flex items-center gap-1.5">
            <Icon aria-hidden /> {word}
          </span>
        ),
      )}
    </span>
  );
}
