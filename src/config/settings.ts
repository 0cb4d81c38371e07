import { z } from 'zod';

/** Who may set a value, strongest first. A flag of the command line counts as `environment`. */
export const sources = ['machine', 'company', 'environment', 'user'] as const;
export type Owner = (typeof sources)[number];
export type Source = Owner | 'default';

// The registry, ADMX and the environment know only text (and the registry 32-bit numbers); a plist and JSON know the types.
const whole = (least: number, most: number) =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,15}$/, 'must be a whole number')
        .transform(Number),
    ])
    .pipe(z.int().min(least).max(most));
const yesNo = z.union([
  z.boolean(),
  z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1'),
  z.literal([0, 1]).transform(Boolean),
]);
const webAddress = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ''));

const jwk = z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });
const thumbprint = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be an RFC 7638 thumbprint (43 characters) or a JWK');
const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue('must be an RFC 7638 thumbprint (43 characters) or a JWK');
    return z.NEVER;
  }
});
const keyOrKeys = z.union([thumbprint, jwk, z.array(z.union([thumbprint, jwk])).min(1)]);
const bundleKey = z.union([keyOrKeys, json.pipe(keyOrKeys)]);

interface Setting<S extends z.ZodType, D> {
  schema: S;
  owners: readonly Owner[];
  default: D;
  description: string;
  /** Only the owner who set that other setting, or a stronger one, may set this one. */
  follows?: string;
  /** The environment variable, where it is not `GATEHOUSE_` and the key in capitals. */
  variable?: string;
}
const setting = <S extends z.ZodType, const D extends z.output<S> | undefined>(value: Setting<S, D>) => value;

const withoutCompany = ['machine', 'environment', 'user'] as const;
const withoutUser = ['machine', 'company', 'environment'] as const;
const everyOwner = ['machine', 'company', 'environment', 'user'] as const;

/**
 * Every setting there is. MDM documents, the environment, the window and the documentation are all made from this one table. Of several
 * values only the strongest owner's counts: nothing that an employee can write loosens or tightens it.
 */
export const settings = {
  central: setting({
    schema: webAddress,
    owners: withoutCompany,
    default: undefined,
    description: "Base address of the company's central API. The one setting that an installation needs.",
  }),
  bundleKey: setting({
    schema: bundleKey,
    owners: withoutCompany,
    default: undefined,
    follows: 'central',
    description: 'Pins the key that signs bundles: its RFC 7638 thumbprint or JWK, or a list of them while a key is being replaced.',
  }),
  port: setting({
    schema: whole(0, 65_535),
    owners: withoutCompany,
    default: 4283,
    description: "The gateway's port on the loopback address; agents have it in their configuration. 0 takes a free one, for trials.",
  }),
  uiPort: setting({
    schema: whole(0, 65_535),
    owners: withoutCompany,
    default: 4284,
    description: "The window's port where it is shown in a browser.",
  }),
  maxBodyBytes: setting({
    schema: whole(64 * 1024, 256 * 1024 * 1024),
    owners: withoutUser,
    default: 4 * 1024 * 1024,
    description: 'The largest request body that the gateway takes from an agent.',
  }),
  maxDepth: setting({
    schema: whole(8, 512),
    owners: withoutUser,
    default: 64,
    description: 'How deep the JSON of a request may be nested.',
  }),
  maxConnections: setting({
    schema: whole(16, 65_535),
    owners: withoutUser,
    default: 8192,
    description: 'How many connections the gateway holds open at once. Further ones are closed.',
  }),
  headerTimeoutMs: setting({
    schema: whole(1000, 120_000),
    owners: withoutUser,
    default: 10_000,
    description: 'How long a connection may take to send the headers of a request.',
  }),
  logLevel: setting({
    schema: z.enum(['debug', 'info', 'warn', 'error']),
    owners: everyOwner,
    default: 'info',
    variable: 'GATEHOUSE_LOG',
    description: 'How much the log file says.',
  }),
  pollMinutes: setting({
    schema: whole(1, 60),
    owners: withoutUser,
    default: 5,
    description: 'How often the app asks for a new bundle; changes are also pushed.',
  }),
  startAtLogin: setting({ schema: yesNo, owners: withoutCompany, default: false, description: 'Start Gatehouse when the person logs in.' }),
} as const;

export type SettingKey = keyof typeof settings;
export const settingKeys = Object.keys(settings) as SettingKey[];

/** `maxBodyBytes` -> `MaxBodyBytes`: the name in ADMX, the registry, a mobileconfig and managed.json. */
export function managedName(key: SettingKey): string {
  return key[0]!.toUpperCase() + key.slice(1);
}

/** `maxBodyBytes` -> `GATEHOUSE_MAX_BODY_BYTES`. */
export function variableName(key: SettingKey): string {
  const { variable }: { variable?: string } = settings[key];
  return variable ?? `GATEHOUSE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
