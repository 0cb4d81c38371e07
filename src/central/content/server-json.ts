import { z } from 'zod';
import { catalogue, launch, serverEntry, serverId, toolFacts } from '../../bundle/schema.ts';
import { upstreamAuth } from '../../bundle/upstream-auth.ts';

/** Where our part of a server.json stands: sub-registries add their own reverse-DNS key to `_meta`. */
export const entryKey = 'dev.gatehouse/entry';

const [none, exchange, oauth, clientCredentials, enterpriseManaged] = upstreamAuth.options;
/** `secret://NAME`, where a bundle has the name. */
const proofs = { clientSecret: z.string().optional(), privateKey: z.string().optional() };

const input = z.looseObject({
  value: z.string().optional(),
  default: z.string().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  /** Told to whoever is asked for a secret. */
  description: z.string().max(1000).optional(),
  // Named here so that a misspelt one is noticed; not read.
  format: z.unknown().optional(),
  placeholder: z.unknown().optional(),
  choices: z.array(z.string()).optional(),
  variables: z.unknown().optional(),
});
export type Input = z.output<typeof input>;
/** Members that decide what an input's value is. */
export type Stated = Pick<Input, 'value' | 'default' | 'isRequired' | 'isSecret' | 'description'>;

/** A variable of a local server's environment: its value, or an input as the registry's format has them. */
const variableInput = z.union([
  z.string(),
  z.strictObject({
    value: input.shape.value,
    default: input.shape.default,
    isRequired: input.shape.isRequired,
    isSecret: input.shape.isSecret,
    description: input.shape.description,
  }),
]);

/** What the company says of a server beyond the registry's own format. */
export const entryMeta = z.strictObject({
  id: serverId,
  dataClass: serverEntry.shape.dataClass,
  trust: serverEntry.shape.trust,
  owner: serverEntry.shape.owner,
  era: serverEntry.shape.era,
  timeoutMs: serverEntry.shape.timeoutMs,
  roots: z.array(z.string().min(1)).default([]),
  auth: z
    .union([
      none.strict(),
      exchange.strict(),
      oauth.extend({ clientSecret: proofs.clientSecret }).strict(),
      clientCredentials.extend(proofs).strict(),
      enterpriseManaged.extend(proofs).strict(),
    ])
    .optional(),
  launch: launch
    .extend({ env: z.record(z.string(), variableInput).default({}) })
    .strict()
    .optional(),
  /** Written by `gatehouse policy bless`; absent means that nobody can use the server. */
  catalogue: catalogue.strict().optional(),
  /** Corrections of what the tool's annotations say, by the company's own judgement. */
  tools: z.record(z.string(), toolFacts.partial().strict()).default({}),
});
export type EntryMeta = z.output<typeof entryMeta>;

/** A header, or a variable of the environment. */
const keyed = input.extend({ name: z.string().min(1), variables: z.record(z.string(), input).optional() });
const remote = z.looseObject({
  type: z.string(),
  url: z.string().min(1),
  variables: z.record(z.string(), input).optional(),
  headers: z.array(keyed).optional(),
});
export type Remote = z.output<typeof remote>;

const argument = input.extend({
  type: z.enum(['positional', 'named']),
  name: z.string().optional(),
  valueHint: z.unknown().optional(),
  isRepeated: z.unknown().optional(),
});

export const packageSpec = z.looseObject({
  registryType: z.string(),
  identifier: z.string().min(1),
  version: z.string().min(1).optional(),
  runtimeHint: z.string().optional(),
  runtimeArguments: z.array(argument).default([]),
  packageArguments: z.array(argument).default([]),
  environmentVariables: z.array(keyed).default([]),
  transport: z
    .looseObject({ type: z.string(), url: z.unknown().optional(), headers: z.unknown().optional(), variables: z.unknown().optional() })
    .optional(),
  registryBaseUrl: z.unknown().optional(),
  fileSha256: z.unknown().optional(),
});
export type PackageSpec = z.output<typeof packageSpec>;

/** The MCP Registry's server.json, schema 2025-12-11, as far as we read it; every other field is kept as it stands. */
export const serverJson = z.looseObject({
  $schema: z.string().optional(),
  name: z.string().regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/, 'a server name is reverse DNS, a slash and a name: com.example/tickets'),
  title: z.string().min(1).max(100).optional(),
  description: z.string().min(1).max(100, 'the registry format allows at most 100 characters'),
  version: z
    .string()
    .min(1)
    .max(255)
    .refine((version) => !/[\^~*<>=|\s]|^latest$|\.x(\.|$)/i.test(version), 'a version is exact: no range, not "latest"'),
  remotes: z.array(remote).optional(),
  packages: z.array(packageSpec).optional(),
  status: z.unknown().optional(),
  repository: z.unknown().optional(),
  websiteUrl: z.unknown().optional(),
  icons: z.unknown().optional(),
  _meta: z.looseObject({ [entryKey]: entryMeta }),
});
export type ServerJson = z.output<typeof serverJson> & { _meta: { [entryKey]: EntryMeta } };
