import { CircleCheck, KeyRound, RotateCw, TriangleAlert, Undo2 } from 'lucide-react';
import { useState } from 'react';
import type { Outputs } from '../../src/contract/contract.ts';
import type { ShadowServer } from '../../src/contract/shadow.ts';
import { useAsk } from '../ask.ts';
import { Button } from '../parts/button.tsx';
import { Section } from '../parts/page.tsx';
import { SkeletonRows, Trouble } from '../parts/state.tsx';
import { say } from '../parts/toast.tsx';
import { href } from '../router.ts';
import { useCall, useView } from '../store.ts';
import { plural } from '../words.ts';
import { AskDialog } from './ask-dialog.tsx';
import { AgentLine, Place } from './line.tsx';
import { MoveDialog } from './move-dialog.tsx';

/** The servers that stand in agents' own configuration, which nobody decides on and nobody records. */
export function Beside({ held }: { held: boolean }) {
  const call = useCall();
  const [moving, setMoving] = useState<ShadowServer>();
  const [asking, setAsking] = useState<ShadowServer>();
  const connected = useView((view) => view.agents.flatMap(({ config }) => (config?.state === 'connected' ? [config.id] : [])).join(' '));
  const known = useView((view) => `${view.bundle?.version} ${view.agents.map(({ config }) => config?.state).join()}`);
  const asked = useAsk('agents-scan', {}, known);
  if (asked.error) return <Trouble error={asked.error} title="Servers beside the gate could not be looked for" again={asked.again} />;
  const { servers, unread, compared, moved } = asked.value ?? {};
  // A name that is masked says not which one is meant, and what is for one folder is the person's to edit.
  const isNamed = ({ name, project }: ShadowServer) => project === undefined && name !== '••••';
  const canMove = (server: ShadowServer) =>
    !held && server.equivalent !== undefined && isNamed(server) && connected.split(' ').includes(server.id);
  const canAsk = (server: ShadowServer) => compared === true && server.equivalent === undefined && isNamed(server);
  const putBack = async ({ move, name }: Moved) => {
    const reply = await call('shadow-put-back', { move });
    asked.again();
    if (reply.ok) say({ tone: 'good', title: `${name} is beside the gate again`, text: restored[reply.value.restored] });
    else say({ tone: 'bad', title: 'It could not be put back', text: [reply.error.message, reply.error.fix].filter(Boolean).join(' ') });
  };
  const again = (
    <Button look="bare" onClick={asked.again}>
      <RotateCw aria-hidden /> Scan again
    </Button>
  );
  return (
    <Section title="Beside the gate" side={servers && again}>
      {servers ? (
        <p className="max-w-160 text-pretty pb-2 text-13 text-quiet">
          {servers.length === 0
            ? 'No server was found in the agents’ own configuration. Files of projects are not looked at.'
            : `${plural(servers.length, 'server stands', 'servers stand')} in the agents’ own configuration. No rule holds for what they do, and nothing of it is recorded.${compared ? '' : ' Which of them your company has blessed is not known, as its rules are not here.'}`}
        </p>
      ) : (
        asked.slow && <SkeletonRows rows={2} height={52} />
      )}
      {servers && servers.length > 0 && (
        <ul className="-mx-2" aria-label="Servers beside the gate">
          {servers.map((server) => (
            <Row
              key={[server.id, server.file, server.project, server.name, server.target].join('\n')}
              server={server}
              {...(canMove(server) ? { onMove: () => setMoving(server) } : {})}
              {...(canAsk(server) ? { onAsk: () => setAsking(server) } : {})}
            />
          ))}
        </ul>
      )}
      {unread?.map(({ title, file, why }) => (
        <p key={`${title} ${file}`} className="flex max-w-160 items-start gap-2 pt-3 text-13 text-quiet">
          <TriangleAlert aria-hidden className="mt-0.5 size-3.5 flex-none text-ask" />
          <span className="min-w-0 break-words">
            {title}: {why} What stands in it is not known.
          </span>
        </p>
      ))}
      {moved && moved.length > 0 && (
        <ul className="-mx-2" aria-label="Moved behind the gate">
          {moved.map((each) => (
            <li key={each.move} className="flex min-h-12 items-center gap-3 border-line border-b px-2 py-2">
              <p className="min-w-0 flex-1 break-words text-13 text-quiet">
                <span className="text-ink">{each.name}</span> was moved behind the gate, out of{' '}
                <span className="break-all font-mono text-12">{each.file}</span>
              </p>
              <Button look="bare" onClick={() => void putBack(each)} aria-label={`Put back ${each.name}`}>
                <Undo2 aria-hidden /> Put back
              </Button>
            </li>
          ))}
        </ul>
      )}
      <AskDialog server={asking} onClose={() => setAsking(undefined)} />
      <MoveDialog
        server={moving}
        onClose={() => {
          setMoving(undefined);
          asked.again();
        }}
      />
    </Section>
  );
}

type Moved = Outputs['agents-scan']['moved'][number];
const restored = {
  whole: 'The configuration is as it was before.',
  entry: 'Its entry is in the configuration again; what changed since stays.',
} as const;

function Row({ server, onMove, onAsk }: { server: ShadowServer; onMove?: () => void; onAsk?: () => void }) {
  const { title, name, target, secrets, off, equivalent, project, file } = server;
  const heading = (
    <>
      <span className="min-w-0 break-words font-medium">{name}</span>
      <span className="min-w-0 break-words text-13 text-quiet" title={file}>
        in {title}
        {project !== undefined && `, for ${project}`}
        {off && ', switched off'}
      </span>
      {equivalent && (
        <a
          href={href({ page: 'server', server: equivalent.id, tab: 'tools' })}
          className="inline-flex min-w-0 items-center gap-1.5 break-words text-13 text-allow underline-offset-2 hover:underline"
        >
          <CircleCheck aria-hidden className="size-3.5 flex-none" /> Blessed as {equivalent.title}
        </a>
      )}
    </>
  );
  const actions = onMove ? (
    <Button onClick={onMove} aria-label={`Move ${name} of ${title} behind the gate`}>
      Move…
    </Button>
  ) : (
    onAsk && (
      <Button look="bare" onClick={onAsk} aria-label={`Ask to bless ${name} of ${title}`}>
        Ask to bless…
      </Button>
    )
  );
  return (
    <AgentLine title={title} heading={heading} actions={actions}>
      <Place text={target} />
      {secrets.length > 0 && (
        <p className="flex items-start gap-1.5 text-13 text-ask">
          <KeyRound aria-hidden className="mt-0.5 size-3.5 flex-none" />
          <span className="min-w-0 break-words">In plain text: {secrets.map(secretAt).join(', ')}</span>
        </p>
      )}
    </AgentLine>
  );
}

const places = { env: 'variable', header: 'header', argument: 'argument', url: 'in its address:' } as const;
const secretAt = ({ where, name }: ShadowServer['secrets'][number]): string => `${places[where]} ${name}`;
