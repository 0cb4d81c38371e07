import { FileText } from 'lucide-react';
import type { ResourceRow } from '../../src/contract/servers.ts';
import { DecisionIcon } from '../parts/decision.tsx';
import { useScroller } from '../parts/page.tsx';
import { Rows, rowClass } from '../parts/rows.tsx';
import { Empty } from '../parts/state.tsx';
import { Access } from './prompts.tsx';

export function ResourceList({ resources }: { resources: ResourceRow[] }) {
  const scroller = useScroller();
  if (resources.length === 0) {
    return (
      <Empty icon={FileText} title="No resources">
        Resources are documents and data that agents may read. This server has none for you.
      </Empty>
    );
  }
  return (
    <Rows items={resources} keyOf={(resource) => resource.uri} height={52} label="Resources" scroller={scroller}>
      {(resource) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys walk these rows as they walk the others
        <div data-row tabIndex={0} className={`${rowClass} flex items-center gap-3`}>
          <DecisionIcon verdict={resource.access.effect} />
          <span className="min-w-0 flex-1">
            <code className="block truncate font-mono text-13" title={resource.uri}>
              {resource.uri}
            </code>
            <span className="block truncate text-12 text-quiet leading-5" title={resource.description}>
              {[resource.template ? 'Template' : undefined, resource.name, resource.mimeType, resource.description]
                .filter(Boolean)
                .join(' · ')}
            </span>
          </span>
          <Access access={resource.access} />
        </div>
      )}
    </Rows>
  );
}
