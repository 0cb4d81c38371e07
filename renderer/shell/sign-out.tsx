import type { Gatehouse } from '../../src/contract/contract.ts';
import { buttonClass } from '../parts/button.tsx';
import { say } from '../parts/toast.tsx';
import { go } from '../router.ts';

/** Signs out here; where the company's sign-in page keeps a session of its own, says how to end that too. */
export async function signOut(call: Gatehouse['call']): Promise<void> {
  const reply = await call('sign-out', {});
  if (!reply.ok)
    return say({ tone: 'bad', title: 'Could not sign out', text: [reply.error.message, reply.error.fix].filter(Boolean).join(' ') });
  // The next person begins on the first page, not on one of the person before.
  go('#/', 'replace');
  const { logoutUrl } = reply.value;
  say({
    tone: 'good',
    title: 'Signed out',
    text: 'Agents can no longer call anything.',
    action: logoutUrl && (
      <a href={logoutUrl} target="_blank" rel="noreferrer" className={buttonClass('plain')}>
        Also end the browser session
      </a>
    ),
  });
}
