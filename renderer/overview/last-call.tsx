import { ArrowRight, Plus } from 'lucide-react';
import type { ReactNode } from 'react';
import type { View } from '../../src/contract/view.ts';
import { buttonClass } from '../parts/button.tsx';
import { DecisionChip } from '../parts/decision.tsx';
import { Monogram } from '../parts/monogram.tsx';
import { Ago } from '../parts/time.tsx';
import { href } from '../router.ts';
import { useServerTitle } from '../servers/title.ts';
import { useView } from '../store.ts';
import { duration } from '../words.ts';
import { Gate } from './gate.tsx';
import './path.css';

type Call = NonNullable<View['lastCall']>;

/** The path of the last call as one line: agent, gate, server, with the decision at the gate and the time on each leg. */
export function LastCall() {
  const call = useView((view) => view.lastCall);
  const agents = useView((view) => view.agents);
  if (!call) return <NoCall connected={agents.some((agent) => !agent.revokedAt)} />;
  return <Path call={call} />;
}

function Path({ call }: { call: Call }) {
  const server = useServerTitle(call.server);
  const agent = useView((view) => view.agents).find((row) => row.name === call.agent);
  const failed = call.decision === 'allow' && call.outcome === 'error';
  const passed = call.decision === 'allow';
  const far = passed ? duration(call.upstreamMs) : call.decision === 'ask' ? 'waits' : 'not sent';
  return (
    <section aria-label="Last call" className="path" data-decision={call.decision} data-failed={failed}>
      <div className="flex h-8 items-center justify-between gap-3 text-13">
        <h2 className="font-medium text-quiet">
          Last call, <Ago at={call.at} />
        </h2>
        <a
          href={href({ page: 'activity', query: {}, seq: call.seq })}
          className="inline-flex items-center gap-1 rounded-control text-quiet hover:text-ink"
        >
          Details <ArrowRight aria-hidden />
        </a>
      </div>
      <div className="path-line" key={call.seq}>
        <End
          side="agent"
          name={call.agent}
          title={call.agent}
          note={agent?.client ? `${agent.client.name} ${agent.client.version}` : 'Agent'}
        />
        <Leg side="near" time={duration(Math.max(0, call.totalMs - call.upstreamMs))} note="in the gate" />
        <div className="path-gate">
          <Gate decision={call.decision} />
          <DecisionChip verdict={call.decision} />
        </div>
        <Leg side="far" time={far} note={failed ? 'then failed' : passed ? 'at the server' : ''} />
        <End side="server" name={server} title={server} note={call.target} mono />
      </div>
      <p className="line-clamp-2 text-center text-13 text-quiet" title={call.reason}>
        <code className="font-mono">{call.rule}</code> {call.reason}
      </p>
    </section>
  );
}

function End({
  side,
  name,
  title,
  note,
  mono = false,
}: {
  side: 'agent' | 'server';
  name: string;
  title: string;
  note: string;
  mono?: boolean;
}) {
  return (
    <div className="path-end" data-side={side}>
      <Monogram name={name} size={40} />
      <div className="path-words">
        <span className="block truncate font-medium text-14" title={title}>
          {title}
        </span>
        <span className={`block truncate text-quiet ${mono ? 'font-mono text-12 leading-5' : 'text-13'}`} title={note}>
          {note}
        </span>
      </div>
    </div>
  );
}

function Leg({ side, time, note }: { side: 'near' | 'far'; time: string; note: string }) {
  return (
    <div className="path-leg" data-side={side}>
      <span className="path-time">
        <span className="font-medium text-13">{time}</span> {note && <span className="text-12 text-quiet">{note}</span>}
      </span>
      <span aria-hidden className="path-track">
        <span className="path-fill" />
      </span>
    </div>
  );
}

function NoCall({ connected }: { connected: boolean }) {
  const action: ReactNode = connected ? undefined : (
    <a href="#/agents/add" className={buttonClass('primary')}>
      <Plus aria-hidden /> Add agent
    </a>
  );
  return (
    <section aria-label="Last call" className="path" data-decision="none">
      <div aria-hidden className="path-line path-ghost">
        <span className="path-hole" />
        <span className="path-track" />
        <Gate decision="none" />
        <span className="path-track" />
        <span className="path-hole" />
      </div>
      <h2 className="text-center font-medium text-14">{connected ? 'Waiting for the first call' : 'Connect your first agent'}</h2>
      <p className="mx-auto max-w-112 text-pretty pt-1 text-center text-13 text-quiet">
        {connected
          ? 'When an agent uses a tool, its way through the gate appears here.'
          : 'Claude Code, Cursor, VS Code and others reach all your company’s servers through one address. Each call then shows its way through the gate here.'}
      </p>
      {action && <div className="flex justify-center pt-4">{action}</div>}
    </section>
  );
}
