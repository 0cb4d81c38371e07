import type { Connections } from '../agents/clients/connections.ts';
import type { Agents } from '../agents/credentials/credentials.ts';
import type { AllowList } from '../agents/managed/agent.ts';
import type { Authorization } from '../agents/oauth/authorization.ts';
import type { Shadow } from '../agents/shadow/shadow.ts';
import type { ErrorValue } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import type { Bootstrap, Bundle } from '../bundle/schema.ts';
import type { CompanyClient } from '../company/bundles.ts';
import type { PinnedKey } from '../company/keys.ts';
import type { Uploader } from '../company/upload.ts';
import type { ManagedRow } from '../contract/agents.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Identity } from '../identity/identity.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Policy } from '../policy/policy.ts';
import type { PortWatch } from '../port/watch.ts';
import type { SignIns } from '../upstreams/oauth/sign-ins.ts';
import type { Upstreams } from '../upstreams/pool.ts';
import type { Secrets } from '../upstreams/secrets/secrets.ts';
import type { FindTools } from './search.ts';

export interface CoreSettings {
  /** Base URL of the company's central API; absent: the app is not set up yet. */
  central: string | undefined;
  /** JWK thumbprint (RFC 7638) that the bundle key must have, where the machine's owner pins it. */
  bundleKey?: PinnedKey | undefined;
  port: number;
  maxBodyBytes: number;
  maxDepth: number;
  maxConnections: number;
  headerTimeoutMs: number;
  pollMinutes: number;
}

/** All parts of the app that are open at present. Only `core.ts` and `join.ts` open them and see all of them; other files name those they need. */
export interface AppState {
  host: Host;
  settings: CoreSettings;
  ledger: Ledger;
  agents: Agents;
  authorization: Authorization;
  connections: Connections;
  /** Looks at agents' own managed allow-lists. */
  managed: (list: AllowList | undefined) => ManagedRow[];
  shadow: Shadow;
  upstreams: Upstreams;
  signIns: SignIns;
  secrets: Secrets;
  gateway: Gateway | undefined;
  gatewayError: ErrorValue | undefined;
  port: PortWatch | undefined;
  bootstrap: Bootstrap | undefined;
  bootstrapError: ErrorValue | undefined;
  identity: Identity | undefined;
  company: CompanyClient | undefined;
  uploader: Uploader | undefined;
  /** The policy in use, the bundle that it was made from, and the search over the bundle's tools. */
  rules: { policy: Policy; bundle: Bundle; search: () => Promise<FindTools> } | undefined;
  /** Why the company locks this app out although there is a good bundle. */
  lock: ErrorValue | undefined;
  changed(): void;
  /** Puts what happened to an agent into the record, in words. No secret may be in them. */
  note(reason: string): void;
}

/** Whose secrets they are: two identity providers may use the same subject. */
export const accountOf = ({ bootstrap }: Pick<AppState, 'bootstrap'>, sub: string): string => JSON.stringify([bootstrap?.issuer, sub]);

/** Carries out one command; errors are values. */
export type Dispatch = (command: string, input: unknown) => Promise<{ ok: true; value: unknown } | { ok: false; error: ErrorValue }>;
