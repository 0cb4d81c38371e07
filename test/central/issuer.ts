import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** An issuer of access tokens: discovery document, JWKS, and a pen. Real HTTP, real keys; the sign-in itself is tested elsewhere. */
export async function openIssuer() {
  let keys: { kid: string; jwk: JWK; privateKey: CryptoKey }[] = [];
  let fetched = 0;
  let down = false;
  const server = createServer((request, response) => {
    if (down) return void response.writeHead(500).end();
    if (request.url === '/jwks') fetched++;
    const body = request.url === '/jwks' ? { keys: keys.map(({ jwk }) => jwk) } : { issuer: url, jwks_uri: `${url}/jwks` };
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function rotate(): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const kid = `key-${keys.length + 1}-${Date.now()}`;
    keys = [{ kid, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }, privateKey }];
  }
  await rotate();

  return {
    url,
    rotate,
    fetched: () => fetched,
    setDown: (value: boolean) => {
      down = value;
    },
    /** An access token as RFC 9068 wants it, but for what `change` says. */
    token(
      resource: string,
      groups: unknown,
      change: { claims?: Record<string, unknown>; typ?: string; issuer?: string; expires?: string | number } = {},
    ) {
      const { kid, privateKey } = keys[0]!;
      return new SignJWT({ groups, ...change.claims })
        .setProtectedHeader({ alg: 'ES256', kid, typ: change.typ ?? 'at+jwt' })
        .setIssuer(change.issuer ?? url)
        .setAudience(resource)
        .setSubject(String(change.claims?.['sub'] ?? 'ada'))
        .setIssuedAt()
        .setExpirationTime(change.expires ?? '10m')
        .sign(privateKey);
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
