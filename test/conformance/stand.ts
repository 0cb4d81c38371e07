import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { entry, makeBundle, openTestGateway } from '../support/gateway.ts';
import { openFixture, type Variant } from './fixture.ts';

/** One upstream called `fixture`, blessed as it is now: listed by the same code that `gatehouse policy bless` uses. */
export async function blessed(url: string, era: 'auto' | 'legacy' | 'modern', version = 1) {
  const catalogue = await fetchCatalogue({ id: 'fixture', url, era });
  return makeBundle({ servers: [entry({ id: 'fixture', url, era, catalogue })], version });
}

/** Conformance's server mode: the fixture behind a gateway behind the proxy that holds the credential. */
export async function openStand(variant: Variant) {
  let version = 1;
  let following: Promise<void> = Promise.resolve();
  const fixture = await openFixture(variant, () => {
    // A list that changes upstream changes nothing for agents until the company has blessed it; this company is quick.
    following = following.then(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await gateway.apply(await blessed(fixture.url, 'auto', ++version));
    });
  });
  const gateway = await openTestGateway(await blessed(fixture.url, 'auto'));
  const proxy = await openBearerProxy(gateway.gateway.port, gateway.token);
  return {
    url: `http://127.0.0.1:${proxy.port}/mcp/s/fixture`,
    async close() {
      await following;
      await proxy.close();
      await gateway.close();
      await fixture.close();
    },
  };
}

/**
 * Adds the credential that the suite cannot send (server mode has no option for headers), and nothing else: the gateway itself is never without.
 * Of Host and Origin only our own port becomes the gateway's, as if the suite had asked there; names pass as they came, so that it is the
 * gateway's guard that lets them in or not.
 */
async function openBearerProxy(port: number, token: string) {
  const server = http.createServer((request, response) => {
    const own = (server.address() as AddressInfo).port;
    const headers: http.OutgoingHttpHeaders = { ...request.headers, authorization: `Bearer ${token}` };
    for (const name of ['host', 'origin'])
      if (typeof headers[name] === 'string') headers[name] = headers[name].replace(new RegExp(`:${own}$`), `:${port}`);
    const onward = http.request({ host: '127.0.0.1', port, method: request.method, path: request.url, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    // Closing is how a modern agent cancels: it has to reach the gateway.
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
