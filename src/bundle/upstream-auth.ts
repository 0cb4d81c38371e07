import { z } from 'zod';
import { secretName } from './secret.ts';

/** RFC 8707 section 2: absolute and without a fragment. */
const absoluteUri = z
  .string()
  .max(2048)
  .regex(/^[a-z][a-z0-9+.-]*:[^\s#]+$/i, 'must be an absolute URI without a fragment');

const webAddress = z.url({ protocol: /^https?$/ }).max(2048);
/** Those that the flow itself sets: an entry must not. */
const ownParameters = /^(?:client_.*|redirect_uri|response_.*|request.*|state|nonce|scope|resource|code_.*|iss)$/;

/** A client that IT registered at an authorization server. What proves it goes to that server alone. */
const registeredClient = {
  /** The authorization server, whose metadata is read (RFC 8414). */
  issuer: webAddress,
  /** Where its token endpoint is on another origin than the issuer. */
  tokenEndpoint: webAddress.optional(),
  clientId: z.string().min(1).max(512),
  /** The name of one of `secrets`: the client's secret, or the key that signs its assertions (`private_key_jwt`). */
  clientSecret: secretName.optional(),
  privateKey: secretName.optional(),
  /** How the authorization server names the public half of that key; a JWK may say it itself. */
  keyId: z.string().min(1).max(256).optional(),
  scope: z.string().min(1).max(512).optional(),
  /** RFC 8707; `false`: not sent. Default: the server's address. */
  resource: z.union([absoluteUri, z.literal(false)]).optional(),
};

/** How the gateway authenticates to the upstream. */
export const upstreamAuth = z.discriminatedUnion('type', [
  z.object({ type: z.literal('none') }),
  /** The person's own token is exchanged at the company's identity provider for one that is for this server (RFC 8693). */
  z.object({
    type: z.literal('exchange'),
    audience: z.string().min(1).max(512).optional(),
    /** Default, where there is no audience: the server's address. */
    resource: absoluteUri.optional(),
    scope: z.string().min(1).max(512).optional(),
  }),
  /** Each person signs in to the server themselves, at its own authorization server (MCP specification, "Authorization"). */
  z.object({
    type: z.literal('oauth'),
    /** Absent: the one that the server names. */
    issuer: webAddress.optional(),
    /** Of a client that IT registered there. Absent: `clientMetadata` where that is understood, else one is registered (RFC 7591). */
    clientId: z.string().min(1).max(512).optional(),
    /** Where that client is a confidential one: the name of its secret, one of `secrets`, which goes to `issuer` alone. */
    clientSecret: secretName.optional(),
    /** Where the client's metadata document can be read by the authorization server: it is the client id then. */
    clientMetadata: z
      .url({ protocol: /^https$/ })
      .max(2048)
      .optional(),
    /** Beside what the server itself asks for. */
    scope: z.string().min(1).max(512).optional(),
    /** RFC 8707; `false`: not sent, since some refuse it. Default: what the server's metadata says, else its address. */
    resource: z.union([absoluteUri, z.literal(false)]).optional(),
    /** What else the authorization request says: `prompt`, `access_type`, `audience` ... */
    authorizeParameters: z
      .record(
        z
          .string()
          .regex(/^[a-z_]{1,40}$/)
          .refine((name) => !ownParameters.test(name), 'Gatehouse sets this parameter itself'),
        z.string().max(512),
      )
      .optional(),
    /** How the redirect URI spells this machine, where the authorization server takes one spelling alone. */
    redirectHost: z.enum(['127.0.0.1', 'localhost']).optional(),
  }),
  /** Gatehouse calls as itself, whoever the person is (RFC 6749 section 4.4). */
  z.object({ type: z.literal('client-credentials'), ...registeredClient }),
  /**
   * The company's identity provider says to the upstream's authorization server who the person is (ID-JAG, then RFC 7523). A client without a proof is a
   * public one.
   */
  z.object({ type: z.literal('enterprise-managed'), ...registeredClient }),
]);
