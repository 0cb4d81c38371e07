import { z } from 'zod';
import { Failure } from '../base/errors.ts';
import type { Bootstrap } from '../bundle/schema.ts';
import { readJson } from './answer.ts';
import { type Device, proof } from './device.ts';
import { type AccessToken, send } from './send.ts';

/**
 * What the central API says to ledger records: up to where it has them, or (409) which sequence number it expects next. `problem`: it
 * cannot take them at all, since they contradict what it has.
 */
export type LedgerAnswer = { acknowledged: number } | { expected: number; hash?: string; problem?: { message: string; fix?: string } };

const acknowledged = z.object({ acknowledged: z.int().min(0) });
const expected = z.object({
  expected: z.int().min(1),
  hash: z.string().optional(),
  error: z.string().optional(),
  message: z.string().optional(),
  fix: z.string().optional(),
});

const headAnswer = z.object({
  head: z.object({ chain: z.string(), seq: z.int().min(0), hash: z.string(), incidents: z.array(z.string()) }).nullable(),
});
/** What the central API keeps of this device. `incidents`: sentences for people. */
export type LedgerHead = NonNullable<z.output<typeof headAnswer>['head']>;

/** What is sent to the central API. Each call is one authenticated exchange, repeated here only for an expired token. */
export function openPosts(options: {
  via: { fetch: typeof fetch; accessToken: AccessToken };
  bootstrap: () => Bootstrap;
  now: () => number;
  timeoutMs: number;
}) {
  const { via, bootstrap, now, timeoutMs } = options;
  function post<T>(
    to: keyof Bootstrap['endpoints'],
    text: string,
    statuses: number[],
    signal: AbortSignal,
    read: (response: Response) => Promise<T>,
    device?: Device,
  ) {
    const headers = { accept: 'application/json' };
    const url = bootstrap().endpoints[to];
    // Encoded once: it is signed and sent.
    const body = Buffer.from(text);
    const sealed =
      device === undefined ? {} : { sealed: (token: string) => proof(device, { method: 'POST', url, token, body, now: now() }) };
    return send(via, { method: 'POST', url, headers, body, statuses, signal, timeoutMs, read, ...sealed });
  }
  return {
    /** `records`: a JSON array of them. */
    ledger: (device: Device, records: string, chain: string, signal: AbortSignal): Promise<LedgerAnswer> => {
      const body = `{"device":${JSON.stringify(device.id)},"chain":${JSON.stringify(chain)},"records":${records}}`;
      const read = async (response: Response): Promise<LedgerAnswer> => {
        const said = await readJson(response, 64 * 1024);
        if (response.status === 200) return shaped(acknowledged, said);
        const { expected: next, hash, error, message, fix } = shaped(expected, said);
        const problem =
          error === 'integrity'
            ? { message: (message ?? 'The records contradict those uploaded before.').slice(0, 300), ...(fix === undefined ? {} : { fix }) }
            : undefined;
        return { expected: next, ...(hash === undefined ? {} : { hash }), ...(problem === undefined ? {} : { problem }) };
      };
      return post('ledger', body, [200, 409], signal, read, device);
    },

    /** Where the chain of this device ends at the central API; undefined: it has nothing of it. Any other answer is `unavailable`. */
    ledgerHead: async (device: Device, signal: AbortSignal): Promise<LedgerHead | undefined> => {
      const url = bootstrap().endpoints.ledger;
      const { head } = await send(via, {
        method: 'GET',
        url,
        headers: { accept: 'application/json' },
        sealed: (token) => proof(device, { method: 'GET', url, token, body: noBody, now: now() }),
        statuses: [200],
        read: async (response) => shaped(headAnswer, await readJson(response, 256 * 1024)),
        signal,
        timeoutMs,
      }).catch((error: unknown) => {
        // A central API that does not know the route, or this device, cannot be compared with. It must not pass for one that has nothing.
        if (!(error instanceof Failure) || error.code === 'signed-out') throw error;
        throw new Failure('unavailable', error.message, error.fix, { cause: error });
      });
      return head ?? undefined;
    },

    /** "Device D applied version N at T", signed with the device's key so that it can be checked without trusting the carrier. */
    receipt: async (device: Device, person: string, version: number, at: number, signal: AbortSignal): Promise<void> => {
      const audience = bootstrap().endpoints.receipts;
      const said = { device: device.id, version, at: new Date(at).toISOString(), audience, person };
      const body = JSON.stringify({ ...said, jws: device.sign('gatehouse-receipt+jws', said) });
      await post('receipts', body, [200, 201, 202, 204], signal, async (response) => response.body?.cancel());
    },

    request: (request: CompanyRequest, signal: AbortSignal): Promise<{ id: string }> =>
      post(
        'requests',
        JSON.stringify({ kind: 'server' in request ? 'access' : 'server', ...request }),
        [200, 201, 202],
        signal,
        async (response) => shaped(z.object({ id: z.string().min(1).max(200) }), await readJson(response, 16 * 1024)),
      ),
  };
}
/** What a person asks of the company: to be let in at a blessed server, or to bless one, by its address or by its command. */
export type CompanyRequest =
  | { server: string; tool?: string | undefined; reason: string }
  | { name: string; url?: string; command?: string; reason: string };

const noBody = Buffer.alloc(0);

export type Posts = ReturnType<typeof openPosts>;

function shaped<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Failure(
    'unavailable',
    'The central API gave an answer that its contract does not know.',
    'Tell the people who run the central API.',
  );
}
