import type { IncomingMessage } from 'node:http';
import type { Log } from '../../base/log.ts';
import type { Reply } from '../../base/reply.ts';
import type { Bundles } from '../publish/bundles.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { Signer } from '../publish/signing-key.ts';
import type { CentralStore, RegistryTimes } from '../store/store.ts';
import type { Streams } from './events.ts';
import type { UploadedRecord } from './intake.ts';
import type { Caller, Tokens } from './tokens.ts';

/** All that a route may use. */
export interface Services {
  url: string;
  store: CentralStore;
  signer: Signer;
  publisher: Publisher;
  bundles: Bundles;
  streams: Streams;
  registryTimes(): ReadonlyMap<string, RegistryTimes>;
  tokens(): Tokens;
  now: () => number;
  log: Log;
  hashRecord(record: UploadedRecord): string;
}
export interface Env {
  Bindings: { incoming: IncomingMessage; outgoing: Reply };
  Variables: { caller: Caller };
}
