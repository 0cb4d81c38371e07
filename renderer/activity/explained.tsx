import type { Activity } from '../../src/contract/activity.ts';
import { isOwnRule, ownRules } from '../../src/contract/rule-ids.ts';
import { useAsk } from '../ask.ts';
import { buttonClass } from '../parts/button.tsx';
import { href } from '../router.ts';
import { RequestAccess } from '../servers/request-access.tsx';
import { useView } from '../store.ts';
import { failure, tried } from '../words.ts';

const ground = { allow: 'border-line bg-well', ask: 'border-ask-line bg-ask-soft', deny: 'border-deny-line bg-deny-soft' };

/** A decision in sentences: what was tried, what the policy says of it, by which rule and why, and what to do. */
export function Explained({ record, serverTitle }: { record: Activity; serverTitle: string }) {
  const attempt = (
    <>
      <span className="font-medium">{record.agent}</span> tried to {tried(record.method)}{' '}
      <code className="break-all font-mono">{record.target}</code>
      {record.server !== '' && (
        <>
          {' '}
          on <span className="font-medium">{serverTitle}</span>
        </>
      )}
      .
    </>
  );
  const verdict = {
    allow: 'Your company’s policy allows it.',
    ask: 'Your company’s policy wants someone to approve it first.',
    deny: refusal(record.rule),
  }[record.decision];
  return (
    <div className={`rounded-card border p-4 text-13 ${ground[record.decision]}`}>
      <p className="break-words">
        {attempt} {verdict}
      </p>
      <dl className="grid grid-cols-[64px_minmax(0,1fr)] gap-y-1 pt-3">
        <dt className="text-quiet">Rule</dt>
        <dd className="break-all font-mono">{record.rule}</dd>
        <dt className="text-quiet">Reason</dt>
        <dd className="break-words">{record.reason || 'None was given.'}</dd>
        {record.error && record.decision === 'allow' && (
          <>
            <dt className="text-quiet">Error</dt>
            <dd className="break-words">{failure(record.error)}</dd>
          </>
        )}
      </dl>
      {record.decision === 'deny' && record.rule === ownRules.noPermit && record.method === 'tools/call' && (
        <Condition server={record.server} tool={record.target} />
      )}
      {record.decision === 'deny' && (
        <div className="pt-4">
          <WhatToDo record={record} />
        </div>
      )}
    </div>
  );
}

/** No rule allowed this call. Where a rule allows the tool with other arguments, says which one and why. */
function Condition({ server, tool }: { server: string; tool: string }) {
  const version = useView((view) => view.bundle.version);
  const { value } = useAsk('tool-explain', { server, tool }, version);
  if (value === undefined || value.effect === 'deny') return null;
  return (
    <p className="break-words pt-3">
      With other arguments <code className="font-mono">{value.rule}</code> allows it: {value.reason}{' '}
      <a href={href({ page: 'server', server, tab: 'tools', tool })} className="underline underline-offset-2">
        See the tool
      </a>
    </p>
  );
}

function refusal(rule: string): string {
  if (rule === ownRules.noPermit) return 'No rule of your company’s policy allows it.';
  if (isOwnRule(rule)) return 'Gatehouse did not let it through.';
  return 'Your company’s policy does not allow it.';
}

/** Asking for access helps only where the company's rules refused; other refusals have other remedies. */
function WhatToDo({ record }: { record: Activity }) {
  const bundle = useView((view) => view.bundle.state);
  const support = useView((view) => view.company.supportUrl);
  const say = (text: string) => <p className="text-quiet">{text}</p>;
  const request = record.server !== '' && (
    <RequestAccess server={record.server} {...(record.method === 'tools/call' ? { tool: record.target } : {})} />
  );
  if (!isOwnRule(record.rule)) return request;
  switch (record.rule) {
    case ownRules.noPermit:
      return request;
    case ownRules.staleBundle:
    case ownRules.expiredBundle:
      return say(
        bundle === 'fresh'
          ? 'Your policy was out of date then. It is up to date now: try again.'
          : 'Your policy is out of date. Connect to your company’s network, refresh it, and try again.',
      );
    case ownRules.signedOut:
      return say('You were signed out then. You are signed in now: try again.');
    case ownRules.noRules:
      return say('Your company’s policy was not here then. Try again.');
    case ownRules.invalidArguments:
      return say('The agent can correct the arguments and try again.');
    case ownRules.unread:
      return say('The agent left too much unread, so its connection was cut. Start the agent again, or ask its maker.');
    case ownRules.agentLimit:
      return (
        <div className="flex flex-col items-start gap-3">
          {say('You let this agent reach other servers only.')}
          <a href="#/agents" className={buttonClass('plain')}>
            See the agents
          </a>
        </div>
      );
    case ownRules.limit:
      return say('A limit on how often was reached. Wait a little, then try again.');
    case ownRules.ledgerFailed:
      return say(
        'Gatehouse could not write its record of calls then, and nothing may pass unrecorded. The settings say whether it still cannot.',
      );
    case ownRules.argumentsTooLarge:
      return say('The arguments were too large to be decided on. Ask the agent for a smaller call.');
    case ownRules.unknown:
      return (
        <div className="flex flex-col items-start gap-3">
          {say('There is no such name among what you may use. See what there is.')}
          <a
            href={record.server === '' ? '#/servers' : href({ page: 'server', server: record.server, tab: 'tools' })}
            className={buttonClass('plain')}
          >
            {record.server === '' ? 'See the servers' : 'See the server'}
          </a>
        </div>
      );
    case ownRules.secretMissing:
      return (
        <div className="flex flex-col items-start gap-3">
          {say('The server needs something that only you can enter. Once it is there, the agent can try again.')}
          <a href={href({ page: 'server', server: record.server, tab: 'tools' })} className={buttonClass('plain')}>
            See the server
          </a>
        </div>
      );
    case ownRules.secretUnavailable:
      return say('The vault of this computer could not be opened then. Unlock it, or start Gatehouse as before, and try again.');
    case ownRules.policyError:
      return say(
        `A rule could not be evaluated, so the call was refused. Tell whoever looks after the policy${support ? `: ${support}` : ''}.`,
      );
    case ownRules.cancel:
    case ownRules.ledgerNote:
      return null;
    default:
      return record.rule satisfies never;
  }
}
