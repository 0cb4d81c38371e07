import net, { type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** A way to a server that can go dead without a word, as connections do while a machine sleeps. What is opened afterwards works. */
export async function openStalling(t: Pick<TestContext, 'after'>, to: string) {
  const { hostname, port, pathname } = new URL(to);
  const all = new Set<net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      all.add(one);
      one.pipe(other);
      one.on('error', () => {});
      one.on('close', () => {
        all.delete(one);
        if (!one.isPaused()) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const one of all) one.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    stall() {
      for (const one of all) one.unpipe().pause();
    },
  };
}
