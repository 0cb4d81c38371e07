import { openDevice, proof } from '../../src/company/device.ts';
import { testHost } from '../support/host.ts';
import type { openAcme } from './open.ts';

/** A device with a real key that signs what it sends to `/v1/ledger`. `records` may be a whole body as text. */
export async function ownDevice(acme: Awaited<ReturnType<typeof openAcme>>) {
  const device = await openDevice(testHost());
  const now = () => Date.now();
  const url = () => `${acme.central().url}/v1/ledger`;
  return {
    ...device,
    post(token: string, records: unknown[] | string, chain = 'c') {
      const body = typeof records === 'string' ? records : JSON.stringify({ device: device.id, chain, records });
      return acme.post('/v1/ledger', token, body, proof(device, { method: 'POST', url: url(), token, body, now: now() }));
    },
    head: (token: string) => acme.get('/v1/ledger', token, proof(device, { method: 'GET', url: url(), token, body: '', now: now() })),
  };
}
