import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { type CentralOptions, openCentral } from '../../src/central/api/server.ts';
import { policyTools } from '../../src/cli/policy-tools.ts';
import { hashRecord, type LedgerRecord } from '../../src/ledger/record.ts';
import { temporaryDir, writeCompany } from './company-folder.ts';
import { openIssuer } from './issuer.ts';

/** The central API of Acme on real sockets, with a real issuer; everything ends with the test. */
export async function openAcme(t: TestContext, options: Partial<Pick<CentralOptions, 'log' | 'unread'>> = {}) {
  const dir = temporaryDir();
  const issuer = await openIssuer();
  const folder = join(dir.path, 'company');
  const { write } = writeCompany(folder);
  let clock = 0;
  const open = () =>
    openCentral({
      folder,
      dataDir: join(dir.path, 'data'),
      port: 0,
      // The same address over restarts, so that the content is the same.
      variables: { issuer: issuer.url, central: 'http://127.0.0.1:9' },
      log: silent,
      now: () => Date.now() + clock,
      ...options,
      deps: { policy: policyTools, hashRecord: (record) => hashRecord(record as unknown as LedgerRecord) },
    });
  let central = await open();
  t.after(async () => {
    await central.close();
    await issuer.close();
    dir.remove();
  });
  const resource = 'http://127.0.0.1:9/v1';
  const acme = {
    folder,
    write,
    issuer,
    resource,
    dataDir: join(dir.path, 'data'),
    central: () => central,
    /** Moves the clock of the service, not of the issuer. */
    pass(ms: number) {
      clock += ms;
    },
    async restart() {
      await central.close();
      central = await open();
    },
    close: () => central.close(),
    token: (groups: unknown, change?: Parameters<typeof issuer.token>[2]) => issuer.token(resource, groups, change),
    async get(path: string, token?: string, headers: Record<string, string> = {}) {
      return fetch(central.url + path, {
        headers: { ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }), ...headers },
      });
    },
    async post(path: string, token: string | undefined, body: unknown, headers: Record<string, string> = {}) {
      return fetch(central.url + path, {
        method: 'POST',
        headers: { ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }), 'Content-Type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    },
  };
  return acme;
}

/** Reads the `data` of server-sent events one after the other. */
export async function* events(response: Response): AsyncGenerator<{ event: string; data: { version: number; reason?: string } }> {
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const lines = rest.slice(0, end).split('\n');
      rest = rest.slice(end + 2);
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (field('data') !== undefined) yield { event: field('event')!, data: JSON.parse(field('data')!) };
    }
  }
}
