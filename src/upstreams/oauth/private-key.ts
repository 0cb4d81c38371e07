import { createPrivateKey, type JsonWebKey, type KeyObject, webcrypto } from 'node:crypto';
import * as oidc from 'openid-client';
import { Failure } from '../../base/errors.ts';

type Algorithm = { name: string; namedCurve?: string; hash?: string };

const curves: Record<string, { namedCurve: string; alg: string }> = {
  prime256v1: { namedCurve: 'P-256', alg: 'ES256' },
  secp384r1: { namedCurve: 'P-384', alg: 'ES384' },
  secp521r1: { namedCurve: 'P-521', alg: 'ES512' },
};

/**
 * A client that signs what it asks with its own key (`private_key_jwt`, RFC 7523 section 2.2, OpenID Connect Core section 9). The audience of what it
 * signs is the issuer alone, so that nobody else can use it. `text`: a private key in PEM form, its line ends left or lost, or a JWK. `offered`: the
 * algorithms that the server states. Rejects with a Failure that quotes nothing of the key.
 */
export async function keyAuthentication(
  text: string,
  keyId: string | undefined,
  offered: readonly string[] | undefined,
): Promise<oidc.ClientAuth> {
  const { key, kid = keyId } = read(text);
  const [alg, algorithm] = algorithmOf(key, offered ?? []);
  // The older name of the same (RFC 9864): keys are registered by it, and many servers know no other.
  const spelt = alg === 'Ed25519' && offered?.includes('EdDSA') !== false ? 'EdDSA' : alg;
  if (offered && !offered.includes(spelt)) throw wrong(`the authorization server takes no ${spelt}, which this key signs with`);
  const der = new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }));
  const signing = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  return oidc.PrivateKeyJwt(
    { key: signing as oidc.CryptoKey, ...(kid === undefined ? {} : { kid }) },
    {
      [oidc.modifyAssertion](header) {
        header['alg'] = spelt;
      },
    },
  );
}

function read(text: string): { key: KeyObject; kid?: string } {
  try {
    if (!text.trimStart().startsWith('{')) return { key: createPrivateKey(inLines(text)) };
    const jwk = JSON.parse(text) as JsonWebKey & { kid?: unknown };
    return { key: createPrivateKey({ key: jwk, format: 'jwk' }), ...(typeof jwk.kid === 'string' ? { kid: jwk.kid } : {}) };
  } catch {
    throw wrong('it is neither a PEM file without a passphrase nor a JWK');
  }
}

/** A field of one line has lost its line ends, which the format needs. */
function inLines(pem: string): string {
  const [, begin, body = '', end] = /^\s*(-----BEGIN [A-Z ]+-----)([A-Za-z0-9+/=\s]+)(-----END [A-Z ]+-----)\s*$/.exec(pem) ?? [];
  const lines = body.replace(/\s/g, '').match(/.{1,64}/g) ?? [];
  return [begin, ...lines, end, ''].join('\n');
}

function algorithmOf(key: KeyObject, offered: readonly string[]): [alg: string, algorithm: Algorithm] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve = '', modulusLength = 0 } = {} } = key;
  const curve = curves[namedCurve];
  if (type === 'ec' && curve) return [curve.alg, { name: 'ECDSA', namedCurve: curve.namedCurve }];
  if (type === 'ed25519') return ['Ed25519', { name: 'Ed25519' }];
  // RFC 7518 section 3.3.
  if (type !== 'rsa' || modulusLength < 2048) throw wrong('it is no EC, Ed25519 or RSA key, or one of fewer than 2048 bits');
  const pss = offered.includes('PS256') && !offered.includes('RS256');
  return pss ? ['PS256', { name: 'RSA-PSS', hash: 'SHA-256' }] : ['RS256', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }];
}

const wrong = (why: string): Failure =>
  new Failure('bad-input', `The private key of its client cannot be used: ${why}.`, 'Enter the key again, or ask IT for another one.');
