import { KeyRound } from 'lucide-react';
import type { ConsentRequest } from '../../src/contract/consent.ts';
import { Button } from '../parts/button.tsx';
import { Monogram } from '../parts/monogram.tsx';
import { Ago } from '../parts/time.tsx';
import { say } from '../parts/toast.tsx';
import { go, href } from '../router.ts';
import { useCall } from '../store.ts';
import { plural } from '../words.ts';

/** Agents that wait in the browser for the person's word. */
export function Consents({ requests }: { requests: ConsentRequest[] }) {
  const title = requests.length === 1 ? 'An agent wants to sign in' : `${plural(requests.length, 'agent')} want to sign in`;
  return (
    <section aria-label={title} className="overflow-hidden rounded-card border border-info-line">
      <div className="flex items-start gap-3 bg-info-soft p-4">
        <span className="pt-0.5 text-info">
          <KeyRound aria-hidden />
        </span>
        <div className="min-w-0 text-13">
          <h2 className="font-medium text-14">{title}</h2>
          <p className="max-w-160 text-pretty">
            Allow only what you have just started yourself, and compare the code with the one that it shows.
          </p>
        </div>
      </div>
      <ul>
        {requests.map((request) => (
          <Row key={request.id} request={request} alone={requests.length === 1} />
        ))}
      </ul>
    </section>
  );
}

function Row({ request, alone }: { request: ConsentRequest; alone: boolean }) {
  const deny = useDeny();
  const { id, client, at, redirect } = request;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 border-line border-t py-2 pr-3 pl-4">
      <span className="flex min-w-0 flex-1 basis-56 items-center gap-3">
        <Monogram name={client.name} />
        <span className="min-w-0">
          <span className="block truncate font-medium text-13" title={client.name}>
            {client.name}
          </span>
          <span className="block truncate text-12 text-quiet">
            {client.host ?? (redirect.reach === 'pipe' ? 'Started a bridge' : 'Registered itself')} · <Ago at={at} />
          </span>
        </span>
      </span>
      <code className="font-medium font-mono text-16">{id}</code>
      <span className="ml-auto flex gap-2">
        <Button look="bare" onClick={() => void deny(request)} aria-label={`Deny ${client.name}, ${id}`}>
          Deny
        </Button>
        <Button
          look={alone ? 'primary' : 'plain'}
          onClick={() => go(href({ page: 'agents', add: false, request: id }))}
          aria-label={`Review ${client.name}, ${id}`}
        >
          Review…
        </Button>
      </span>
    </li>
  );
}

export function useDeny() {
  const call = useCall();
  return async ({ id, client }: ConsentRequest): Promise<void> => {
    const reply = await call('consent-deny', { id });
    if (reply.ok) say({ tone: 'good', title: `${client.name} is denied`, text: 'It is told so.' });
    else say({ tone: 'bad', title: 'It could not be denied', text: [reply.error.message, reply.error.fix].filter(Boolean).join(' ') });
  };
}
