import type { ToolRow } from '../../src/contract/servers.ts';
import { CopyLine } from '../parts/copy.tsx';
import { verdictOf } from '../parts/decision.tsx';
import { Schema } from '../parts/schema.tsx';
import { sentence } from '../words.ts';
import { Hints } from './hints.tsx';
import { RequestAccess } from './request-access.tsx';
import { TryArguments } from './try.tsx';
import { Why } from './why.tsx';

/** One tool: may it be used and why, what it does, what it takes. */
export function ToolDetail({ tool }: { tool: ToolRow }) {
  const verdict = verdictOf(tool);
  return (
    <article className="flex flex-col gap-6">
      <header className="lg:pr-10">
        <h1 className="break-all font-medium font-mono text-16">{tool.name}</h1>
        {tool.title && <p className="text-13 text-quiet">{tool.title}</p>}
      </header>
      <div className="flex flex-col gap-3">
        <Why verdict={verdict} access={tool.access} />
        {(verdict === 'deny' || verdict === 'may') && (
          <RequestAccess key={tool.name} server={tool.server} tool={tool.name} needed={verdict === 'deny'} />
        )}
      </div>
      {tool.description && <p className="whitespace-pre-wrap break-words text-14">{tool.description}</p>}
      <div className="flex flex-col gap-2">
        <Hints tool={tool} />
        {tool.tags.length > 0 && <p className="text-13 text-quiet">{tool.tags.map(sentence).join(', ')}</p>}
      </div>
      <Schema schema={tool.inputSchema} />
      {tool.unchecked !== undefined && (
        <p className="text-13 text-quiet">
          {tool.unchecked} Rules about its arguments refuse a call unless each has the type that the rule asks for.
        </p>
      )}
      {verdict === 'may' && <TryArguments key={tool.name} tool={tool} />}
      <div>
        <h2 className="pb-2 font-medium text-13 text-quiet">Name for agents</h2>
        <CopyLine value={tool.exposedName} what="name" />
      </div>
    </article>
  );
}
