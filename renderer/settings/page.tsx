import { useState } from 'react';
import type { View } from '../../src/contract/view.ts';
import { Button } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Facts, Page, Section } from '../parts/page.tsx';
import { Trouble } from '../parts/state.tsx';
import { Ago, useNow } from '../parts/time.tsx';
import { signOut } from '../shell/sign-out.tsx';
import { freshness } from '../shell/standing.ts';
import { useCall, useView } from '../store.ts';
import { count } from '../words.ts';

const vaults: Record<View['app']['vault'], string> = {
  keychain: 'In the system’s keychain',
  'key-from-environment': 'In a file, encrypted with a key from the environment',
  memory: 'In memory only: you sign in again after each restart',
};

/** What this installation is, for the person and for whoever helps them. */
export function SettingsPage() {
  const view = useView((whole) => whole);
  const call = useCall();
  const now = useNow();
  const [leaving, setLeaving] = useState(false);
  const { app, identity, company, bundle, gateway, ledger } = view;
  const person = identity.person;
  const about = [
    `Gatehouse ${app.version} (${app.shell})`,
    `Policy: ${freshness(bundle, now)}, ${bundle.state}`,
    `Company: ${company.central ?? 'not set'}, ${company.state}`,
    `Gateway: ${gateway.url ?? 'none'}, ${gateway.state}${gateway.error ? `. ${gateway.error.message}` : ''}`,
    `Secrets: ${app.vault}`,
    `Ledger: ${ledger.records} records, ${ledger.uploaded} uploaded`,
  ].join('\n');
  return (
    <Page title="Settings">
      <div className="flex max-w-160 flex-col gap-8">
        <Section title="You" side={<Button onClick={() => setLeaving(true)}>Sign out</Button>}>
          <Box>
            <Facts
              rows={[
                ['Name', person?.name ?? person?.sub ?? 'Not known'],
                ['Address', person?.email ?? 'Not known'],
                ...(person && person.groups.length > 0 ? [['Groups', person.groups.join(', ')] as [string, string]] : []),
              ]}
            />
          </Box>
        </Section>
        <Section title="Company">
          <Box>
            <Facts
              rows={[
                ['Name', company.name ?? 'Not known'],
                ['Address', <Mono key="central" text={company.central ?? 'Not set'} />],
                ['Contact', company.lastContactAt ? <Ago key="contact" at={company.lastContactAt} /> : 'Not yet'],
                ['Policy', freshness(bundle, now)],
                ...(company.supportUrl
                  ? [
                      [
                        'Help',
                        <a
                          key="help"
                          href={company.supportUrl}
                          target="_blank"
                          rel="noreferrer"
                          className="break-all text-accent-ink underline underline-offset-2"
                        >
                          {company.supportUrl}
                        </a>,
                      ] as [string, React.ReactNode],
                    ]
                  : []),
              ]}
            />
          </Box>
        </Section>
        <Section title="This computer" side={<CopyButton value={about} what="details for support" />}>
          {ledger.error && (
            <div className="pb-3">
              <Trouble error={ledger.error} title="The ledger has a problem" />
            </div>
          )}
          <Box>
            <Facts
              rows={[
                ['Version', `${app.version}, ${app.shell === 'electron' ? 'desktop' : 'in the browser'}`],
                ['Gateway', <Mono key="gateway" text={gateway.url ?? gateway.error?.message ?? 'Off'} />],
                ['Data', <Mono key="data" text={app.dataDir} />],
                ['Secrets', vaults[app.vault]],
                ['Ledger', `${count(ledger.records)} records, ${count(ledger.uploaded)} sent to your company`],
              ]}
            />
          </Box>
        </Section>
      </div>
      <Confirm
        open={leaving}
        onOpenChange={setLeaving}
        title="Sign out?"
        text="Agents can no longer call anything until you sign in again. Their tokens stay valid."
        verb="Sign out"
        onConfirm={() => signOut(call)}
      />
    </Page>
  );
}

const Box = ({ children }: { children: React.ReactNode }) => <div className="rounded-card border border-line bg-card p-4">{children}</div>;
const Mono = ({ text }: { text: string }) => <code className="break-all font-mono">{text}</code>;
