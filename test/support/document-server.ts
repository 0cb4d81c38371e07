import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

// Made for these tests: for agent.example, which nobody has (RFC 2606). It opens nothing.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqQDpt2WyTVqQM9Sl
GBAryDiCe4Slt/G/UmfH8WM3N4uhRANCAASIb3PF2yqe+irxmyp/GIZtpJZEGYdD
tCUnOS0mGkcf6pjuNfESlKppfjHWzCnoOMgXJSUCu9zW0Gx8MxrtBnMG
-----END PRIVATE KEY-----`;
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBrDCCAVKgAwIBAgIUDLS38bQriOWjuUxlIo3IsWV1Tb0wCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNYWdlbnQuZXhhbXBsZTAgFw0yNjExMjkxOTU1MjJaGA8yMTI2
MTEwNTE5NTUyMlowGDEWMBQGA1UEAwwNYWdlbnQuZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABIhvc8XbKp76KvGbKn8Yhm2klkQZh0O0JSc5LSYaRx/q
mO418RKUqml+MdbMKeg4yBclJQK73NbQbHwzGu0GcwajeDB2MB0GA1UdDgQWBBQz
Zd6wtyW0EysXcTvoJrAIOcs4LzAfBgNVHSMEGDAWgBQzZd6wtyW0EysXcTvoJrAI
Ocs4LzAPBgNVHRMBAf8EBTADAQH/MCMGA1UdEQQcMBqCDWFnZW50LmV4YW1wbGWC
CWxvY2FsaG9zdDAKBggqhkjOPQQDAgNIADBFAiEAl6Sfi1K9Nt9YUbVtTyPTbM2i
zqMW5JgDMlkW+A/UKYgCIDGKqexa14/+Dy2RetRVMNPel4lCN7Iy4Z3uL1gBGDJt
-----END CERTIFICATE-----`;

/** A web server on loopback that is https://agent.example to whoever trusts its certificate and is told where to find it. */
export async function documentServer(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: string[] = [];
  const server = createServer({ key, cert: certificate }, (request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `https://agent.example:${(server.address() as AddressInfo).port}`, asked };
}
