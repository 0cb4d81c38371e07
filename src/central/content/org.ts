import { z } from 'zod';
import { clientDecision, clientId, isOncePerClient, otherServers } from '../../bundle/agents.ts';
import { limits } from '../../bundle/schema.ts';

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90s`, `30m`, `12h`, `7d` -> milliseconds. */
const duration = z
  .string()
  .regex(/^[1-9]\d{0,5}[smhd]$/, 'a duration is a number and s, m, h or d, such as 12h')
  .transform((text) => Number(text.slice(0, -1)) * units[text.slice(-1) as keyof typeof units]);

/** `{name}` placeholders may stand in the strings; they are resolved, and the result checked as a URL, when the folder is compiled. */
const text = z.string().min(1).max(2000);

const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a variable is letters, digits and "_"');

export const org = z.strictObject({
  company: z.strictObject({
    id: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'a company id is a-z, 0-9 and "-"'),
    name: text,
    supportUrl: text.optional(),
  }),
  issuer: text,
  client_id: text,
  scopes: z.array(text).min(1).default(['openid', 'profile', 'email', 'offline_access']),
  /** RFC 8707: what access tokens must be issued for, and so the audience that is checked. */
  resource: text,
  /** False: apps do not send `resource` at the sign-in, since the identity provider refuses it (Entra) and tells the audience by the scopes. */
  send_resource: z.boolean().default(true),
  /** A scope that an access token must carry to be let in at all (RFC 6750 `insufficient_scope`). */
  required_scope: text.optional(),
  groups_claim: text.default('groups'),
  /** The groups that policies may speak of. A token's other groups are not passed on. */
  groups: z
    .array(z.strictObject({ name: z.string().min(1).max(256), description: z.string().max(500).default('') }))
    .min(1)
    .max(10_000),
  /** Defaults of the `{name}` placeholders. */
  variables: z.record(variableName, z.union([z.string(), z.number()]).transform(String)).default({}),
  freshness: z
    .strictObject({ stale: duration.default(12 * units.h), expires: duration.default(7 * units.d), resign: duration.default(units.h) })
    .refine(
      (value) => value.resign < value.stale && value.stale < value.expires,
      'resign must be shorter than stale, and stale shorter than expires',
    )
    .default({ stale: 12 * units.h, expires: 7 * units.d, resign: units.h }),
  agents: z
    .strictObject({
      /** Which servers agents may have in their own configuration beside the gateway: `[]` is none. Absent: any. */
      other_servers: otherServers.optional(),
      /** Agents that sign in without a click of the person, or not at all. */
      clients: z
        .array(
          z
            .strictObject({ client_id: clientId, decision: clientDecision, servers: z.array(text).min(1).max(500).optional() })
            .refine(({ decision, servers }) => decision === 'allow' || servers === undefined, {
              path: ['servers'],
              message: 'a client is blocked as a whole: servers stand with "allow"',
            }),
        )
        .max(200)
        .refine((list) => isOncePerClient(list.map((each) => each.client_id)), 'a client stands twice')
        .optional(),
    })
    .refine((agents) => Object.values(agents).some((each) => each !== undefined), {
      path: ['other_servers'],
      message: 'state other_servers or clients, or leave agents out',
    })
    .optional(),
  /** The oldest app that this content is meant for. */
  minimum_app_version: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, 'a version is like 1.2.0')
    .optional(),
  /** Apps refuse an older version than they hold: after a lost database, numbering goes on from here. */
  minimum_bundle_version: z.int().min(1).default(1),
});
export type Org = z.output<typeof org>;

/** `limits.yaml`. */
export const limitsFile = z.strictObject(limits.shape);

/** `remixes/*.yaml`: the format is fixed so that folders may hold them; this version does not serve them. */
export const remix = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'a remix name is a-z, 0-9 and "-"'),
  title: text,
  description: z.string().max(500).optional(),
  tools: z
    .array(
      z.strictObject({
        server: z.string().min(1),
        tool: z.string().min(1),
        as: z.string().min(1).max(45).optional(),
        fixed: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .min(1),
});
export type Remix = z.output<typeof remix>;
