import type { IncomingMessage } from 'node:http';
import { Hono, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { parseJson, readBody, readJson, sendJson } from './http.ts';
import { ledgerHead, ledgerUpload, takeLedger } from './intake.ts';
import { notProven, provenDevice } from './proof.ts';
import { checkReceipt, receipt } from './receipt.ts';
import { Refusal } from './refusal.ts';
import type { Env, Services } from './services.ts';

const mib = 1024 * 1024;
const mostOpenRequests = 100;

const request = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('access'),
    server: z.string().min(1).max(64),
    tool: z.string().max(256).optional(),
    reason: z.string().min(1).max(2000),
  }),
  z.looseObject({
    kind: z.literal('server'),
    name: z.string().min(1).max(200),
    url: z.string().max(2000).optional(),
    /** How it is started where it has no address, without values. */
    command: z.string().max(2000).optional(),
    reason: z.string().min(1).max(2000),
  }),
]);

/** What apps send: receipts, the ledger and requests of people. */
export function intakeRoutes({ url, store, now, log, hashRecord }: Services, signedIn: MiddlewareHandler<Env>): Hono<Env> {
  const app = new Hono<Env>();
  const iso = () => new Date(now()).toISOString();
  const deviceOf = ({ method = '', headers }: IncomingMessage, body: Uint8Array) =>
    provenDevice(headers['gatehouse-device'], { method, url: `${url}/v1/ledger`, authorization: headers.authorization, body, now: now() });

  app.post('/v1/receipts', signedIn, async (c) => {
    const { sub } = c.get('caller');
    const body = await readJson(c.env.incoming, receipt, mib / 16);
    await checkReceipt(body, { audience: `${url}/v1/receipts`, person: sub });
    store.enrol(body.device, sub, iso());
    store.addReceipt(sub, body, body, iso());
    return c.body(null, 204);
  });

  app.post('/v1/ledger', signedIn, async (c) => {
    const body = await readBody(c.env.incoming, 16 * mib);
    const device = await deviceOf(c.env.incoming, body);
    const upload = parseJson(body, ledgerUpload);
    if (upload.device !== device) throw notProven();
    const result = takeLedger(store, c.get('caller').sub, upload, hashRecord, iso(), (incident) =>
      log.warn(incident, 'an incident with the ledger of a device'),
    );
    if ('acknowledged' in result) return sendJson(c.env.outgoing, 200, result);
    const { expected, hash, message } = result;
    throw new Refusal(409, 'conflict', message, `Send the records from ${expected} on.`, {
      extra: { expected, ...(hash === undefined ? {} : { hash }) },
    });
  });

  app.get('/v1/ledger', signedIn, async (c) => {
    const head = ledgerHead(store, await deviceOf(c.env.incoming, Buffer.alloc(0)));
    return sendJson(c.env.outgoing, 200, { head: head ?? null });
  });

  app.post('/v1/requests', signedIn, async (c) => {
    const body = await readJson(c.env.incoming, request, mib / 16);
    const id = store.addRequest(c.get('caller').sub, body.kind, body, iso(), mostOpenRequests);
    if (id === undefined)
      throw new Failure('conflict', `You have ${mostOpenRequests} open requests.`, 'Wait until some of them were answered.');
    return sendJson(c.env.outgoing, 201, { id, status: 'open' });
  });

  return app;
}
